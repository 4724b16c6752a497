"""Weights that make a panel match a population's marginal shares: raking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.errors import PersonaInputError
from clustering.persona import PersonaSet

ONLY_MARGINS = "only_margins_match"
"""Warning code: the shares of every single attribute match, their combinations need not."""
SMALL_EFFECTIVE_SIZE = "small_effective_size"
"""Warning code: the weights leave less than half of the panel's effective size."""
NOT_CONVERGED = "not_converged"


@dataclass(frozen=True)
class Raked:
    """Weights with mean 1, and what they cost."""

    weights: NDArray[np.float64]
    effective_size: float
    """Kish (1965): (sum of weights)² / sum of squared weights."""
    iterations: int
    largest_gap: float
    """Largest difference between a weighted share and its target."""
    warnings: tuple[str, ...]


def rake(
    attributes: Mapping[str, Sequence[str]], margins: Mapping[str, Mapping[str, float]], *,
    iterations_max: int = 1000, tolerance: float = 1e-8,
) -> Raked:  # fmt: skip
    """Weights under which every attribute's shares match its margin (iterative proportional fitting, Deming & Stephan 1940).

    attributes: per attribute, one value per unit. margins: per attribute, the population's share of each value
    (normalised to sum to 1). Raises PersonaInputError where a margin names a value that no unit has, a unit has a
    value without a margin, or lengths differ.
    """
    codes, targets, count = _encode(attributes, margins)
    weights = np.ones(count)
    gap, iteration = np.inf, 0
    while gap > tolerance and iteration < iterations_max:
        iteration += 1
        for code, target in zip(codes, targets, strict=True):
            shares = np.bincount(code, weights, minlength=len(target)) / weights.sum()
            weights = weights * (target / shares)[code]
        gap = max(
            float(np.abs(np.bincount(code, weights, minlength=len(target)) / weights.sum() - target).max())
            for code, target in zip(codes, targets, strict=True)
        )
    weights = weights / weights.mean()
    effective = float(weights.sum() ** 2 / np.sum(weights**2))
    warnings = [ONLY_MARGINS] if len(codes) > 1 else []
    warnings += [SMALL_EFFECTIVE_SIZE] if effective < count / 2 else []
    warnings += [NOT_CONVERGED] if gap > tolerance else []
    return Raked(weights, effective, iteration, gap, tuple(warnings))


def _encode(
    attributes: Mapping[str, Sequence[str]], margins: Mapping[str, Mapping[str, float]]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.float64]], int]:
    if not margins:
        raise PersonaInputError("no margins were given; give the population's shares of at least one attribute")
    lengths = {name: len(attributes.get(name, ())) for name in margins}
    count = max(lengths.values())
    codes, targets = [], []
    for name, shares in margins.items():
        values = list(attributes.get(name, ()))
        if len(values) != count or not values:
            raise PersonaInputError(f"attribute {name!r} has {len(values)} values for {count} units; give one for each")
        if unknown := sorted(set(values) - set(shares)):
            raise PersonaInputError(f"attribute {name!r}: no margin for {unknown!r}; add their shares")
        wanted = {value: share for value, share in shares.items() if share > 0}
        if empty := sorted(set(wanted) - set(values)):
            raise PersonaInputError(f"attribute {name!r}: nobody on the panel is {empty!r}; drop or merge these values")
        if set(values) - set(wanted) or any(not np.isfinite(share) or share < 0 for share in shares.values()):
            raise PersonaInputError(
                f"attribute {name!r}: shares must be above 0 for every value on the panel: {dict(shares)!r}"
            )
        order = sorted(wanted)
        codes.append(np.array([order.index(value) for value in values], dtype=np.int64))
        target = np.array([wanted[value] for value in order], dtype=np.float64)
        targets.append(target / target.sum())
    return codes, targets, count


def calibrate_personas(
    persona_set: PersonaSet, attributes: Mapping[str, Mapping[str, str]], margins: Mapping[str, Mapping[str, float]]
) -> PersonaSet:
    """A new set with raked persona weights, its parent recorded.

    attributes: per attribute, the value of every persona by its id; `group` needs none, it is each persona's group id.
    """
    columns = {name: [values.get(one.id, "") for one in persona_set.personas] for name, values in attributes.items()}
    columns.setdefault("group", [one.group_id for one in persona_set.personas])
    raked = rake(columns, margins)
    personas = tuple(
        one.model_copy(update={"weight": float(weight)})
        for one, weight in zip(persona_set.personas, raked.weights, strict=True)
    )
    return persona_set.model_copy(
        update={
            "personas": personas, "parent": persona_set.content_hash,
            "warnings": tuple(dict.fromkeys((*persona_set.warnings, *raked.warnings))),
            "statistics": {**persona_set.statistics, "effective_size": raked.effective_size},
        }
    )  # fmt: skip
