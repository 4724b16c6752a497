"""What order, model or prompt change in a score, apart from chance: variance per facet, and what more levels would buy.

Two calls of one persona on one item that differ in the facet alone differ by twice the facet's variance plus twice the
run variance; two that differ in nothing, by twice the run variance. So a facet's variance is a difference of mean
half squared differences, in any design, balanced or not. Part of it is shared by all personas (an order that flatters
the first answer flatters it for everybody), and more personas do not average that part out.

Levels are treated as drawn from more of their kind (Brennan, Generalizability Theory, ch. 3). On recorded verdicts of
pairs, .70 with one order and run, that predicted .82 for two orders, .79 for two runs, .88 for both, as measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stability.measures.components import VarianceComponents, divide
from stability.measures.features import Floats, Integers, dense


class Facet(NamedTuple):
    """One facet's variance; values (1 + clusters,): the whole table, then without each cluster. Untruncated."""

    levels: int
    total: Floats
    """Variance of one call that comes from its level of the facet."""
    shared: Floats
    """The part that all personas share; NaN where no two personas saw the same levels."""


class Facets(NamedTuple):
    run: Floats
    """(1 + clusters,) variance of calls that differ in nothing; NaN where nothing was repeated."""
    facets: dict[str, Facet]


class _Subcells(NamedTuple):
    """Calls that share item, persona and every facet."""

    item: Integers
    persona: Integers
    codes: dict[str, Integers]
    n: Floats
    mean: Floats
    squares: Floats
    """Sum of squared deviations from the mean."""


def facet_variances(
    item: Integers,
    persona: Integers,
    score: Floats,
    facets: Mapping[str, Integers],
    cluster: Integers,
    clusters: int,
) -> Facets:
    """Run variance and every facet's.

    item, persona, score: (ratings,); facets: (ratings,) codes by name, -1 where missing; cluster: (items,) codes.
    A facet that never varies within a persona's view of an item is left out: it is confounded with the persona.
    """
    known = np.isfinite(score) & np.all([codes >= 0 for codes in facets.values()], axis=0)
    table = _subcells(item[known], persona[known], score[known], {name: codes[known] for name, codes in facets.items()})

    def averaged(values: Floats, of: Integers) -> Floats:
        """Mean of the finite values, with the delete-one-cluster means; `of`: item of every value."""
        used = np.isfinite(values)
        group = cluster[of[used]]
        rows = np.stack([np.bincount(group, values[used], clusters), np.bincount(group, minlength=clusters)], axis=1)
        total = rows.sum(axis=0, keepdims=True)
        every = np.concatenate([total, total - rows])
        return divide(every[:, 0], every[:, 1])

    run = averaged(divide(table.squares, np.where(table.n >= 2, table.n - 1, np.nan)), table.item)
    found = {}
    for name, codes in table.codes.items():
        apart, owner = _between_levels(table, name)
        if not np.isfinite(apart).any():
            continue
        shared, place = _shared(table, name)
        found[name] = Facet(len(np.unique(codes)), averaged(apart, owner) - run, averaged(shared, place))
    return Facets(run, found)


def _subcells(item: Integers, persona: Integers, score: Floats, facets: dict[str, Integers]) -> _Subcells:
    rows, place = _groups(item, persona, *facets.values())
    n = np.bincount(place, minlength=len(rows)).astype(np.float64)
    mean = np.bincount(place, score, minlength=len(rows)) / n
    squares = _sums(place, (score - mean[place]) ** 2, len(rows))
    codes = dict(zip(facets, rows.T[2:], strict=True))
    return _Subcells(rows[:, 0], rows[:, 1], codes, n, mean, squares)


def _groups(*columns: Integers) -> tuple[Integers, Integers]:
    """(groups, columns) distinct rows, and (rows,) the group of each."""
    place = np.zeros(len(columns[0]), dtype=np.int64)
    groups = 1 if len(place) else 0
    for column in columns:
        place, groups = dense(place * (int(column.max(initial=0)) + 1) + column)
    rows = np.empty((groups, len(columns)), dtype=np.int64)
    rows[place] = np.stack(columns, axis=1)
    return rows, place


def _sums(place: Integers, values: Floats, groups: int) -> Floats:
    return np.bincount(place, values, minlength=groups).astype(np.float64)


def _others(table: _Subcells, name: str) -> list[Integers]:
    return [codes for other, codes in table.codes.items() if other != name]


def _between_levels(table: _Subcells, name: str) -> tuple[Floats, Integers]:
    """Mean half squared difference of calls that differ in one facet alone, and the item, per view of an item."""
    rows, view = _groups(table.item, table.persona, *_others(table, name))

    def summed(values: Floats) -> Floats:
        return _sums(view, values, len(rows))

    n = summed(table.n)
    centre = summed(table.n * table.mean) / n
    squares = summed(table.squares + table.n * (table.mean - centre[view]) ** 2)
    pairs = n**2 - summed(table.n**2)
    return divide(n * squares - summed(table.n * table.squares), np.where(pairs > 0, pairs, np.nan)), rows[:, 0]


def _shared(table: _Subcells, name: str) -> tuple[Floats, Integers]:
    """Mean covariance of two personas over the levels, and the item, where all personas saw the same levels."""
    others = _others(table, name)
    views, view = _groups(table.item, table.persona, *others)
    blocks, block = _groups(table.item, *others)
    at_level, level = _groups(block, table.codes[name])
    centre = np.bincount(view, table.mean) / np.bincount(view)
    centred = table.mean - centre[view]
    personas = np.bincount(_groups(views[:, 0], *views.T[2:])[1], minlength=len(blocks)).astype(float)
    levels = np.bincount(at_level[:, 0], minlength=len(blocks)).astype(float)
    complete = np.bincount(block, minlength=len(blocks)) == personas * levels
    joint = np.bincount(at_level[:, 0], np.bincount(level, centred) ** 2, minlength=len(blocks))
    own = np.bincount(block, centred**2, minlength=len(blocks))
    room = (levels - 1) * personas * (personas - 1)
    return divide(joint - own, np.where(complete & (room > 0), room, np.nan)), blocks[:, 0]


def phi_with(
    parts: VarianceComponents,
    found: Facets,
    personas: npt.ArrayLike,
    runs: npt.ArrayLike,
    levels: Mapping[str, npt.ArrayLike],
) -> Floats:
    """Absolute dependability of a mean over `personas` x `runs` x the levels of every facet, all of them crossed.

    Components from the whole table; facets' variances below 0 count as 0. A facet whose shared part is unknown counts
    as shared altogether, which promises less.
    """
    first = {
        name: max(float(getattr(parts, name)[0]), 0.0)
        for name in ("item", "persona", "item_persona")
        if np.isfinite(getattr(parts, name)[0])
    }
    many = np.asarray(personas, dtype=float)
    error = (first.get("persona", 0.0) + first.get("item_persona", 0.0)) / many
    calls = many * np.asarray(runs, dtype=float)
    for name, facet in found.facets.items():
        count = np.asarray(levels.get(name, 1), dtype=float)
        total = max(float(facet.total[0]), 0.0)
        shared = total if not np.isfinite(facet.shared[0]) else min(max(float(facet.shared[0]), 0.0), total)
        error = error + shared / count + (total - shared) / (many * count)
        calls = calls * count
    error = error + max(float(found.run[0]), 0.0) / calls
    item = first.get("item", np.nan)
    return divide(item, item + error)
