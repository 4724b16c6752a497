"""Agreement with human scores, beside the stability: correlations by number of averaged runs, and arms compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from stability.measures.clustered import Clustered, FloatArray, IntArray, bootstrap

Kind = Literal["spearman", "kendall", "pearson"]
ITEMS_MIN = 3
PAIRS_ITEMS_MAX = 2500
"""Kendall's bootstrap multiplies by an items x items matrix; with more items its interval takes `FEW` resamples."""
FEW = 100


class Agreement(NamedTuple):
    """Correlation of the mean of so many runs with the human scores, over items, with cluster-bootstrap intervals."""

    runs: int
    spearman: Clustered
    kendall: Clustered
    """tau-b."""
    pearson: Clustered


class DependentTest(NamedTuple):
    """Do two arms correlate differently with the same humans? Positive: the first correlates higher."""

    difference: float | None
    statistic: float | None
    p: float | None
    """Two-sided."""


def human_agreement(
    scores: FloatArray,
    human: FloatArray,
    cluster: IntArray,
    generator: np.random.Generator,
    *,
    run_counts: tuple[int, ...] | None = None,
    draws: int = 5,
    resamples: int = 2000,
) -> tuple[Agreement, ...]:
    """Spearman, Kendall and Pearson correlation with humans, by number of averaged runs.

    For k runs, each item's score is the mean of k of its runs drawn without replacement; the correlation is averaged
    over `draws` such drawings (one, where k takes all runs), in the estimate and in every resample alike.

    Args:
        scores: (items, runs): verdicts, or one persona's or the panel's score per run; NaN = missing.
        human: (items,) human scores, NaN = missing.
        cluster: (items,) labels; whole clusters are resampled.
        generator: draws runs and clusters.
        run_counts: numbers of runs; 1, 2, 5, 10 ... and all of them by default.
        draws: drawings per number of runs.
        resamples: of the cluster bootstrap.

    Returns:
        One `Agreement` per number; its values are None with fewer than 3 items or where either side does not vary.
    """
    most = int(np.isfinite(scores).sum(axis=1).max(initial=0))
    counts = run_counts or tuple(sorted({count for count in (1, 2, 5, 10, 20, 50, most) if count <= most}))
    return tuple(
        _agreement(count, scores, human, cluster, generator, draws if count < most else 1, resamples)
        for count in counts
        if 1 <= count <= most
    )


def _agreement(
    count: int,
    scores: FloatArray,
    human: FloatArray,
    cluster: IntArray,
    generator: np.random.Generator,
    draws: int,
    resamples: int,
) -> Agreement:
    usable = np.isfinite(human) & (np.isfinite(scores).sum(axis=1) >= count)
    x = np.stack([_draw(scores[usable], count, generator) for _ in range(draws)])
    y, groups = human[usable], cluster[usable]
    few = resamples if len(y) <= PAIRS_ITEMS_MAX else min(resamples, FEW)
    return Agreement(
        count,
        *(
            _interval(kind, x, y, groups, generator, few if kind == "kendall" else resamples)
            for kind in ("spearman", "kendall", "pearson")
        ),
    )


def _draw(scores: FloatArray, count: int, generator: np.random.Generator) -> FloatArray:
    """(items,): the mean of `count` finite runs of each item, drawn without replacement."""
    order = np.where(np.isfinite(scores), generator.random(scores.shape), np.inf).argsort(axis=1)[:, :count]
    return np.asarray(np.take_along_axis(scores, order, axis=1).mean(axis=1))


def _interval(
    kind: Kind, x: FloatArray, y: FloatArray, cluster: IntArray, generator: np.random.Generator, resamples: int
) -> Clustered:
    value = correlation(kind, x, y)
    return bootstrap(value, cluster, lambda weights: _weighted(kind, x, y, weights), generator, resamples=resamples)


def correlation(kind: Kind, x: FloatArray, y: FloatArray) -> float | None:
    """Correlation of (draws, items) with (items,), averaged over the draws; None where undefined."""
    if len(y) < ITEMS_MIN:
        return None
    value = float(_weighted(kind, np.atleast_2d(x), y, np.ones((1, len(y))))[0])
    return value if np.isfinite(value) else None


