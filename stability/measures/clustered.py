"""Intervals over clusters for the further measures: delete-one-cluster jackknife-t of sums, and the cluster bootstrap.

A measure that is a function of sums over items is jackknifed in one pass (total minus each cluster's sum); one that
ranks its items is bootstrapped, each resample being a row of whole-number weights, so that it is computed in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stability.measures import intervals
from stability.measures.intervals import CLUSTERS_MIN, Scale

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

WEIGHTS_AT_ONCE = 4_000_000
"""Most bootstrap weights held at a time: 32 MB."""


class Clustered(NamedTuple):
    """An estimate over clusters; None where undefined, or without an interval below `CLUSTERS_MIN` clusters."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n_used: int = 0
    """Observations that entered."""
    clusters: int = 0
    method: str = "none"


def jackknife_sums(
    features: FloatArray,
    cluster: IntArray,
    statistic: Callable[[FloatArray], FloatArray],
    *,
    scale: Scale = "identity",
    n_used: int | None = None,
    level: float = 0.95,
) -> Clustered:
    """A function of column sums, with its delete-one-cluster jackknife-t interval (K - 1 degrees of freedom).

    Args:
        features: (items, f), finite; an item without data is a row of zeros.
        cluster: (items,) labels of the clusters.
        statistic: maps sums of shape (..., f) to values of shape (...), NaN where undefined.
        scale: where the pseudo-values are taken; log and logit keep the interval inside its range.
        n_used: observations, where not the number of items.
        level: confidence level.

    Returns:
        `Clustered`; its interval is centred at the estimate on `scale` (identity where it touches the scale's end) and
        None with fewer than 10 clusters, where deleting a cluster leaves the statistic undefined, or nothing varies.
    """
    sums, count = cluster_sums(features, cluster), int(len(features) if n_used is None else n_used)
    total = sums.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value, deleted = float(statistic(total)), np.asarray(statistic(total - sums), dtype=np.float64)
    return jackknife_t(value, deleted, scale=scale, n_used=count, level=level)


def cluster_sums(features: FloatArray, cluster: IntArray) -> FloatArray:
    """(clusters, f): the rows of (items, f) summed within each cluster, clusters in the order of their labels."""
    labels, inverse = np.unique(cluster, return_inverse=True)
    sums = np.zeros((len(labels), features.shape[1]))
    np.add.at(sums, inverse, features)
    return sums


def jackknife_t(
    value: float, deleted: FloatArray, *, scale: Scale = "identity", n_used: int = 0, level: float = 0.95
) -> Clustered:
    """`intervals.jackknife_t` of an estimate and its K delete-one-cluster values, with its counts."""
    clusters = len(deleted)
    if not np.isfinite(value):
        return Clustered(None, n_used=n_used, clusters=clusters)
    limits = intervals.jackknife_t(value, deleted, scale, level)
    if limits is None:
        return Clustered(value, n_used=n_used, clusters=clusters)
    return Clustered(value, limits.low, limits.high, n_used, clusters, limits.method)


def cluster_weights(cluster: IntArray, resamples: int, generator: np.random.Generator) -> Iterator[FloatArray]:
    """Batches of (rows, items) whole-number weights, `resamples` rows in all: how often each item was drawn."""
    labels, inverse = np.unique(cluster, return_inverse=True)
    step = max(1, WEIGHTS_AT_ONCE // max(1, len(cluster)))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = generator.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=rows)
        yield drawn[:, inverse].astype(np.float64)


def bootstrap(
    value: float | None,
    cluster: IntArray,
    statistic: Callable[[FloatArray], FloatArray],
    generator: np.random.Generator,
    *,
    resamples: int = 2000,
    level: float = 0.95,
) -> Clustered:
    """The percentile cluster-bootstrap interval of a statistic of item weights.

    Args:
        value: the estimate itself; None leaves the interval undefined too.
        cluster: (items,) labels of the clusters.
        statistic: maps weights of shape (rows, items) to values of shape (rows,), NaN where undefined.
        generator: draws the clusters.
        resamples: how many; those in which the statistic is undefined are left out.
        level: confidence level.
    """
    count = len(np.unique(cluster))
    if value is None or count < CLUSTERS_MIN:
        return Clustered(value, n_used=len(cluster), clusters=count)
    drawn = np.concatenate([statistic(weights) for weights in cluster_weights(cluster, resamples, generator)])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < resamples / 2:
        return Clustered(value, n_used=len(cluster), clusters=count)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Clustered(value, float(low), float(high), len(cluster), count, "cluster-bootstrap")
