"""Forgetting what is old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.batches import forget_batch
from service.application.context import Context, now
from service.application.evaluations import delete_evaluations
from service.application.orphans import forget_orphans
from service.store import tables

_AT_ONCE = 500
"""Rows of a commit: others wait for it."""
_SETS_AT_ONCE = 20
"""Each may take the calls of thousands of passages along."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted."""

    evaluations: int
    """Of their own; those in batches are not counted here."""
    batches: int
    persona_sets: int
    """That judged nothing which is still there."""
    documents: int
    idempotency_keys: int


async def purge(context: Context, older_than: timedelta, *, dry_run: bool = False) -> Purged:
    """Deletes what ended, or was made, longer ago than that, in steps that hold no lock for long.

    dry_run: only says what would go.
    """
    before = now() - older_than
    old_batches, old = await _old_batches(context, before), await _old_evaluations(context, before)
    if not dry_run:
        for batch_id in old_batches:
            await forget_batch(context, batch_id)
        for start in range(0, len(old), _AT_ONCE):
            ids = old[start : start + _AT_ONCE]
            await context.store.write(lambda connection, ids=ids: delete_evaluations(connection, ids))  # type: ignore[misc]
    old_sets = await _old_sets(context, before)
    if not dry_run:
        for start in range(0, len(old_sets), _SETS_AT_ONCE):
            ids = old_sets[start : start + _SETS_AT_ONCE]
            await context.store.write(lambda connection, ids=ids: _delete_sets(connection, ids))  # type: ignore[misc]
        while await context.store.write(forget_orphans):
            pass
    remove = _count if dry_run else _delete
    documents = await remove(context, tables.documents, before)
    keys = await remove(context, tables.idempotency_keys, before)
    return Purged(len(old), len(old_batches), len(old_sets), documents, keys)


async def _old_batches(context: Context, before: datetime) -> list[str]:
    return await _ids(context, tables.batches.c.id, tables.batches.c.ended_at < before)


async def _old_evaluations(context: Context, before: datetime) -> list[str]:
    table = tables.evaluations
    return await _ids(context, table.c.id, table.c.ended_at < before, table.c.batch_id.is_(None))


async def _old_sets(context: Context, before: datetime) -> list[str]:
    """Sets that judged nothing but what is as old: the same whether that was deleted yet or not."""
    batches, evaluations, sets = tables.batches, tables.evaluations, tables.persona_sets
    staying = sa.or_(batches.c.ended_at.is_(None), batches.c.ended_at >= before)
    alone = sa.and_(
        evaluations.c.batch_id.is_(None), sa.or_(evaluations.c.ended_at.is_(None), evaluations.c.ended_at >= before)
    )
    used = sa.union(
        sa.select(batches.c.persona_set_id).where(staying), sa.select(evaluations.c.persona_set_id).where(alone)
    )
    return await _ids(context, sets.c.id, sets.c.ended_at < before, sets.c.id.not_in(used))


async def _ids(context: Context, column: Any, *conditions: Any) -> list[str]:
    async with context.store.read() as connection:
        return list((await connection.execute(sa.select(column).where(*conditions))).scalars())


async def _delete_sets(connection: AsyncConnection, ids: list[str]) -> None:
    for table, column in ((tables.calls, "scope_id"), (tables.call_texts, "scope_id"), (tables.persona_sets, "id")):
        await connection.execute(sa.delete(table).where(table.c[column].in_(ids)))


async def _count(context: Context, table: sa.Table, before: datetime) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(table.c.created_at < before)
    async with context.store.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def _delete(context: Context, table: sa.Table, before: datetime) -> int:
    """The oldest first, some in a commit: other writers get their turn in between."""
    key = sa.tuple_(*table.primary_key)
    some = sa.select(*table.primary_key).where(table.c.created_at < before).order_by(table.c.created_at).limit(_AT_ONCE)
    delete, deleted = sa.delete(table).where(key.in_(some)), 0
    while True:
        found = int((await context.store.write(lambda connection: connection.execute(delete))).rowcount)
        deleted += found
        if found < _AT_ONCE:
            return deleted
