"""Forgetting what is old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.batches import forget_batch
from service.application.context import Context, now
from service.application.evaluations import delete_evaluations
from service.application.ratings_files import ratings_path
from service.store import tables

_AT_ONCE = 500


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


async def purge(context: Context, older_than: timedelta) -> Purged:
    """Deletes what ended, or was made, longer ago than that, in steps that hold no lock for long."""
    before = now() - older_than
    batches, evaluations, sets = tables.batches, tables.evaluations, tables.persona_sets
    old_batches = await _ids(context, batches.c.id, batches.c.ended_at < before)
    for batch_id in old_batches:
        await forget_batch(context, batch_id)
        ratings_path(context, batch_id).unlink(missing_ok=True)
    old = await _ids(context, evaluations.c.id, evaluations.c.ended_at < before, evaluations.c.batch_id.is_(None))
    for start in range(0, len(old), _AT_ONCE):
        ids = old[start : start + _AT_ONCE]
        await context.store.write(lambda connection, ids=ids: delete_evaluations(connection, ids))  # type: ignore[misc]
    used = sa.select(evaluations.c.persona_set_id).union(sa.select(batches.c.persona_set_id))
    old_sets = await _ids(context, sets.c.id, sets.c.ended_at < before, sets.c.id.not_in(used))
    await context.store.write(lambda connection: _delete_sets(connection, old_sets))
    documents = await _delete(context, tables.documents, before)
    keys = await _delete(context, tables.idempotency_keys, before)
    return Purged(len(old), len(old_batches), len(old_sets), documents, keys)


async def _ids(context: Context, column: Any, *conditions: Any) -> list[str]:
    async with context.store.read() as connection:
        return list((await connection.execute(sa.select(column).where(*conditions))).scalars())


async def _delete_sets(connection: AsyncConnection, ids: list[str]) -> None:
    for table, column in ((tables.calls, "scope_id"), (tables.call_texts, "scope_id"), (tables.persona_sets, "id")):
        await connection.execute(sa.delete(table).where(table.c[column].in_(ids)))


async def _delete(context: Context, table: sa.Table, before: Any) -> int:
    delete = sa.delete(table).where(table.c.created_at < before)
    result = await context.store.write(lambda connection: connection.execute(delete))
    return int(result.rowcount)
