"""What an evaluation says over its runs: the verdict of each arm and dimension, and how often it came again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, NamedTuple

from agents import Arm, Dimension, Rubric
from service.application.records import DimensionScore, Status

INTERVAL_LEVEL = 0.95
WIDEST_FIRST = (Arm.DEBATE, Arm.STANCE, Arm.SELF_REFLECTION, Arm.PANEL)
"""Arms, the one in which personas see most of each other first."""
WORST = "*"
"""The dimension that disagrees most, where dimensions are named."""
_NOT_HEARD = frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLED, Status.EXPIRED})


def graded_rubric(rubric: Rubric, item_kind: str) -> Rubric:
    """The scales that verdicts of such an item stand on: a pair is compared, everything else graded."""
    from agents import pair_rubric

    return pair_rubric(rubric) if item_kind == "pair" else rubric


class HeardRun(NamedTuple):
    """What scoring needs of one run."""

    repeat: int
    status: str
    verdicts: Mapping[str, Any] | None
    """Verdict dumps by arm."""


def score_runs(rubric: Rubric, runs: Sequence[HeardRun]) -> dict[str, dict[str, DimensionScore]]:
    """By arm, then dimension; arms in the order of the first run that has them."""
    arms = list(dict.fromkeys(arm for run in runs for arm in (run.verdicts or {})))
    return {arm: {one.name: _score(one, arm, runs) for one in rubric.dimensions} for arm in arms}


def instability(scores: Mapping[str, Mapping[str, DimensionScore]]) -> float | None:
    """The largest run-to-run variance of a dimension's verdict in the last arm asked for; None below two runs."""
    if not scores:
        return None
    last = scores[list(scores)[-1]]
    variances = [variance for one in last.values() if (variance := _variance(_decided(one.run_values))) is not None]
    return max(variances, default=None)


def heard(score: DimensionScore) -> int:
    """Repeats that ended with or without a verdict: what agreement is counted over. A failed hearing is one that disagrees."""
    if not score.outcomes:
        return score.n_used
    return sum(outcome not in _NOT_HEARD for outcome in score.outcomes)


def disagreement(score: DimensionScore) -> float | None:
    """Share of the heard repeats that did not come out like most of them; None below two, and where none decided."""
    repeats = heard(score)
    return 1 - score.agree / repeats if repeats > 1 and score.n_used else None


def disagreement_columns(scores: Mapping[str, Mapping[str, DimensionScore]]) -> dict[str, Any]:
    """What lists are ordered by: how far the repeats disagree in the widest arm, and in every arm and dimension.

    The second by arm, then dimension, `WORST` for the one that disagrees most: the share that disagrees and the
    standard deviation between repeats. An arm that was not heard stands for the widest that was; a dimension never heard
    twice is left out.
    """
    by_arm = {}
    for arm, parts in scores.items():
        own = {name: found for name, score in parts.items() if (found := _distrust(score)) is not None}
        by_arm[arm] = {WORST: max(own.values()), **own} if own else own
    widest = next((by_arm[arm] for arm in WIDEST_FIRST if arm in by_arm), {})
    asked = {arm.value: by_arm.get(arm, widest) for arm in WIDEST_FIRST}
    return {
        "disagreement": widest[WORST][0] if widest else None,
        "disagreements": asked if any(asked.values()) else None,
    }


def _distrust(score: DimensionScore) -> tuple[float, float] | None:
    share = disagreement(score)
    return None if share is None else (share, math.sqrt(_variance(_decided(score.run_values)) or 0.0))


def dump_scores(scores: Mapping[str, Mapping[str, DimensionScore]]) -> dict[str, Any]:
    return {arm: {name: asdict(score) for name, score in parts.items()} for arm, parts in scores.items()}


def load_scores(data: Mapping[str, Any] | None) -> dict[str, dict[str, DimensionScore]]:
    return {arm: {name: _loaded(score) for name, score in parts.items()} for arm, parts in (data or {}).items()}


def _loaded(score: Mapping[str, Any]) -> DimensionScore:
    return DimensionScore(**{**score, "run_values": tuple(score["run_values"]), "outcomes": tuple(score["outcomes"])})


def _score(dimension: Dimension, arm: str, runs: Sequence[HeardRun]) -> DimensionScore:
    verdicts = [((run.verdicts or {}).get(arm) or {}).get("dimensions", {}).get(dimension.name) for run in runs]
    values = tuple(verdict["value"] if verdict else None for verdict in verdicts)
    decided = _decided(values)
    mean = sum(decided) / len(decided) if decided else None
    low, high = _interval(decided, dimension)
    threshold = dimension.pass_threshold
    return DimensionScore(
        value=mean,
        ci_low=low,
        ci_high=high,
        ci_method="t" if low is not None else None,
        n_used=len(decided),
        n_asked=len(runs),
        agree=_agreeing(decided, dimension),
        passed=None if mean is None or threshold is None else mean >= threshold,
        run_values=values,
        single_sd=_single_sd(verdicts_of_panel(runs, dimension.name)),
        outcomes=tuple(
            verdict["outcome"] if verdict else run.status for verdict, run in zip(verdicts, runs, strict=True)
        ),
    )


def verdicts_of_panel(runs: Sequence[HeardRun], dimension: str) -> list[Mapping[str, float | None]]:
    """Each run's phase-1 scores by persona."""
    found = []
    for run in runs:
        verdict = ((run.verdicts or {}).get("panel") or {}).get("dimensions", {}).get(dimension)
        if verdict:
            found.append(verdict["by_persona"])
    return found


def _single_sd(panels: Sequence[Mapping[str, float | None]]) -> float | None:
    """Pooled over personas: sum of squares within personas over its degrees of freedom."""
    squares, freedom = 0.0, 0
    for persona in dict.fromkeys(name for panel in panels for name in panel):
        values = _decided([panel.get(persona) for panel in panels])
        if len(values) > 1:
            mean = sum(values) / len(values)
            squares += sum((value - mean) ** 2 for value in values)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom) if freedom else None


def _agreeing(values: Sequence[float], dimension: Dimension) -> int:
    if not values:
        return 0
    threshold = dimension.pass_threshold
    outcomes = [value >= threshold if threshold is not None else math.floor(value + 0.5) for value in values]
    return max(Counter(outcomes).values())


def _interval(values: Sequence[float], dimension: Dimension) -> tuple[float | None, float | None]:
    """Student's t over the runs, kept on the scale; none below two runs, nor where all agree: that is no certainty."""
    variance = _variance(values)
    if variance is None or variance == 0:
        return None, None
    mean, half = sum(values) / len(values), _quantile(len(values) - 1) * math.sqrt(variance / len(values))
    return max(float(dimension.low), mean - half), min(float(dimension.high), mean + half)


def load_scoring() -> None:
    """Imports what intervals need, ahead of the first."""
    _quantile(1)


@lru_cache
def _quantile(freedom: int) -> float:
    """Of Student's t, two-sided."""
    from scipy.special import stdtrit  # a tenth of what importing scipy.stats takes

    return float(stdtrit(freedom, 0.5 + INTERVAL_LEVEL / 2))


def _decided(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _variance(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
