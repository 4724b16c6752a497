"""How often to hear one item: what the service asks before it re-runs (`repeats: {"min", "max", "half_width"}`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from stability.measures.sequential import StoppingRule, next_look


def runs_wanted(
    scores: Sequence[float | None],
    *,
    runs_min: int,
    runs_max: int,
    half_width: float,
    pooled_variance: float | None,
) -> int:
    """How many more runs one item needs until its mean is known to `half_width`; 0 where it needs none.

    The rule looks after `runs_min` runs, at each doubling and at `runs_max`, the cap; between two looks the answer is
    the runs up to the next. Statistics of `next_look`, which pays for every look.

    Args:
        scores: one per finished run, None for a run that gave no score.
        runs_min: runs before the first look, 2 or more (1 is taken as 2: one score has no spread).
        runs_max: the cap.
        half_width: in points of the scale.
        pooled_variance: run variance of other items, from `pooled_run_variance`; None while there is none, and then
            the item goes on to the cap: equal answers may be luck.
    """
    first = max(2, min(runs_min, runs_max))
    if len(scores) >= runs_max:
        return 0
    if runs_max <= first:
        return runs_max - len(scores)
    rule = StoppingRule.between(first, runs_max, half_width=half_width)
    known = [float("nan") if score is None else float(score) for score in scores]
    following = next_look(known, rule, pooled_variance).next_look
    return 0 if following is None else following - len(scores)


def pooled_run_variance(scores_by_item: Iterable[Sequence[float | None]], first_runs: int) -> float | None:
    """Mean run variance of other items, each from its first so many runs; None where no item has two scores there.

    Only first runs count: an item stopped early because its runs agreed would pull the mean down.
    """
    spreads = []
    for scores in scores_by_item:
        known = [score for score in scores[: max(first_runs, 2)] if score is not None]
        if len(known) >= 2:
            spreads.append(float(np.var(known, ddof=1)))
    return float(np.mean(spreads)) if spreads else None


def stopping_half_width(values: Sequence[float], *, pilot_variance: float | None, looks: int = 3) -> float | None:
    """Half-width of the item's mean at one of `looks` planned looks; None while it cannot be known.

    values: the scores so far; pilot_variance: run variance pooled over other items. Statistics of `next_look`.
    """
    rule = StoppingRule(looks=tuple(range(2, 2 + looks)), half_width=1.0)
    return next_look(list(values), rule, pilot_variance).half_width
