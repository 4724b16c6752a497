"""From final scores to a verdict: code alone sets the number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median, stdev
from typing import NamedTuple

from agents.protocol import Aggregation, DebateProtocol
from agents.rubric import Dimension
from agents.seats import Seat
from agents.transcript import DimensionVerdict, Outcome

TRIMMED_SHARE = 0.2
"""Cut from each end by `trimmed`, rounded down: nothing below five scores."""


class FinalScore(NamedTuple):
    """Where one seat ended on one dimension."""

    seat: Seat
    score: float | None
    certainty: int | None
    outcome: Outcome


def settle(dimension: Dimension, finals: Sequence[FinalScore], protocol: DebateProtocol) -> DimensionVerdict:
    """The verdict on one dimension.

    Scores are averaged within a stakeholder group, then over groups, so that a group's size is no vote; `median`,
    `trimmed` and `certainty_weighted` do both steps their way. `raked` is the mean over all personas with their
    weights, which already say how much of the population each group is. Undecided below `personas_min` scores.
    """
    used = [final for final in finals if final.score is not None]
    decided = len(used) >= max(1, protocol.personas_min)
    by_group = _by_group(finals, protocol.aggregation)
    value = _over_groups(used, by_group, protocol.aggregation) if decided else None
    threshold = dimension.pass_threshold
    return DimensionVerdict(
        value=value,
        passed=None if value is None or threshold is None else value >= threshold,
        outcome=Outcome.DECIDED if decided else why_undecided(finals),
        n_used=len(used),
        n_asked=len(finals),
        dissent=stdev(final.score or 0.0 for final in used) if len(used) > 1 else None,
        by_persona={final.seat.id: final.score for final in finals},
        by_group=by_group,
    )


def why_undecided(finals: Sequence[FinalScore]) -> Outcome:
    """The most frequent reason for which scores are missing."""
    reasons = Counter(
        Outcome.ABSTAINED if final.outcome is Outcome.DECIDED else final.outcome
        for final in finals
        if final.score is None
    )
    return reasons.most_common(1)[0][0] if reasons else Outcome.FAILED


def _by_group(finals: Sequence[FinalScore], how: Aggregation) -> dict[str, float | None]:
    groups: dict[str, list[FinalScore]] = {}
    for final in finals:
        members = groups.setdefault(final.seat.persona.group_id, [])
        if final.score is not None:
            members.append(final)
    return {name: _RULES[how](members) if members else None for name, members in sorted(groups.items())}


def _over_groups(used: Sequence[FinalScore], by_group: Mapping[str, float | None], how: Aggregation) -> float:
    if how is Aggregation.RAKED:
        return _raked(used)
    known = [value for value in by_group.values() if value is not None]
    if how is Aggregation.CERTAINTY_WEIGHTED:
        certainties = _group_certainties(used)
        weights = [certainties[name] for name, value in by_group.items() if value is not None]
        return _weighted(known, weights)
    if how is Aggregation.MEDIAN:
        return median(known)
    return _trim(known) if how is Aggregation.TRIMMED else fmean(known)


def _group_certainties(used: Sequence[FinalScore]) -> dict[str, float]:
    groups: dict[str, list[float]] = {}
    for final in used:
        groups.setdefault(final.seat.persona.group_id, []).append(float(final.certainty or 1))
    return {name: fmean(certainties) for name, certainties in groups.items()}


def _mean(finals: Sequence[FinalScore]) -> float:
    return fmean(final.score or 0.0 for final in finals)


def _median(finals: Sequence[FinalScore]) -> float:
    return float(median(final.score or 0.0 for final in finals))


def _trimmed(finals: Sequence[FinalScore]) -> float:
    return _trim([final.score or 0.0 for final in finals])


def _trim(values: Sequence[float]) -> float:
    cut = int(TRIMMED_SHARE * len(values))
    return fmean(sorted(values)[cut : len(values) - cut])


def _certain(finals: Sequence[FinalScore]) -> float:
    return _weighted([final.score or 0.0 for final in finals], [float(final.certainty or 1) for final in finals])


def _raked(finals: Sequence[FinalScore]) -> float:
    return _weighted([final.score or 0.0 for final in finals], [final.seat.persona.weight for final in finals])


def _weighted(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


_RULES: dict[Aggregation, Callable[[Sequence[FinalScore]], float]] = {
    Aggregation.MEAN: _mean,
    Aggregation.MEDIAN: _median,
    Aggregation.TRIMMED: _trimmed,
    Aggregation.CERTAINTY_WEIGHTED: _certain,
    Aggregation.RAKED: _raked,
}
