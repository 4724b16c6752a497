"""Evaluations, the one to distrust most first: a page at a time, however many there are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.records import DimensionScore, EvaluationRecord, Page
from service.application.scoring import WIDEST_FIRST, disagreement, load_scores
from service.store import tables

_NEVER_HEARD_TWICE = (-1.0, -1.0)


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

    The item's own disagreement stands in an index. That of one dimension or arm is read out of the scores of everything
    that meets the conditions (docs/performance/pages.md has what that takes).
    """
    if by.dimension or by.arm:
        query = sa.select(tables.evaluations.c.id, sa.cast(tables.evaluations.c.scores, sa.Text)).where(*conditions)
        rows = [(row[0], row[1]) for row in await connection.execute(query)]
        keyed = await asyncio.to_thread(_keyed, rows, by)
        shown = [name for share, _, name in keyed if share > 0 or not disagree]
        return RankedIds(shown[offset : offset + limit], len(shown), sum(share > 0 for share, _, _ in keyed))
    table = tables.evaluations
    many = sa.select(sa.func.count(), sa.func.count().filter(table.c.disagreement > 0)).select_from(table)
    total, disagreeing = (await connection.execute(many.where(*conditions))).one()
    wanted = [*conditions, table.c.disagreement > 0] if disagree else list(conditions)
    order = [sa.nulls_last(table.c.disagreement.desc()), sa.nulls_last(table.c.instability.desc()), table.c.id.desc()]
    # ids alone: the index holds all that is read before the page begins
    found = await connection.execute(sa.select(table.c.id).where(*wanted).order_by(*order).offset(offset).limit(limit))
    return RankedIds(list(found.scalars()), disagreeing if disagree else total, disagreeing)


def _keyed(rows: Sequence[tuple[str, str | None]], by: Ranking) -> list[tuple[float, float, str]]:
    return sorted(((*_key(json.loads(scores) if scores else None, by), name) for name, scores in rows), reverse=True)


def _key(scores: dict[str, Any] | None, by: Ranking) -> tuple[float, float]:
    arms = load_scores(scores)
    arm = by.arm if by.arm in arms else next((one.value for one in WIDEST_FIRST if one.value in arms), None)
    lines = [one for name, one in arms[arm].items() if by.dimension in (None, name)] if arm else []
    return max((_distrust(one) for one in lines), default=_NEVER_HEARD_TWICE)


def _distrust(score: DimensionScore) -> tuple[float, float]:
    share = disagreement(score)
    values = [value for value in score.run_values if value is not None]
    return _NEVER_HEARD_TWICE if share is None else (share, stdev(values) if len(values) > 1 else 0.0)
