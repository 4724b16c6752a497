"""One dimension of a ratings table, laid out as the arrays that the measures read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from stability.measures.features import Cells, Floats, Integers, cells, dense
from stability.ratings import Column, Flags, Ratings, combine


@dataclass(frozen=True)
class Layout:
    """Items, personas and clusters of one dimension, in compact codes."""

    name: str
    ratings: Ratings
    """The dimension's rows."""
    items: tuple[str, ...]
    personas: tuple[str, ...]
    item: Integers
    """(rows,) codes into `items`."""
    persona: Integers
    """(rows,) codes into `personas`, -1 where the row is a verdict."""
    run: Integers
    """(rows,) number of the run inside its item; a restated score shares it with the one it restates."""
    heard: Integers
    """(rows,) place of the run among the item's runs in the order of their numbers; facets share it."""
    alone: Flags
    """(rows,) single-persona judgements."""
    cluster: Integers
    """(items,) codes below `clusters`."""
    clusters: int

    @cached_property
    def cells(self) -> Cells:
        """Single judgements by item and persona."""
        rows = self.alone
        shape = (len(self.items), len(self.personas))
        return cells(self.item[rows], self.persona[rows], self.ratings.score[rows], shape)

    @cached_property
    def asked(self) -> int:
        """Single judgements asked for."""
        return int(self.alone.sum())

    @cached_property
    def used(self) -> int:
        """Single judgements with a score."""
        return int(np.isfinite(self.ratings.score[self.alone]).sum())

    @cached_property
    def runs_by_item(self) -> Integers:
        """(items,) runs of every item that were asked for."""
        count = np.zeros(len(self.items), dtype=np.int64)
        np.maximum.at(count, self.item, self.heard + 1)
        return count

    def first(self, runs: int) -> Layout:
        """The same items with their first so many runs alone."""
        rows = self.heard < runs
        return replace(
            self,
            ratings=self.ratings.select(rows),
            item=self.item[rows], persona=self.persona[rows], run=self.run[rows], heard=self.heard[rows],
            alone=self.alone[rows],
        )  # fmt: skip

    def rows_of(self, phase: str, arm: str | None = None) -> Flags:
        """(rows,) which rows are of a phase, and of an arm."""
        found: Flags = self.ratings.phase.codes == self.ratings.phase.code(phase)
        return found if arm is None else found & (self.ratings.arm.codes == self.ratings.arm.code(arm))

    def arms(self, phase: str = "verdict") -> tuple[str, ...]:
        """Arms with rows of a phase, in a fixed order."""
        order = ("panel", "debate", "self_reflection", "stance")
        return tuple(arm for arm in order if self.rows_of(phase, arm).any())

    def verdict_cells(self, arm: str) -> Cells:
        """(items, 1) an arm's verdicts."""
        rows = self.rows_of("verdict", arm)
        shape = (len(self.items), 1)
        return cells(self.item[rows], np.zeros(int(rows.sum()), np.int64), self.ratings.score[rows], shape)

    def block(self, rows: Flags) -> Floats:
        """(items, personas, runs) scores of persona rows, NaN where there is none, runs aligned within an item."""
        runs = int(self.run.max(initial=-1)) + 1
        result = np.full((len(self.items), len(self.personas), runs), np.nan)
        result[self.item[rows], self.persona[rows], self.run[rows]] = self.ratings.score[rows]
        return result

    def marked(self, rows: Flags, flags: Flags) -> Flags:
        """(items, personas, runs) which persona rows are flagged, as `block` lays them out."""
        runs = int(self.run.max(initial=-1)) + 1
        result = np.zeros((len(self.items), len(self.personas), runs), dtype=bool)
        result[self.item[rows], self.persona[rows], self.run[rows]] = flags[rows]
        return result

    def verdict_block(self, arm: str) -> Floats:
        """(items, runs) an arm's verdicts."""
        rows = self.rows_of("verdict", arm)
        result = np.full((len(self.items), int(self.run.max(initial=-1)) + 1), np.nan)
        result[self.item[rows], self.run[rows]] = self.ratings.score[rows]
        return result

    @cached_property
    def human(self) -> Floats | None:
        """(items,) mean human score, NaN where there is none; None where no item has one."""
        values = self.ratings.human
        if values is None:
            return None
        known = np.isfinite(values)
        count = np.bincount(self.item[known], minlength=len(self.items))
        total = np.bincount(self.item[known], values[known], minlength=len(self.items))
        mean: Floats = np.divide(total, count, out=np.full(len(self.items), np.nan), where=count > 0)
        return mean

    @cached_property
    def system(self) -> Integers | None:
        """(items,) codes of the systems; None unless every item has one and there are two or more."""
        column = self.ratings.system
        if column is None:
            return None
        codes = np.full(len(self.items), -1, dtype=np.int64)
        known = column.codes >= 0
        codes[self.item[known]] = column.codes[known]
        names, compact = np.unique(codes, return_inverse=True)
        return None if names[0] < 0 or len(names) < 2 else compact.astype(np.int64)


