"""What did not come: failures and abstentions by persona, what the worst case would do, and how abstentions flip."""

from __future__ import annotations

import numpy as np

from stability.estimates import Warnings, rate
from stability.layout import Layout
from stability.measures import flips
from stability.measures.features import Floats
from stability.report import Estimate, Missing, MissingCounts


def missing_report(
    lay: Layout, threshold: float | None, scale: tuple[float, float] | None, warnings: Warnings
) -> Missing:
    """Counts, rates and worst-case bounds, for each persona and for every arm's verdicts.

    scale: lowest and highest grade, for the bounds; those that occur where None.
    """
    scores = lay.ratings.score
    known = scores[np.isfinite(scores)]
    if scale is None:
        scale = (float(known.min()), float(known.max())) if len(known) else None
    groups = {name: lay.alone & (lay.persona == index) for index, name in enumerate(lay.personas)}
    _warn_ceiling(scores[lay.alone], scale, warnings)
    return Missing(
        personas={name: _counts(lay, rows, threshold, scale) for name, rows in groups.items()},
        arms={arm: _counts(lay, lay.rows_of("verdict", arm), threshold, scale) for arm in lay.arms()},
        abstention_flips=_abstention_flips(lay),
    )


def _counts(
    lay: Layout,
    rows: np.ndarray[tuple[int], np.dtype[np.bool_]],
    threshold: float | None,
    scale: tuple[float, float] | None,
) -> MissingCounts:
    scores = lay.ratings.score[rows]
    asked, used = len(scores), int(np.isfinite(scores).sum())
    abstained = int(lay.ratings.abstained[rows].sum())
    return MissingCounts(
        asked=asked,
        used=used,
        failed=asked - used - abstained,
        abstained=abstained,
        failed_rate=(asked - used - abstained) / asked if asked else None,
        abstained_rate=abstained / asked if asked else None,
        mean=float(np.nanmean(scores)) if used else None,
        mean_bounds=None
        if scale is None or not asked
        else (_mean_with(scores, scale[0]), _mean_with(scores, scale[1])),
        pass_rate=None if threshold is None or not used else float((scores[np.isfinite(scores)] >= threshold).mean()),
        pass_rate_bounds=None if threshold is None or not asked else _pass_bounds(scores, threshold),
    )


def _mean_with(scores: Floats, filled: float) -> float:
    """The mean if every missing score were `filled`."""
    return float(np.where(np.isfinite(scores), scores, filled).mean())


def _pass_bounds(scores: Floats, threshold: float) -> tuple[float, float]:
    """Pass rate if every missing score failed, and if every one passed."""
    passed, missing = scores >= threshold, np.isnan(scores)
    return float(passed.mean()), float((passed | missing).mean())


def _abstention_flips(lay: Layout) -> Estimate | None:
    """Chance that a persona abstains in one of two runs and not in the other; None where nobody abstained."""
    rows = lay.alone
    abstained = lay.ratings.abstained[rows]
    if not abstained.any():
        return None
    answered = np.isfinite(lay.ratings.score[rows])
    outcome = np.where(abstained, 1, np.where(answered, 0, -1)).astype(np.int64)  # a failure is no decision
    shape = (len(lay.items), len(lay.personas))
    table = flips.cell_rates(lay.item[rows], lay.persona[rows], outcome, shape, 2)
    return rate(flips.average(table, lay.cluster, lay.clusters), len(lay.items))


def _warn_ceiling(scores: Floats, scale: tuple[float, float] | None, warnings: Warnings) -> None:
    known = scores[np.isfinite(scores)]
    if scale is None or len(np.unique(known)) <= 2:  # pass or fail has two ends and nothing between
        return
    for end, name in zip(scale, ("lowest", "highest"), strict=True):
        share = float((known == end).mean())
        if share > 0.2:
            warnings.add(
                f"{name}_grade_common",
                f"{share:.0%} of the scores are the {name} grade: variances shrink near the end of a scale",
            )
