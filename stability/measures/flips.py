"""Flip rates: the probability that two independent runs disagree. Unbiased, never from overlapping runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stability.measures.components import divide
from stability.measures.features import Floats, Integers, sum_by

SPLITS_MAX = 1000
SCORES_AT_ONCE = 500_000
"""Scores drawn together. A small table gets so many splits that its rate does not depend on the seed in what is
printed (12 items and 20 splits gave 7 or 11 % by the seed); a large table needs few."""
SCORES_DRAWN = 4_000_000
"""Scores drawn for one rate of a large table, of 2 to 20 splits."""


class Rate(NamedTuple):
    """A rate averaged over cells, then items, ready for the jackknife."""

    value: float | None
    without: Floats
    """(clusters,): the rate without each cluster."""
    items: int
    """Items with a cell of two or more runs."""


def cell_rates(item: Integers, persona: Integers, category: Integers, shape: tuple[int, int], levels: int) -> Floats:
    """(items, personas) U-statistic 1 - sum_c n_c (n_c - 1) / (n (n - 1)); NaN below two runs.

    category: (ratings,) codes of what must agree (grades, pass or fail, abstained or not), -1 where missing. With
    two categories this is 2 k (n - k) / (n (n - 1)).
    """
    known = category >= 0
    size = shape[0] * shape[1]
    cell = item[known].astype(np.int64) * shape[1] + persona[known]
    n = np.bincount(cell, minlength=size).astype(float)
    same = np.zeros(size)
    for level in range(levels):
        of_level = np.bincount(cell[category[known] == level], minlength=size)
        same += of_level * (of_level - 1.0)
    return (1 - divide(same, np.where(n >= 2, n * (n - 1), np.nan))).reshape(shape)


def average(rates: Floats, cluster: Integers, clusters: int) -> Rate:
    """Averages cell rates within items, then over items, with the delete-one-cluster values."""
    known = np.isfinite(rates)
    count = known.sum(axis=1)
    item_rate = divide(np.where(known, rates, 0.0).sum(axis=1), count)
    used = count > 0
    rows = sum_by(np.stack([np.where(used, item_rate, 0.0), used.astype(float)], axis=1), cluster, clusters)
    total = rows.sum(axis=0)
    left = total - rows
    value = float(total[0] / total[1]) if total[1] > 0 else None
    return Rate(value, divide(left[:, 0], left[:, 1]), int(used.sum()))


def disjoint_rates(
    scores: Floats, calls: int, threshold: float | None, rng: np.random.Generator, splits: int | None = None
) -> Floats:
    """(items, 1) flip rate of a verdict that averages `calls` runs of every persona; NaN where runs are too few.

    scores: (items, personas, runs), NaN where missing. Every split draws two disjoint sets of runs of each cell (2 x
    calls of them), forms two verdicts and compares: against the threshold, else rounded to whole grades. Overlapping
    sets would understate the rate by the share that they have in common.
    """
    items, _, runs = scores.shape
    enough = (np.isfinite(scores).sum(axis=2) >= 2 * calls).all(axis=1)
    result = np.full((items, 1), np.nan)
    if runs < 2 * calls or not enough.any():
        return result
    kept = _known_first(scores[enough])
    count = np.isfinite(kept).sum(axis=2)
    splits = splits or _splits(kept.size)
    step = max(1, SCORES_AT_ONCE // kept.size)
    differs = np.zeros(len(kept))
    for start in range(0, splits, step):
        orders = _orders(min(step, splits - start), np.unique(count), kept.shape, 2 * calls, rng)
        drawn = np.take_along_axis(kept[None], orders[:, np.arange(kept.shape[1]), count], axis=3)
        first = drawn[..., :calls].mean(axis=(2, 3))
        second = drawn[..., calls:].mean(axis=(2, 3))
        differs += (_grade(first, threshold) != _grade(second, threshold)).sum(axis=0)
    result[enough, 0] = differs / splits
    return result


def _splits(size: int) -> int:
    """How many random splits a table of so many scores gets."""
    return int(max(np.clip(SCORES_DRAWN // size, 2, 20), min(SCORES_AT_ONCE // size, SPLITS_MAX)))


def _known_first(scores: Floats) -> Floats:
    """Known runs first in every cell."""
    missing = np.isnan(scores)
    if not (missing[:, :, :-1] & ~missing[:, :, 1:]).any():
        return scores
    return np.take_along_axis(scores, np.argsort(missing, axis=2, kind="stable"), axis=2)


def _orders(splits: int, counts: Integers, shape: tuple[int, ...], drawn: int, rng: np.random.Generator) -> Integers:
    """(splits, personas, 1 + runs, drawn): which of a persona's first n runs to draw, one order for all cells of n runs.

    Runs of a cell are interchangeable, so sharing an order costs precision of the split alone, and little sorting.
    Every persona has orders of its own: its calls must not stay beside those that others made in the same run.
    counts: the n that occur; shape: (items, personas, runs).
    """
    _, personas, runs = shape
    result = np.zeros((splits, personas, runs + 1, drawn), dtype=np.int64)
    for n in counts:
        result[:, :, n] = rng.random((splits, personas, n)).argsort(axis=2)[:, :, :drawn]
    return result


def _grade(verdict: Floats, threshold: float | None) -> Floats:
    """Pass or fail against the threshold; without one the nearest whole grade (halves go up)."""
    rounded = np.round(verdict, 9)
    return (rounded >= threshold).astype(float) if threshold is not None else np.floor(rounded + 0.5)
