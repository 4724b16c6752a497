"""One statistic of the report: its value, its interval, what is behind it and whom it speaks for."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Universe = Literal["fixed", "random"]
"""fixed: "these personas"; random: "personas written by this recipe"."""


class Part(BaseModel):
    """Any part of the report."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval(Part):
    """A confidence interval."""

    low: float | None
    """None: unbounded on this side."""
    high: float | None
    level: float = 0.95
    method: str
    """`jackknife-t(log)`, `hybrid-chi2`, `cluster-bootstrap`, ..."""


class Estimate(Part):
    """One statistic. `value` is null where it is undefined, never 0; a warning then says why."""

    value: float | None
    ci: Interval | None
    n_used: int
    n_asked: int
    universe: Universe
