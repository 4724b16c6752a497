"""Permutation tests: is there any persona effect at all, and a sign-flip test for paired differences.

Values are exchangeable within an item when personas do not differ, whatever the ordinal scale does to variances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stability.measures.features import Cells, Floats, Integers

PERMUTATIONS = 2000
PERMUTATIONS_MIN = 200
ORDERS_MAX = 256
VALUES_MAX = 40_000_000
"""Values shuffled in one test before the number of permutations is cut: about half a second a ten million."""


class PermutationTest(NamedTuple):
    """p = (1 + #{T* >= T}) / (B + 1), and B."""

    p: float
    permutations: int


def affordable(values: int) -> int:
    """Permutations that a table of so many values can afford; depends on its size alone, so results repeat."""
    return int(np.clip(VALUES_MAX // max(values, 1), PERMUTATIONS_MIN, PERMUTATIONS))


def main_effect(table: Cells, rng: np.random.Generator, permutations: int | None = None) -> PermutationTest | None:
    """Tests for a main effect: shuffles persona labels of the cell means within each item (Friedman's idea).

    Statistic: sum_p N_p (mean of the item-centred cells of p)^2. None with one persona or nothing to shuffle.
    """
    filled = table.filled
    item, persona = np.nonzero(filled)
    means = table.mean[item, persona]
    count = filled.sum(axis=1)
    if filled.shape[1] < 2 or not (count >= 2).any():
        return None
    sums = np.bincount(item, means, minlength=len(count))
    centred = means - np.divide(sums, count, out=np.zeros(len(count)), where=count > 0)[item]
    n_p = np.maximum(np.bincount(persona, minlength=filled.shape[1]), 1)

    def statistic(values: Floats) -> float:
        return float((np.bincount(persona, values, minlength=len(n_p)) ** 2 / n_p).sum())

    return _test(centred, item, statistic, rng, permutations)


def any_effect(
    item: Integers, persona: Integers, score: Floats, rng: np.random.Generator, permutations: int | None = None
) -> PermutationTest | None:
    """Tests for any persona effect, main or interaction: shuffles single calls across personas within each item.

    item, persona, score: (ratings,). Statistic: between-cell sum of squares. None with one persona, or where no item
    has more calls than cells.
    """
    known = np.isfinite(score)
    order = np.lexsort((persona[known], item[known]))
    item, persona, values = item[known][order], persona[known][order], score[known][order]
    cell = np.zeros(len(values), dtype=np.int64)
    cell[1:] = np.cumsum((np.diff(item) != 0) | (np.diff(persona) != 0))
    n = np.bincount(cell) if len(cell) else np.zeros(0, np.int64)
    if len(np.unique(persona)) < 2 or len(n) == len(values):
        return None
    _, inverse = np.unique(item, return_inverse=True)
    centred = values - (np.bincount(inverse, values) / np.bincount(inverse))[inverse]

    start = np.cumsum(n) - n

    def statistic(shuffled: Floats) -> float:
        return float((np.add.reduceat(shuffled, start) ** 2 / n).sum())

    return _test(centred, inverse, statistic, rng, permutations)


def _test(
    values: Floats, group: Integers, statistic: object, rng: np.random.Generator, permutations: int | None
) -> PermutationTest:
    """Shuffles values within groups; `values` are sorted by group."""
    assert callable(statistic)
    asked = permutations or affordable(len(values))
    observed = statistic(values)
    limit = observed - 1e-9 * max(abs(observed), 1e-12)  # ties count as extreme, whatever rounding does
    blocks = _blocks(group)
    shuffled = values.copy()
    reached = 0
    for _ in range(asked):
        for positions in blocks:
            shuffled[positions] = np.take_along_axis(values[positions], _orders(positions, rng), axis=1)
        reached += statistic(shuffled) >= limit
    return PermutationTest((1 + reached) / (asked + 1), asked)


def _blocks(group: Integers) -> list[Integers]:
    """Positions of the values as one (groups, size) matrix for every group size above 1; `group` is sorted."""
    start = np.flatnonzero(np.append(True, np.diff(group) != 0))
    size = np.diff(np.append(start, len(group)))
    return [start[size == s][:, None] + np.arange(s)[None, :] for s in np.unique(size) if s > 1]


def _orders(positions: Integers, rng: np.random.Generator) -> Integers:
    """A random order for every group; beyond `ORDERS_MAX` groups, random sets of groups share one.

    Sharing keeps the test exact (any subgroup of the exchangeable orders gives a valid test) and saves the time of
    drawing a million random places.
    """
    groups, size = positions.shape
    drawn = rng.permuted(np.tile(np.arange(size), (min(groups, ORDERS_MAX), 1)), axis=1)
    return drawn if groups <= ORDERS_MAX else drawn[rng.integers(0, ORDERS_MAX, size=groups)]


def sign_flip(difference: Floats, rng: np.random.Generator, permutations: int = PERMUTATIONS) -> PermutationTest | None:
    """Two-sided test that paired differences are symmetric about 0, flipping whole clusters.

    difference: (clusters,), the summed differences of each cluster. None below two clusters that differ from 0.
    """
    moving = difference[np.isfinite(difference) & (difference != 0)]
    if len(moving) < 2:
        return None
    observed = abs(float(moving.sum()))
    reached, done = 0, 0
    step = max(1, 4_000_000 // len(moving))
    while done < permutations:
        count = min(step, permutations - done)
        signs = rng.integers(0, 2, size=(count, len(moving)), dtype=np.int8) * 2.0 - 1.0
        reached += int((np.abs(signs @ moving) >= observed * (1 - 1e-12)).sum())
        done += count
    return PermutationTest((1 + reached) / (permutations + 1), permutations)
