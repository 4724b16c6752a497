"""Weights that make a panel match a population's marginal shares: raking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clustering.errors import CalibrationError
from clustering.persona import Calibration, PersonaSet

ONLY_MARGINS = "only_margins_match"
"""Warning code: the shares of the given attributes match, one by one; their combinations and all else need not."""
SMALL_EFFECTIVE_SIZE = "small_effective_size"
"""Warning code: the weights leave less than half of the panel's effective size."""
MARGINS_LOST = "margins_no_longer_match"
"""Warning code: the set was calibrated and changed afterwards; its weights are of the panel that it was."""
CALIBRATION_WARNINGS = (ONLY_MARGINS, SMALL_EFFECTIVE_SIZE, MARGINS_LOST)
GROUP = "group"
"""The attribute that every persona has: its stakeholder group's id."""
SUM_TOLERANCE = 0.005
"""Shares printed with three digits may miss 1 by this much; they are scaled to it."""


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


@dataclass(frozen=True)
class _Margin:
    """One attribute: which category each unit has, and the share of each category."""

    name: str
    categories: list[str]
    code: NDArray[np.int64]
    target: NDArray[np.float64]

    def shares(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self.code, weights, minlength=len(self.target)) / weights.sum())


def rake(
    attributes: Mapping[str, Sequence[str]], margins: Mapping[str, Mapping[str, float]], *,
    iterations_max: int = 1000, tolerance: float = 1e-8,
) -> Raked:  # fmt: skip
    """Weights under which every attribute's shares match its margin.

    Iterative proportional fitting (Deming & Stephan 1940), from equal weights: of all weights that match, those
    nearest to equal ones (least Kullback-Leibler divergence). attributes: per attribute, one value per unit. margins:
    per attribute, the population's share of each value, summing to 1.

    Raises CalibrationError where a margin names a value that no unit has, a unit has a value without a margin, shares
    do not sum to 1, lengths differ, no weights above 0 match all margins, or they are not found in time.
    """
    encoded = _encode(attributes, margins)
    count = len(encoded[0].code)
    weights = np.ones(count)
    gap, iteration = np.inf, 0
    while gap > tolerance and iteration < iterations_max:
        iteration += 1
        for one in encoded:
            weights = weights * (one.target / one.shares(weights))[one.code]
        gap = max(float(np.abs(one.shares(weights) - one.target).max()) for one in encoded)
    if gap > tolerance:
        raise _unmatched(encoded, weights, iteration)
    weights = weights / weights.mean()
    effective = float(weights.sum() ** 2 / np.sum(weights**2))
    warnings = (ONLY_MARGINS, SMALL_EFFECTIVE_SIZE) if effective < count / 2 else (ONLY_MARGINS,)
    return Raked(weights, effective, iteration, gap, warnings)


def _unmatched(margins: Sequence[_Margin], weights: NDArray[np.float64], iterations: int) -> CalibrationError:
    """Why raking ended without weights: there are none, or they were not found in time."""
    off = {one.name: np.abs(one.shares(weights) - one.target) for one in margins}
    name = max(off, key=lambda key: float(off[key].max()))
    worst = next(one for one in margins if one.name == name)
    place = int(off[name].argmax())
    told = (
        f"{name!r} is still off: {worst.categories[place]!r} has {worst.shares(weights)[place]:.4f} "
        f"where {worst.target[place]:.4f} is asked"
    )
    if _least_weight(margins) < 1e-9:
        return CalibrationError(
            "no weights above 0 match all shares at once, since the panel lacks combinations that they need "
            f"({told}); merge categories, leave an attribute out, or add personas",
            ("margins",), "infeasible",
        )  # fmt: skip
    return CalibrationError(
        f"no weights were found in {iterations} rounds ({told}); merge small categories", ("margins",), "not_converged"
    )


def _least_weight(margins: Sequence[_Margin]) -> float:
    """The largest possible least weight among weights that sum to 1 and match all margins; -1 where there are none."""
    from scipy.optimize import linprog

    count = len(margins[0].code)
    rows = [(one.code == place).astype(float) for one in margins for place in range(len(one.target))]
    equal = np.column_stack([np.array(rows), np.zeros(len(rows))])
    above = np.column_stack([-np.eye(count), np.ones(count)])
    found = linprog(
        [0.0] * count + [-1.0], A_ub=above, b_ub=np.zeros(count), A_eq=equal,
        b_eq=np.concatenate([one.target for one in margins]), bounds=[(0, 1)] * (count + 1),
    )  # fmt: skip
    return float(found.x[-1]) if found.x is not None else -1.0


