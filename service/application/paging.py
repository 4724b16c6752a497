"""Lists, a page at a time, newest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.records import Page

T = TypeVar("T")


class Place(NamedTuple):
    """The last row of a page; the next page starts after it."""

    created_at: datetime
    id: str


def owned(table: sa.Table, owner: str | None) -> sa.ColumnElement[bool]:
    """The rows of one owner; every row for None."""
    return sa.true() if owner is None else table.c.owner == owner


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
        query = query.where(
            sa.or_(
                table.c.created_at < moment,
                sa.and_(table.c.created_at == moment, table.c.id < identity),
            )
        )
    query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit + 1)
    rows = (await connection.execute(query)).all()
    return Page(tuple(record(row) for row in rows[:limit]), len(rows) > limit)
