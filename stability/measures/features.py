"""Cells of a ratings table, and the additive features that every variance estimate is a function of.

A table is reduced once to its cells (item x persona); a cell to its count, mean and unbiased variance. From the
cells every cluster gets one feature vector; the features of a resampled or reduced set of clusters are the
weighted sum of its vectors. So a delete-one jackknife is a subtraction and a bootstrap one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """Counts, means and variances of the runs in every (item, persona) cell."""

    n: Integers
    """(items, personas): runs with a score."""
    mean: Floats
    """(items, personas): NaN in an empty cell."""
    variance: Floats
    """(items, personas): unbiased; NaN below two runs."""

    @property
    def filled(self) -> npt.NDArray[np.bool_]:
        """(items, personas): whether the cell has a score."""
        return self.n > 0

    def variance_or_pooled(self) -> Floats:
        """(items, personas): the cell's variance, or that persona's mean where the cell has one run.

        NaN where a persona has no cell with two runs, and in empty cells.
        """
        repeated = self.n >= 2
        count = repeated.sum(axis=0)
        total = np.where(repeated, self.variance, 0.0).sum(axis=0)
        pooled = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
        return np.where(repeated, self.variance, np.where(self.n == 1, pooled[None, :], np.nan))


def cells(item: Integers, persona: Integers, score: Floats, shape: tuple[int, int]) -> Cells:
    """Reduces ratings to cells.

    item, persona: (ratings,) codes below `shape`; score: (ratings,), NaN where a call gave none. Two passes, so
    that the variance of large scores does not cancel.
    """
    known = np.isfinite(score)
    size = shape[0] * shape[1]
    cell = (item.astype(np.int64) * shape[1] + persona)[known]
    values = score[known]
    n = np.bincount(cell, minlength=size)
    filled = n > 0
    mean = np.divide(np.bincount(cell, values, minlength=size), n, out=np.full(size, np.nan), where=filled)
    squares = np.bincount(cell, (values - mean[cell]) ** 2, minlength=size)
    variance = np.divide(squares, n - 1, out=np.full(size, np.nan), where=n >= 2)
    return Cells(n.reshape(shape), mean.reshape(shape), variance.reshape(shape))


@dataclass(frozen=True)
class Features:
    """One vector per cluster: `(clusters, 7 + 6 P + P (P + 1) / 2)`, summed over the cluster's items."""

    rows: Floats
    personas: int

    @property
    def total(self) -> Floats:
        """(1, features): the whole table."""
        result: Floats = self.rows.sum(axis=0, keepdims=True)
        return result

    def without_each(self) -> Floats:
        """(clusters, features): the table without each cluster in turn."""
        result: Floats = self.total - self.rows
        return result


def features(table: Cells, cluster: Integers, clusters: int) -> Features:
    """Features of every cluster, in the order that `components.from_features` reads.

    cluster: (items,) codes. Scores are centred on the mean of the cell means first: sums of squares of small
    numbers lose no digits.
    """
    filled = table.filled
    personas = filled.shape[1]
    n_item = filled.sum(axis=1)
    centre = float(np.nanmean(table.mean)) if filled.any() else 0.0
    means = np.where(filled, table.mean - centre, 0.0)
    sums = means.sum(axis=1)
    present = n_item > 0
    share = np.divide(1.0, n_item, out=np.zeros(len(n_item)), where=present)
    repeated = table.n >= 2
    variance = np.where(repeated, table.variance, 0.0)
    item_mean = sums * share
    scalars = [
        present.astype(float),
        n_item.astype(float),
        (means**2).sum(axis=1),
        sums**2 * share,
        repeated.sum(axis=1).astype(float),
        variance.sum(axis=1),
        np.divide(variance, table.n, out=np.zeros(means.shape), where=repeated).sum(axis=1),
    ]
    blocks = [
        np.stack(scalars, axis=1),
        filled.astype(float),
        means,
        np.where(filled, means - item_mean[:, None], 0.0),
        variance,
        repeated.astype(float),
        (table.n == 1).astype(float),
    ]
    upper = np.triu_indices(personas)
    blocks.append((filled[:, upper[0]] & filled[:, upper[1]]) * share[:, None])
    return Features(sum_by(np.concatenate(blocks, axis=1), cluster, clusters), personas)


def sum_by(rows: Floats, group: Integers, groups: int) -> Floats:
    """(groups, columns): sums of the rows of each group."""
    if groups == len(rows) and np.array_equal(group, np.arange(groups)):
        return rows
    order = np.argsort(group, kind="stable")
    result = np.zeros((groups, rows.shape[1]))
    present, start = np.unique(group[order], return_index=True)
    if len(present):
        result[present] = np.add.reduceat(rows[order], start, axis=0)
    return result


def dense(keys: Integers) -> tuple[Integers, int]:
    """(rows,) keys as codes 0, 1, ... in their order, and how many; by counting where the keys are small enough."""
    most = int(keys.max(initial=-1)) + 1
    if most > 4 * len(keys) + 1000:
        names, codes = np.unique(keys, return_inverse=True)
        return codes.astype(np.int64), len(names)
    used = np.bincount(keys, minlength=most) > 0
    return (np.cumsum(used) - 1)[keys], int(used.sum())