def _encode(attributes: Mapping[str, Sequence[str]], margins: Mapping[str, Mapping[str, float]]) -> list[_Margin]:
    if not margins:
        message = "no margins were given; give the population's shares of at least one attribute"
        raise CalibrationError(message, ("margins",), "no_margins")
    count = max(len(attributes.get(name, ())) for name in margins)
    return [_margin(name, list(attributes.get(name, ())), shares, count) for name, shares in margins.items()]


def _margin(name: str, values: list[str], shares: Mapping[str, float], count: int) -> _Margin:
    def wrong(message: str, code: str) -> CalibrationError:
        return CalibrationError(f"attribute {name!r}: {message}", ("margins", name), code)

    if len(values) != count or not values:
        raise wrong(f"{len(values)} values for {count} units; give one for each", "missing_value")
    if any(not np.isfinite(share) or share < 0 for share in shares.values()):
        raise wrong(f"shares must be numbers from 0 to 1: {dict(shares)!r}", "bad_share")
    total = sum(shares.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise wrong(f"the shares sum to {total:.6g}; give all categories of the population, summing to 1", "not_one")
    if unknown := sorted(set(values) - set(shares)):
        raise wrong(f"no margin for {unknown!r}, which the panel holds; add their shares", "unknown_category")
    if zero := sorted(value for value in set(values) if shares[value] == 0):
        raise wrong(f"shares must be above 0 for every value on the panel: {zero!r}; drop those personas", "bad_share")
    order = sorted(value for value, share in shares.items() if share > 0)
    if empty := sorted(set(order) - set(values)):
        raise wrong(f"nobody on the panel is {empty!r}; add such personas, or merge categories", "empty_category")
    target = np.array([shares[value] for value in order], dtype=np.float64)
    code = np.array([order.index(value) for value in values], dtype=np.int64)
    return _Margin(name, order, code, target / target.sum())


def calibrate_personas(
    persona_set: PersonaSet, attributes: Mapping[str, Mapping[str, str]], margins: Mapping[str, Mapping[str, float]]
) -> PersonaSet:
    """A new set with raked persona weights, its parent recorded; old weights do not matter.

    attributes: per attribute, values of personas by their ids. What is not given there is taken from the personas'
    demographics, and `group` from their groups. Raises CalibrationError, see `rake`, and for an attribute that some
    persona lacks or a persona that is not there.
    """
    values = {name: _values(persona_set, name, attributes.get(name, {})) for name in margins}
    if unused := sorted(set(attributes) - set(margins)):
        message = f"no margins for the attribute(s) {unused!r}; give the population's shares, or leave them out"
        raise CalibrationError(message, ("attributes", unused[0]), "unknown_attribute")
    raked = rake({name: list(by_id.values()) for name, by_id in values.items()}, margins)
    personas = tuple(
        one.model_copy(update={"weight": float(weight)})
        for one, weight in zip(persona_set.personas, raked.weights, strict=True)
    )
    calibration = Calibration(
        margins={name: dict(shares) for name, shares in margins.items()}, values=values,
        effective_size=raked.effective_size, largest_gap=raked.largest_gap, iterations=raked.iterations,
    )  # fmt: skip
    kept = [one for one in persona_set.warnings if one not in CALIBRATION_WARNINGS]
    return persona_set.model_copy(
        update={
            "personas": personas, "parent": persona_set.content_hash, "method": "edited", "calibration": calibration,
            "warnings": (*kept, *raked.warnings),
        }
    )  # fmt: skip


def _values(persona_set: PersonaSet, name: str, given: Mapping[str, str]) -> dict[str, str]:
    """The attribute's value of every persona by its id."""
    known = {one.id for one in persona_set.personas}
    if strangers := sorted(set(given) - known):
        message = f"no persona {strangers[0]!r} in the set; it has {sorted(known)!r}"
        raise CalibrationError(message, ("attributes", name, strangers[0]), "unknown_persona")
    found = {
        one.id: given.get(one.id) or one.demographics.get(name) or (one.group_id if name == GROUP else "")
        for one in persona_set.personas
    }
    lacking = sorted(persona_id for persona_id, value in found.items() if not value)
    if len(lacking) == len(found):
        message = f"attribute {name!r} is unknown: neither given, nor `{GROUP}`, nor a demographic of any persona"
        raise CalibrationError(f"{message}; give it under `attributes`", ("margins", name), "unknown_attribute")
    if lacking:
        message = f"attribute {name!r} has no value for {lacking!r}; give it under `attributes`, or drop these personas"
        raise CalibrationError(message, ("attributes", name), "missing_value")
    return found
