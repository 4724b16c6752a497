"""Ordinal Krippendorff alpha from coincidences that add up over units, so that it jackknifes in one pass.

Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stability.measures.components import divide
from stability.measures.features import Floats, Integers


class Coincidences(NamedTuple):
    """Per cluster coincidence matrices of the levels, flattened."""

    rows: Floats
    """(clusters, levels * levels)."""
    levels: int
    coders: float
    """Mean number of values in a unit that holds a pair; NaN where none does."""

    def total(self) -> Floats:
        """(1, levels * levels): the whole table."""
        result: Floats = self.rows.sum(axis=0, keepdims=True)
        return result

    def without_each(self) -> Floats:
        """(clusters, levels * levels): the table without each cluster in turn."""
        result: Floats = self.total() - self.rows
        return result


def coincidences(unit: Integers, level: Integers, levels: int, cluster: Integers, clusters: int) -> Coincidences:
    """Counts pairs of values inside each unit, weighted 1 / (m_u - 1).

    unit, level: (ratings,) codes, level -1 where missing; cluster: (units,) codes. Units with one value drop out.
    """
    known = level >= 0
    units = len(cluster)
    counts = np.bincount(unit[known] * levels + level[known], minlength=units * levels).reshape(units, levels)
    size = counts.sum(axis=1)
    paired = size >= 2
    weight = np.divide(1.0, size - 1, out=np.zeros(units), where=paired)
    rows = np.zeros((clusters, levels, levels))
    for left in range(levels):
        for right in range(levels):
            pairs = counts[:, left] * (counts[:, right] - (left == right)) * weight
            rows[:, left, right] = np.bincount(cluster, pairs, minlength=clusters)
    coders = float(size[paired].mean()) if paired.any() else float("nan")
    return Coincidences(rows.reshape(clusters, -1), levels, coders)


def ordinal_alpha(rows: Floats, levels: int) -> Floats:
    """(tables,) alpha of summed coincidences; NaN where no value varies or no unit holds a pair.

    With r_c the mid-rank of level c, the ordinal distance is (r_c - r_k)^2, so disagreement needs no loop.
    """
    matrix = rows.reshape(len(rows), levels, levels)
    count = matrix.sum(axis=2)
    n = count.sum(axis=1)
    rank = np.cumsum(count, axis=1) - count / 2
    cross = np.einsum("bc,bck,bk->b", rank, matrix, rank)
    second = (count * rank**2).sum(axis=1)
    observed = 2 * (second - cross)
    expected = 2 * divide(n * second - (count * rank).sum(axis=1) ** 2, np.where(n > 1, n - 1, np.nan))
    varies = (count > 1e-9).sum(axis=1) >= 2
    return np.where(varies, 1 - divide(observed, expected), np.nan)