def _weighted(kind: Kind, x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """(rows,): the correlation in each resample given as item weights, averaged over the draws of x."""
    one: Callable[[FloatArray, FloatArray, FloatArray], FloatArray] = {
        "spearman": _weighted_spearman,
        "kendall": _weighted_kendall,
        "pearson": _weighted_pearson,
    }[kind]
    return np.asarray(np.mean([one(drawn, y, weights) for drawn in x], axis=0))


def _weighted_pearson(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """x and y: (items,) or (rows, items)."""
    total = weights.sum(axis=1, keepdims=True)
    dx = x - (weights * x).sum(axis=1, keepdims=True) / total
    dy = y - (weights * y).sum(axis=1, keepdims=True) / total
    spread = (weights * dx**2).sum(axis=1) * (weights * dy**2).sum(axis=1)
    shared = (weights * dx * dy).sum(axis=1)
    return np.where(spread > 1e-18, shared / np.sqrt(np.where(spread > 1e-18, spread, 1.0)), np.nan)


def _weighted_spearman(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    return _weighted_pearson(_weighted_ranks(x, weights), _weighted_ranks(y, weights), weights)


def _weighted_ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """(rows, items) mid-ranks where item i stands weights[row, i] times."""
    order = values.argsort(kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    group = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(group, axis=1) - group / 2 + 0.5
    ranks = np.empty_like(weights)
    ranks[:, order] = np.repeat(middle, np.diff(np.r_[starts, len(values)]), axis=1)
    return ranks


def _weighted_kendall(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    if len(y) > PAIRS_ITEMS_MAX:
        return np.array([_repeated_kendall(x, y, row) for row in weights])
    sx, sy = (np.sign(side[:, None] - side[None, :]) for side in (x, y))
    both, scale_x, scale_y = (
        ((weights @ matrix) * weights).sum(axis=1) for matrix in (sx * sy, np.abs(sx), np.abs(sy))
    )
    scale = np.sqrt(scale_x * scale_y)
    return np.where(scale > 0, both / np.where(scale > 0, scale, 1.0), np.nan)


def _repeated_kendall(x: FloatArray, y: FloatArray, row: FloatArray) -> float:
    from scipy import stats  # as dear to import as the rest of a report takes: only large tables with humans need it

    drawn = np.repeat(np.arange(len(y)), row.astype(np.int64))
    return float(stats.kendalltau(x[drawn], y[drawn]).statistic)


def compare_arms(
    first: FloatArray,
    second: FloatArray,
    human: FloatArray,
    cluster: IntArray,
    generator: np.random.Generator,
    *,
    kind: Kind = "spearman",
    resamples: int = 2000,
) -> tuple[Clustered, DependentTest]:
    """Difference of two arms' correlations with the same humans: paired cluster bootstrap, and Williams' test.

    The interval respects clusters; Williams' test takes items as independent (approximate for Spearman and Kendall),
    so where the two disagree, trust the interval.

    Args:
        first: (items,) mean verdicts of one arm, NaN = missing.
        second: (items,) of the other.
        human: (items,) human scores.
        cluster: (items,) labels.
        generator: draws the clusters.
        kind: which correlation.
        resamples: of the bootstrap.
    """
    usable = np.isfinite(first) & np.isfinite(second) & np.isfinite(human)
    a, b, h = first[usable], second[usable], human[usable]
    left, right, between = correlation(kind, a, h), correlation(kind, b, h), correlation(kind, a, b)
    if left is None or right is None or between is None:
        empty = Clustered(None, n_used=len(h), clusters=len(np.unique(cluster[usable])))
        return empty, DependentTest(None, None, None)

    def difference(weights: FloatArray) -> FloatArray:
        return _weighted(kind, a[None], h, weights) - _weighted(kind, b[None], h, weights)

    interval = bootstrap(left - right, cluster[usable], difference, generator, resamples=resamples)
    return interval, williams_test(left, right, between, len(h))


def williams_test(first: float, second: float, between: float, n: int) -> DependentTest:
    """Williams' t for two dependent correlations that share a variable (Williams 1959; Steiger 1980, eq. 7).

    Args:
        first: r(arm 1, human).
        second: r(arm 2, human).
        between: r(arm 1, arm 2).
        n: items.

    Returns:
        `DependentTest` with n - 3 degrees of freedom; statistic and p are None with fewer than 4 items or where the
        arms are the same up to scale.
    """
    if n < 4 or 1 - abs(between) < 1e-12:
        return DependentTest(first - second, None, None)
    determinant = 1 - first**2 - second**2 - between**2 + 2 * first * second * between
    mean = (first + second) / 2
    spread = 2 * (n - 1) / (n - 3) * determinant + mean**2 * (1 - between) ** 3
    if spread <= 0:
        return DependentTest(first - second, None, None)
    t = (first - second) * np.sqrt((n - 1) * (1 + between) / spread)
    return DependentTest(first - second, float(t), float(2 * special.stdtr(n - 3, -abs(t))))
