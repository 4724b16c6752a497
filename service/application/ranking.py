"""Evaluations, the one to distrust most first: a page at a time, however many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.records import EvaluationRecord, Page
from service.application.scoring import WIDEST_FIRST, WORST
from service.store import tables

_ALIKE = 1e-9
"""Standard deviations this near differ by rounding."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Of a dimension: nothing that means anything in a path into JSON."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Whose disagreement counts; None for the dimension that disagrees most, and for the widest arm."""

    dimension: str | None = None
    arm: str | None = None


class RankedPage(NamedTuple):
    page: Page[EvaluationRecord]
    total: int
    """Of all pages."""
    disagreeing: int
    """How many of them came out otherwise in at least one repeat."""


class Swings(NamedTuple):
    """On how many items the verdicts of one arm differ less between repeats than those of another, more, and alike."""

    less: int
    more: int
    alike: int


class RankedIds(NamedTuple):
    """The ids of one page."""

    ids: list[str]
    total: int
    disagreeing: int


async def ranked_ids(
    connection: AsyncConnection,
    conditions: Sequence[sa.ColumnElement[bool]],
    by: Ranking,
    disagree: bool,
    offset: int,
    limit: int,
) -> RankedIds:
    """One page of those that meet the conditions.

    The item's own disagreement stands in an index; that of one dimension or arm is looked up in each of those that meet
    the conditions (docs/performance/pages.md has what that takes).
    """
    table = tables.evaluations
    if by.dimension or by.arm:
        share, deviation = (_disagreement(by, part) for part in (0, 1))
    else:
        share, deviation = table.c.disagreement, table.c.instability
    many = sa.select(sa.func.count(), sa.func.count().filter(share > 0)).select_from(table)
    total, disagreeing = (await connection.execute(many.where(*conditions))).one()
    wanted = [*conditions, share > 0] if disagree else list(conditions)
    order = [sa.nulls_last(share.desc()), sa.nulls_last(deviation.desc()), table.c.id.desc()]
    # ids alone: the index holds all that is read before the page begins
    found = await connection.execute(sa.select(table.c.id).where(*wanted).order_by(*order).offset(offset).limit(limit))
    return RankedIds(list(found.scalars()), disagreeing if disagree else total, disagreeing)


async def count_swings(
    connection: AsyncConnection, conditions: Sequence[sa.ColumnElement[bool]], pairs: Sequence[Ranking], other: str
) -> list[Swings]:
    """For each dimension and arm, beside the arm `other`; items where either was not heard twice are left out."""
    counts = []
    for pair in pairs:
        own, base = _disagreement(pair, 1), _disagreement(Ranking(pair.dimension, other), 1)
        told = sa.and_(own.is_not(None), base.is_not(None))
        less, more = own < base - _ALIKE, own > base + _ALIKE
        counts += [sa.func.count().filter(one) for one in (less, more, sa.and_(told, ~less, ~more))]
    row = (await connection.execute(sa.select(*counts).select_from(tables.evaluations).where(*conditions))).one()
    return [Swings(*row[place : place + 3]) for place in range(0, len(row), 3)]


def _disagreement(by: Ranking, part: int) -> sa.ColumnElement[float]:
    """Of the dimension and arm asked for, the share that disagrees (part 0) or the standard deviation (part 1).

    An arm that there is none of is the widest; a dimension that there is none of is null.
    """
    arm = by.arm if by.arm in set(WIDEST_FIRST) else WIDEST_FIRST[0]
    dimension = by.dimension or WORST
    if dimension != WORST and not _NAME.fullmatch(dimension):
        return sa.cast(sa.null(), sa.Float)
    found: sa.ColumnElement[float] = tables.evaluations.c.disagreements[(str(arm), dimension, part)].as_float()
    return found
