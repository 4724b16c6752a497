"""Rubrics: named by their content, so that putting one twice keeps one."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Rubric
from service.application.context import LOCAL_OWNER, Context, now
from service.application.idempotency import Keep
from service.application.paging import owned, read_page
from service.application.records import Page, RubricRecord
from service.application.stored import stored
from service.errors import NotFoundError
from service.store import insert_if_absent, new_id, read_json, tables, write_once

_COLUMNS = [
    sa.type_coerce(column, sa.Text).label("body") if column.name == "body" else column for column in tables.rubrics.c
]
"""The body as it is stored: whoever asks for a rubric mostly asks for one that was parsed lately."""


class Rubrics:
    """Scales that items are judged on."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def put(self, owner: str | None, rubric: Rubric, *, keep: Keep[RubricRecord] | None = None) -> RubricRecord:
        """The stored rubric; the same content gives the same row. keep: what is stored with it."""

        async def operation(connection: AsyncConnection) -> RubricRecord:
            record = await put_rubric(connection, owner or LOCAL_OWNER, rubric)
            if keep is not None:
                await keep(connection, record)
            return record

        return await write_once(self._context.store, operation)

    async def get(self, owner: str | None, name: str) -> RubricRecord:
        """By id or content hash. Raises NotFoundError."""

        async def operation(connection: AsyncConnection) -> sa.Row[Any] | None:
            found = await connection.execute(_read(owner is not None), {"name": name, "owner": owner})
            row: sa.Row[Any] | None = found.one_or_none()
            return row

        row = await self._context.store.look(operation)
        if row is None:
            raise NotFoundError(f"no rubric {name!r}; store one, or give the rubric itself")
        return _record(row)

    async def list(
        self, owner: str | None, *, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> Page[RubricRecord]:
        """Newest first."""
        query = sa.select(*_COLUMNS).where(owned(tables.rubrics, owner))
        async with self._context.store.read() as connection:
            return await read_page(connection, query, tables.rubrics, _record, after=after, limit=limit)


@cache
def _read(of_owner: bool) -> sa.Select[Any]:
    """One rubric by its id or content hash; built once, for every request that names one asks for it."""
    table = tables.rubrics
    name: sa.BindParameter[str] = sa.bindparam("name")
    query = sa.select(*_COLUMNS).where(sa.or_(table.c.id == name, table.c.content_hash == name)).limit(1)
    return query.where(table.c.owner == sa.bindparam("owner")) if of_owner else query


async def put_rubric_id(connection: AsyncConnection, owner: str, rubric: Rubric) -> str:
    """The id of `put_rubric`, inside a write; a rubric that is there already is not read for it."""
    query = sa.select(tables.rubrics.c.id).where(
        tables.rubrics.c.owner == owner, tables.rubrics.c.content_hash == rubric.content_hash
    )
    known: str | None = (await connection.execute(query)).scalar_one_or_none()
    return known if known is not None else (await put_rubric(connection, owner, rubric)).id


async def put_rubric(connection: AsyncConnection, owner: str, rubric: Rubric) -> RubricRecord:
    """Inside a write."""
    table = tables.rubrics
    query = sa.select(*_COLUMNS).where(table.c.owner == owner, table.c.content_hash == rubric.content_hash)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        values = {
            "id": new_id("ru"),
            "owner": owner,
            "created_at": now(),
            "name": rubric.name,
            "content_hash": rubric.content_hash,
            "body": rubric.model_dump(mode="json"),
        }
        await connection.execute(insert_if_absent(connection, table), values)
        row = (await connection.execute(query)).one()
    return _record(row)


def _record(row: sa.Row[Any]) -> RubricRecord:
    return RubricRecord(
        id=row.id,
        owner=row.owner,
        name=row.name,
        content_hash=row.content_hash,
        created_at=row.created_at,
        rubric=parse_rubric(row.body),
    )


@lru_cache(maxsize=32)
def parse_rubric(body: str) -> Rubric:
    """A stored rubric: frozen, and asked for at every request that names it. Raises StoreDamagedError."""
    with stored("rubric"):
        return Rubric.model_validate(read_json(body))
