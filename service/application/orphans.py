"""Calls whose evaluation or persona set was deleted while a worker still asked for it: nothing else would ever delete them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import tables

_AT_ONCE = 500


async def forget_orphans_of(connection: AsyncConnection, subject_id: str) -> None:
    """Deletes what was recorded of a run, probe or persona set after it was deleted, inside a write."""
    scopes = sa.select(tables.calls.c.scope_id).where(tables.calls.c.subject_id == subject_id).distinct()
    await _forget(connection, scopes.where(*_is_gone(tables.calls)))


async def forget_orphans(connection: AsyncConnection) -> bool:
    """Deletes some of them, whosever they are, inside a write; whether there may be more. Reads the whole ledger's index."""
    found = 0
    for table in (tables.calls, tables.call_texts):
        scopes = sa.select(table.c.scope_id).where(*_is_gone(table)).distinct().limit(_AT_ONCE)
        found = max(found, await _forget(connection, scopes))
    return found == _AT_ONCE


def _is_gone(table: sa.Table) -> list[sa.ColumnElement[bool]]:
    owners = (tables.evaluations, tables.persona_sets)
    return [~sa.select(sa.literal(1)).where(owner.c.id == table.c.scope_id).exists() for owner in owners]


async def _forget(connection: AsyncConnection, scopes: sa.Select[tuple[str]]) -> int:
    gone = list((await connection.execute(scopes)).scalars())
    for table in (tables.calls, tables.call_texts) if gone else ():
        await connection.execute(sa.delete(table).where(table.c.scope_id.in_(gone)))
    return len(gone)
