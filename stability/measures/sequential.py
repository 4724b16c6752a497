"""When to stop re-running one item: looks fixed in advance, a pooled variance, and the price of looking paid.

Plain t with peeking is unusable: five equal answers give it width 0 and 51-73 % coverage. Here the item's variance is
shrunk towards the pooled run variance of other items and alpha is divided by the number of looks, which covered
98 % at 95 % nominal. `betting_interval` is for those who want a guarantee without assumptions, at about twice the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from stability.measures.clustered import FloatArray

Decision = Literal["continue", "stop", "borderline"]

PRIOR_DF = 4.0
"""Degrees of freedom that the pooled variance is worth."""
_BETS = np.array([0.06, 0.15, 0.3, 0.5, 0.7, 0.9])
_GRID = np.linspace(0.0, 1.0, 161)


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When to look, and what satisfies. Exactly one of `half_width` and `threshold` is the aim."""

    looks: tuple[int, ...] = (5, 10, 20)
    """Numbers of runs after which to look, rising; the last is the cap."""
    half_width: float | None = None
    """Stop when the mean is known to this, in points of the scale."""
    threshold: float | None = None
    """Pass/fail: stop when the interval excludes this score."""
    level: float = 0.95

    def __post_init__(self) -> None:
        if not self.looks or self.looks[0] < 2 or list(self.looks) != sorted(set(self.looks)):
            raise ValueError(f"looks {self.looks!r} must rise from 2 or more")
        if (self.half_width is None) == (self.threshold is None):
            raise ValueError("give either half_width or threshold, not both and not neither")
        if self.half_width is not None and not self.half_width > 0:
            raise ValueError(f"half_width {self.half_width!r} must be above 0")
        if not 0 < self.level < 1:
            raise ValueError(f"level {self.level!r} must lie between 0 and 1")

    @classmethod
    def between(
        cls, runs_min: int, runs_max: int, *, half_width: float | None = None, threshold: float | None = None
    ) -> StoppingRule:
        """Looks at `runs_min` runs, then at each doubling, then at `runs_max`: (3, 20) looks at 3, 6, 12, 20."""
        looks = [runs_min]
        while looks[-1] * 2 < runs_max:
            looks.append(looks[-1] * 2)
        return cls(tuple(sorted({*looks, runs_max})), half_width, threshold)


class Look(NamedTuple):
    """What to do after the runs so far."""

    decision: Decision
    """borderline: the cap is reached and the aim is not; say so, toss no coin."""
    mean: float | None
    half_width: float | None
    """None where it cannot be known yet: fewer than two scores, or no pooled variance."""
    next_look: int | None
    """Runs to have in all before looking again; None once decided."""
    passed: bool | None = None
    """Pass/fail aim: on which side of the threshold the interval lies; None while it holds the threshold."""


def next_look(scores: Sequence[float] | FloatArray, rule: StoppingRule, pooled_variance: float | None) -> Look:
    """Whether one item needs more runs.

    `s~2 = (d0 s0^2 + SS) / (d0 + n - 1)`, half-width `t_{d0 + n - 1, 1 - alpha/(2 L)} sqrt(s~2 / n)`, d0 = 4, L looks.

    Args:
        scores: one per run so far, in any order; NaN for a run without a score, which counts as run but not as score.
        rule: the looks and the aim.
        pooled_variance: mean run variance of other items or of a pilot (20 items of 3 runs suffice), or of earlier
            evaluations. None: nothing but equal answers may be luck, so the item goes on to the cap.

    Returns:
        `Look`. Between two looks it is always `continue`: a decision there would be an unpaid look.
    """
    values = np.asarray(scores, dtype=np.float64)
    runs, values = len(values), values[np.isfinite(values)]
    mean = float(values.mean()) if len(values) else None
    reach = _half_width(values, rule, pooled_variance)
    following = next((look for look in rule.looks if look > runs), None)
    if runs < rule.looks[-1] and runs not in rule.looks:
        return Look("continue", mean, reach, following)
    passed = _side(mean, reach, rule.threshold)
    satisfied = passed is not None
    if rule.half_width is not None:
        satisfied = reach is not None and reach <= rule.half_width
    if satisfied:
        return Look("stop", mean, reach, None, passed)
    return Look("continue" if following else "borderline", mean, reach, following)


def _half_width(values: FloatArray, rule: StoppingRule, pooled_variance: float | None) -> float | None:
    n = len(values)
    if n < 2 or pooled_variance is None:
        return None
    freedom = PRIOR_DF + n - 1
    variance = (PRIOR_DF * max(pooled_variance, 0.0) + float(((values - values.mean()) ** 2).sum())) / freedom
    quantile = special.stdtrit(freedom, 1 - (1 - rule.level) / (2 * len(rule.looks)))
    return float(quantile * np.sqrt(variance / n))


def _side(mean: float | None, reach: float | None, threshold: float | None) -> bool | None:
    """True above the threshold, False below, None where the interval holds it or there is none."""
    if mean is None or reach is None or threshold is None or abs(mean - threshold) <= reach:
        return None
    return mean > threshold


class BettingInterval(NamedTuple):
    """Bounds of the mean, valid at every number of runs at once."""

    low: float
    high: float


def betting_interval(
    scores: Sequence[float] | FloatArray, *, lowest: float, highest: float, level: float = 0.95
) -> BettingInterval:
    """Anytime-valid confidence sequence of a bounded mean, after the last of `scores`: stop whenever you like.

    A mixture over bets c of wealth `prod(1 + (c/m)(x - m))` and its mirror; a mean m is kept while their average
    stays below 1/alpha, intersected over all runs so far (Waudby-Smith and Ramdas 2024, hedged capital). Bounds are
    widened outward to the next of 161 grid points.

    Args:
        scores: in the order of the runs; NaN is left out.
        lowest: lower end of the scale.
        highest: upper end.
        level: confidence level.
    """
    values = np.asarray(scores, dtype=np.float64)
    x = (values[np.isfinite(values)] - lowest) / (highest - lowest)
    if not len(x):
        return BettingInterval(lowest, highest)
    wealth = np.logaddexp(_log_wealth(x, _GRID), _log_wealth(1 - x, 1 - _GRID)) - np.log(2)
    kept = np.flatnonzero(wealth.max(axis=0) < -np.log(1 - level))
    if not len(kept):  # chance alpha at most: no mean fits, so nothing is claimed
        return BettingInterval(lowest, highest)
    low, high = _GRID[max(kept[0] - 1, 0)], _GRID[min(kept[-1] + 1, len(_GRID) - 1)]
    return BettingInterval(float(lowest + low * (highest - lowest)), float(lowest + high * (highest - lowest)))


def _log_wealth(x: FloatArray, means: FloatArray) -> FloatArray:
    """(runs, means): log of the mean over bets of the wealth of betting that the mean is above m."""
    odds = x[:, None] / np.maximum(means, 1e-12)[None, :]
    steps = np.log1p(_BETS[:, None, None] * (odds - 1)[None])
    return np.asarray(special.logsumexp(np.cumsum(steps, axis=1), axis=0) - np.log(len(_BETS)))