def layout(ratings: Ratings, dimension: str) -> Layout:
    """Lays out one dimension. Single judgements are the panel's, where several arms have any."""
    rows = ratings.dimension.codes == ratings.dimension.code(dimension)
    part = ratings.select(rows)
    items, item = _compact(part.item)
    alone = part.phase.codes == part.phase.code("alone")
    of_panel = alone & (part.arm.codes == part.arm.code("panel"))
    alone = of_panel if of_panel.any() else alone
    spoken = part.persona.codes >= 0
    personas, persona = _compact(Column(part.persona.codes[spoken], part.persona.names))
    full = np.full(len(part), -1, dtype=np.int64)
    full[spoken] = persona
    first = np.zeros(len(items), dtype=np.int64)
    first[item[::-1]] = part.cluster.codes[::-1]
    names, cluster = np.unique(first, return_inverse=True)
    return Layout(
        dimension, part, items, personas, item, full, _run_in_item(part, item), _rank_in_item(item, _run_order(part.run)),
        alone & spoken, cluster.astype(np.int64), len(names),
    )  # fmt: skip


def _compact(column: Column) -> tuple[tuple[str, ...], Integers]:
    used = np.flatnonzero(np.bincount(column.codes, minlength=len(column.names)))
    place = np.zeros(len(column.names), dtype=np.int64)
    place[used] = np.arange(len(used))
    return tuple(column.names[code] for code in used), place[column.codes]


def _run_in_item(part: Ratings, item: Integers) -> Integers:
    """(rows,) a number from 0 per run (and order, model, prompt) of an item; the same for all its personas."""
    facets = [facet for facet in (part.order, part.model, part.prompt) if facet is not None and len(facet.names) > 1]
    alone = combine([part.item, part.persona, part.arm, part.phase, part.run])
    if facets and dense(alone)[1] == len(alone):  # personas may have models of their own: still one run
        facets = []
    return _rank_in_item(item, dense(combine([part.run, *facets]))[0])


def _run_order(run: Column) -> Integers:
    """(rows,) runs in the order of their numbers; in order of appearance where they are not all numbers."""
    if not all(name.isdecimal() for name in run.names):
        return run.codes.astype(np.int64)
    numbers = np.asarray([int(name) for name in run.names], dtype=object)
    place = np.empty(len(numbers), dtype=np.int64)
    place[np.argsort(numbers, kind="stable")] = np.arange(len(numbers))
    return place[run.codes]


def _rank_in_item(item: Integers, inner: Integers) -> Integers:
    """(rows,) rank of `inner` among its values within the same item."""
    place, pairs = dense(item * (int(inner.max(initial=0)) + 1) + inner)
    owner = np.zeros(pairs, dtype=np.int64)
    owner[place] = item
    rank: Integers = (np.arange(pairs) - np.searchsorted(owner, owner))[place]
    return rank


def runs_before_looking(runs_by_item: Integers) -> int | None:
    """Runs that every item had before re-runs could follow its scores; None where all were heard about as often.

    Items heard until their scores settled stop early when their first runs agree by luck, so all their runs together
    understate run variance (by a tenth at 3 to 9 runs), flips and what follows from them; what every item's first runs
    say does not depend on the rule. runs_by_item: (items,) runs asked for, lost calls included. A few lost rows are no
    rule: a twentieth of the items must have two runs, and half as many again, more than the fewest.
    """
    if not len(runs_by_item):
        return None
    least = int(runs_by_item.min())
    more = runs_by_item >= max(least + 2, 1.5 * least)
    return least if least >= 2 and more.mean() >= 0.05 else None
