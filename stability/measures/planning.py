"""Dependability of a verdict from so many personas and runs, and the cheapest design that reaches a target.

Source: Brennan, Generalizability Theory (2001), D-studies; absolute error, personas random unless fixed is said.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stability.measures.components import VarianceComponents, divide
from stability.measures.features import Floats

RUNS_MAX = 50
PERSONAS_MIN_GRID = 20


class Design(NamedTuple):
    """A number of personas and of runs of each, and the dependability that they buy."""

    personas: int
    runs: int
    phi: float

    @property
    def calls(self) -> int:
        return self.personas * self.runs


def _positive(values: Floats) -> Floats:
    """Components inside coefficients: negative is 0, undefined stays undefined."""
    return np.maximum(values, 0.0)


def phi(parts: VarianceComponents, personas: npt.ArrayLike = 1, runs: npt.ArrayLike = 1) -> Floats:
    """(tables,) absolute dependability of a mean of `personas` x `runs` calls, personas random.

    With a single observed persona (P = 1) persona and interaction are unknown: item carries them, and the figure
    holds for that persona alone.
    """
    item = _positive(parts.item)
    between = np.where(np.isnan(parts.persona), 0.0, _positive(parts.persona) + _positive(parts.item_persona))
    many = np.asarray(personas, dtype=float)
    error = between / many + _positive(parts.run) / (many * np.asarray(runs, dtype=float))
    return divide(item, item + error)


def phi_fixed(parts: VarianceComponents, personas: int, runs: float = 1) -> Floats:
    """(tables,) dependability of exactly these `personas`: their interaction is signal, only runs are error."""
    interaction = np.where(np.isnan(parts.item_persona), 0.0, _positive(parts.item_persona))
    signal = _positive(parts.item) + interaction / personas
    return divide(signal, signal + _positive(parts.run) / (personas * runs))


def generalizability(parts: VarianceComponents, personas: float = 1, runs: float = 1) -> Floats:
    """(tables,) relative coefficient E rho^2: as `phi`, but a persona's overall harshness is no error."""
    item = _positive(parts.item)
    between = np.where(np.isnan(parts.item_persona), 0.0, _positive(parts.item_persona))
    return divide(item, item + between / personas + _positive(parts.run) / (personas * runs))


def phi_limit(parts: VarianceComponents, personas: int) -> float | None:
    """Dependability with endlessly many runs of so many personas; None where undefined."""
    value = float(phi(parts, personas, math.inf)[0])
    return value if math.isfinite(value) else None


def runs_needed(parts: VarianceComponents, personas: int, target: float) -> int | None:
    """Fewest runs of each of so many personas that reach the target; None when no number of runs is enough."""
    item, run = max(float(parts.item[0]), 0.0), max(float(parts.run[0]), 0.0)
    between = sum(max(float(v), 0.0) for v in (parts.persona[0], parts.item_persona[0]) if math.isfinite(v))
    if not item > 0 or not math.isfinite(run):
        return None
    odds = target / (1 - target)
    room = 1 - odds * between / (personas * item)
    if room <= 0:
        return None
    return max(1, math.ceil(odds * run / (personas * item) / room - 1e-9))


def grid(parts: VarianceComponents, observed: int, single_only: bool = False) -> list[Design]:
    """Every design of 1..max(20, P) personas (one where only one was observed) and 1..50 runs."""
    most = 1 if single_only else max(PERSONAS_MIN_GRID, observed)
    first = VarianceComponents(*(getattr(parts, part.name)[:1] for part in fields(parts) if part.name != "together"))
    personas, runs = (axis.ravel() for axis in np.mgrid[1 : most + 1, 1 : RUNS_MAX + 1])
    values = phi(first, personas, runs)
    return [
        Design(int(p), int(r), float(value))
        for p, r, value in zip(personas, runs, values, strict=True)
        if math.isfinite(value)
    ]


def cheapest(designs: list[Design], target: float) -> Design | None:
    """Fewest calls that reach the target, ties to fewer runs per persona; None when none does."""
    enough = [design for design in designs if design.phi >= target]
    return min(enough, key=lambda design: (design.calls, design.runs), default=None)
