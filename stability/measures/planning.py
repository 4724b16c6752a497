"""Dependability of a verdict from so many personas and runs, and the cheapest design that reaches a target.

Source: Brennan, Generalizability Theory (2001), D-studies; absolute error, personas random unless fixed is said.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stability.measures.components import Coefficient, VarianceComponents
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


def dependability(parts: VarianceComponents, personas: npt.ArrayLike = 1, runs: npt.ArrayLike = 1) -> Coefficient:
    """Item variance beside the absolute error of a mean of `personas` x `runs` calls, personas random.

    With a single observed persona (P = 1) persona and interaction are unknown: item carries them, and the figure
    holds for that persona alone.
    """
    between = np.where(np.isnan(parts.persona), 0.0, _positive(parts.persona) + _positive(parts.item_persona))
    many = np.asarray(personas, dtype=float)
    error = between / many + _positive(parts.run) / (many * np.asarray(runs, dtype=float))
    return Coefficient(parts.item, error)


def phi(parts: VarianceComponents, personas: npt.ArrayLike = 1, runs: npt.ArrayLike = 1) -> Floats:
    """(tables,) `dependability` as a number in [0, 1]."""
    return dependability(parts, personas, runs).truncated()


def dependability_fixed(parts: VarianceComponents, personas: int, runs: float = 1) -> Coefficient:
    """Signal beside error of exactly these `personas`: their interaction is signal, only runs are error."""
    interaction = np.where(np.isnan(parts.item_persona), 0.0, _positive(parts.item_persona))
    return Coefficient(parts.item + interaction / personas, _positive(parts.run) / (personas * runs))


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
