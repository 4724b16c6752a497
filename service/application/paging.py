"""Lists, a page at a time, newest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.records import Page
from service.store import tables

T = TypeVar("T")


class Place(NamedTuple):
    """The last row of a page; the next page starts after it."""

    created_at: datetime
    id: str


def owned(table: sa.Table, owner: str | None) -> sa.ColumnElement[bool]:
    """The rows of one owner; every row for None."""
    return sa.true() if owner is None else table.c.owner == owner


def loading_batches() -> sa.Select[Any]:
    """The ids of batches that are not whole yet, as part of a query: mostly none."""
    return sa.select(tables.batches.c.id).where(tables.batches.c.loading_at.is_not(None))


async def whole_batches_only(connection: AsyncConnection, table: sa.Table) -> list[sa.ColumnElement[bool]]:
    """Conditions under which rows of batches that are still being stored are not seen: mostly none, and then no index
    that a list is read from has to know of batches."""
    loading = (await connection.execute(loading_batches())).scalars().all()
    return [sa.or_(table.c.batch_id.is_(None), table.c.batch_id.not_in(loading))] if loading else []


async def read_page(
    connection: AsyncConnection,
    query: sa.Select[Any],
    table: sa.Table,
    record: Callable[[sa.Row[Any]], T],
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Page[T]:
    """The rows of `query` that come after a place, newest first."""
    if after is not None:
        moment, identity = after
        place = sa.tuple_(sa.literal(moment, table.c.created_at.type), sa.literal(identity, table.c.id.type))
        query = query.where(sa.tuple_(table.c.created_at, table.c.id) < place)  # as one value: found in the index
    query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit + 1)
    rows = (await connection.execute(query)).all()
    return Page(tuple(record(row) for row in rows[:limit]), len(rows) > limit)
