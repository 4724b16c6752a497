"""Permutation tests: is there any persona effect at all, and a sign-flip test for paired differences.

Values are exchangeable within an item when personas do not differ, whatever the ordinal scale does to variances.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stability.measures.features import Cells, Floats, Integers

Flags = npt.NDArray[np.bool_]
Singles = npt.NDArray[np.float32]

PERMUTATIONS = 2000
PERMUTATIONS_MIN = 200
VALUES_MAX = 60_000_000
"""Values shuffled in one test before the number of permutations is cut: about half a second on one core."""
GROUPS_MAX = 300
"""Groups of items that share an order in the test of the main effect."""
SETS_MIN = 100
"""Sets of items with shuffled orders of their own, in the test of any effect, where there are so many items. With few
sets some shuffled tables would equal the observed one up to names, and no p could be small."""
GATHERED_MAX = 16
"""Items of a set up to which its sums are gathered one by one."""
TOGETHER = 64
"""Most items of one set: enough for one matrix product."""


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

    Items with the same personas are divided at random into groups, and the items of a group share the shuffled order:
    then a group is one row of sums. The orders remain a group of transformations under which the null distribution
    stays as it is, so the test is exact however few groups there are.
    """
    filled = table.filled
    count = filled.sum(axis=1)
    if filled.shape[1] < 2 or not (count >= 2).any():
        return None
    means = np.where(filled, table.mean, 0.0)
    centre = np.divide(means.sum(axis=1), count, out=np.zeros(len(count)), where=count > 0)
    centred = np.where(filled, means - centre[:, None], 0.0)
    n_p = np.maximum(filled.sum(axis=0), 1)
    asked = permutations or affordable(int(count.sum()))
    sums = np.zeros((asked, filled.shape[1]))
    for rows in _alike(filled, count >= 2):
        present = np.flatnonzero(filled[rows[0]])
        values = _grouped(centred[np.ix_(rows, present)], rng)
        for part in np.array_split(values, 1 + asked * values.size // 4_000_000):
            sums[:, present] += _shuffled_sums(part, asked, rng)
    return _p_value(float((centred.sum(axis=0) ** 2 / n_p).sum()), (sums**2 / n_p).sum(axis=1))


def _alike(filled: Flags, used: Flags) -> Iterator[Integers]:
    """Rows with the same personas, together."""
    kept = np.flatnonzero(used)
    packed = np.packbits(filled[kept], axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, inverse = np.unique(keys, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    yield from (kept[part] for part in np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1))


def _grouped(values: Floats, rng: np.random.Generator) -> Floats:
    """(groups, personas): rows summed within random groups, where there are more than `GROUPS_MAX`."""
    if len(values) <= GROUPS_MAX:
        return values
    shuffled = values[rng.permutation(len(values))]
    result: Floats = np.add.reduceat(shuffled, np.arange(GROUPS_MAX) * len(values) // GROUPS_MAX, axis=0)
    return result


def _shuffled_sums(values: Floats, permutations: int, rng: np.random.Generator) -> Floats:
    """(permutations, personas): column sums after shuffling every row anew."""
    rows, size = values.shape
    order = rng.random((permutations, rows, size), dtype=np.float32).argsort(axis=2)
    result: Floats = np.take_along_axis(values[None], order, axis=2).sum(axis=1)
    return result


def any_effect(
    item: Integers, persona: Integers, score: Floats, rng: np.random.Generator, permutations: int | None = None
) -> PermutationTest | None:
    """Tests for any persona effect, main or interaction: shuffles single calls across personas within each item.

    item, persona, score: (ratings,). Statistic: between-cell sum of squares. None with one persona, or where no item
    has more calls than cells.

    The statistic does not know which persona a cell belongs to, so items whose cells have the same sizes are alike.
    In large tables some of them share the shuffled orders, which makes all their permutations one matrix product and
    leaves the test exact.
    """
    known = np.isfinite(score)
    values = score[known]
    sizes = _cell_sizes(item[known], persona[known])
    if (sizes > 0).any(axis=0).sum() < 2 or not (sizes > 1).any():
        return None
    item_n = sizes.sum(axis=1)
    place = np.argsort(item[known] * sizes.shape[1] + persona[known], kind="stable")
    total = np.bincount(item[known], values, minlength=len(sizes))
    centre = np.divide(total, item_n, out=np.zeros(len(sizes)), where=item_n > 0)
    centred = (values - centre[item[known]])[place]
    first = np.cumsum(item_n) - item_n
    asked = permutations or affordable(len(values))
    cell = np.repeat(np.arange(sizes.size), sizes.ravel())
    squares = np.bincount(cell, centred, minlength=sizes.size) ** 2
    observed = float((squares / np.maximum(sizes.ravel(), 1)).sum())
    shuffled = np.zeros(asked)
    ordered = -np.sort(-sizes, axis=1)
    for rows in _same_sizes(ordered, rng):
        cells_of = ordered[rows[0]][ordered[rows[0]] > 0]
        block = centred[first[rows][:, None] + np.arange(cells_of.sum())]
        shuffled += _between_squares(block, cells_of, asked, rng)
    return _p_value(observed, shuffled)


def _cell_sizes(item: Integers, persona: Integers) -> Integers:
    """(items, personas): calls of every cell."""
    personas = int(persona.max(initial=0)) + 1
    items = int(item.max(initial=0)) + 1
    return np.bincount(item * personas + persona, minlength=items * personas).reshape(items, personas)


def _same_sizes(ordered: Integers, rng: np.random.Generator) -> Iterator[Integers]:
    """Random sets of items whose cells have the same sizes; empty items left out."""
    together = int(np.clip(len(ordered) // SETS_MIN, 1, TOGETHER))
    kept = rng.permutation(np.flatnonzero(ordered[:, 0] > 0))
    rows = np.ascontiguousarray(ordered[kept].astype(np.int32))
    keys = rows.view(np.dtype((np.void, rows.shape[1] * 4))).ravel()
    _, inverse = np.unique(keys, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(inverse[order])) + 1):
        yield from (kept[part[start : start + together]] for start in range(0, len(part), together))


def _between_squares(values: Floats, sizes: Integers, permutations: int, rng: np.random.Generator) -> Floats:
    """(permutations,): between-cell sum of squares of rows shuffled alike, cells of the given sizes.

    In single precision, which is exact enough for a comparison of ranks; ties are dealt with in `_p_value`.
    """
    size = values.shape[1]
    single: Singles = values.astype(np.float32)
    result = np.empty(permutations)
    step = max(1, 4_000_000 // (max(size, len(values)) * len(sizes)))
    for start in range(0, permutations, step):
        count = min(step, permutations - start)
        order = rng.random((count, size), dtype=np.float32).argsort(axis=1)
        sums = (_gathered if len(values) <= GATHERED_MAX else _multiplied)(single, sizes, order)
        result[start : start + count] = np.square(sums, out=sums).sum(axis=0).sum(axis=1)
    return result


def _gathered(values: Singles, sizes: Integers, order: Integers) -> Singles:
    """(rows, permutations, cells): sum over the square root of the size of every cell, summed one by one."""
    starts = np.cumsum(sizes) - sizes
    result: Singles = np.add.reduceat(values[:, order], starts, axis=2) * (1 / np.sqrt(sizes)).astype(np.float32)
    return result


def _multiplied(values: Singles, sizes: Integers, order: Integers) -> Singles:
    """The same by one matrix product, worth its zeros where many rows share them; order says whose place a value takes."""
    count, size = order.shape
    owner = np.repeat(np.arange(len(sizes)), sizes)
    weight = np.repeat(1 / np.sqrt(sizes), sizes).astype(np.float32)
    member = np.zeros((size, count, len(sizes)), dtype=np.float32)
    member[order, np.arange(count)[:, None], owner[None, :]] = weight[None, :]
    result: Singles = (values @ member.reshape(size, -1)).reshape(len(values), count, -1)
    return result


def _p_value(observed: float, shuffled: Floats) -> PermutationTest:
    """Ties count as extreme, whatever rounding does."""
    limit = observed - 1e-5 * max(abs(observed), 1e-9)
    return PermutationTest((1 + int((shuffled >= limit).sum())) / (len(shuffled) + 1), len(shuffled))


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
