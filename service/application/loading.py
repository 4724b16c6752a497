"""Storing a batch in steps: it is there once its last item is, and nobody sees or begins any of it before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import Context, now
from service.application.evaluations import delete_evaluations, insert_evaluations
from service.errors import ConflictError, StoreUncertainError, StoreUnreachableError
from service.store import tables, write_once

log = logging.getLogger("rehearing.batches")

ROWS = 500
"""Evaluations inserted, read or deleted at once: a few megabytes, and the store's lock for tens of milliseconds."""
_ABANDONED_AFTER = timedelta(minutes=5)
"""Without a further step: whoever was storing the batch has died."""


async def load(
    context: Context,
    batch: dict[str, Any],
    rows: Iterator[Sequence[dict[str, Any]]],
    repeats: int,
    *,
    keep: Callable[[AsyncConnection], Awaitable[None]],
) -> None:
    """Stores a batch and its evaluations. Where that fails, or is cancelled, what was stored of it is deleted.

    Args:
        batch: the row, its rubric stored already.
        rows: of `evaluation_row`, some at a time; made off the event loop.
        keep: what is stored in the commit from which on the batch is there.
    """
    table, store = tables.batches, context.store
    row = {**batch, "loading_at": now()}

    async def undo() -> None:
        await forget(context, batch["id"])

    async with undone_unless_complete(undo):
        made = sa.select(table.c.id).where(table.c.id == batch["id"])
        await write_once(store, lambda connection: connection.execute(sa.insert(table), row), made=made)
        while some := await asyncio.to_thread(next, rows, None):
            made = sa.select(tables.evaluations.c.id).where(tables.evaluations.c.id == some[0]["id"])
            await write_once(store, partial(_step, batch_id=batch["id"], rows=some, repeats=repeats), made=made)
    await make_whole(context, batch["id"], keep, undo)


@asynccontextmanager
async def undone_unless_complete(undo: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Takes away what was stored of a batch where the block fails or is cancelled; it is not whole yet, and unseen."""
    try:
        yield
    except BaseException as error:
        await asyncio.shield(undo())
        if isinstance(error, StoreUncertainError):
            raise StoreUnreachableError("the database broke off while this was stored; nothing of it stays") from error
        raise


async def make_whole(
    context: Context,
    batch_id: str,
    keep: Callable[[AsyncConnection], Awaitable[None]],
    undo: Callable[[], Awaitable[None]],
) -> None:
    """Lets a batch be seen and begun, with what is kept of it in the same commit; or takes away all that was stored of it.

    Where nobody knows whether that commit was made, all stays: if it was not, the batch is abandoned, and goes as such.
    Raises ConflictError where it was taken for abandoned already.
    """

    async def operation(connection: AsyncConnection) -> None:
        await _mark(connection, batch_id, None)
        await keep(connection)

    try:
        await write_once(context.store, operation)
    except (StoreUncertainError, asyncio.CancelledError):
        raise
    except BaseException:
        await asyncio.shield(undo())
        raise


async def _step(connection: AsyncConnection, *, batch_id: str, rows: Sequence[dict[str, Any]], repeats: int) -> None:
    await mark_loading(connection, batch_id)
    await insert_evaluations(connection, rows, repeats)


async def mark_loading(connection: AsyncConnection, batch_id: str) -> None:
    """Says that the batch is still being stored, inside a write. Raises ConflictError where it was taken for abandoned."""
    await _mark(connection, batch_id, now())


async def _mark(connection: AsyncConnection, batch_id: str, loading_at: datetime | None) -> None:
    marked = sa.update(tables.batches).where(tables.batches.c.id == batch_id).values(loading_at=loading_at)
    if not (await connection.execute(marked)).rowcount:
        raise ConflictError("the batch was taken for abandoned while it was stored; send it again")


async def forget_abandoned(context: Context) -> None:
    """Deletes what is left of batches whose storing ended with its process."""
    table = tables.batches
    query = sa.select(table.c.id).where(table.c.loading_at < now() - _ABANDONED_AFTER)
    async with context.store.read() as connection:
        left = list((await connection.execute(query)).scalars())
    for batch_id in left:
        log.warning("batch %s was never stored whole; what is there of it is deleted", batch_id)
        await forget(context, batch_id)
    await _forget_abandoned_sets(context)


async def _forget_abandoned_sets(context: Context) -> None:
    """Deletes persona sets that came with a batch which is gone, or which never followed."""
    sets, batches = tables.persona_sets, tables.batches
    old = sets.c.loading_at < now() - _ABANDONED_AFTER
    async with context.store.read() as connection:
        if (await connection.execute(sa.select(sets.c.id).where(old).limit(1))).first() is None:
            return
    awaited = sa.select(batches.c.id).where(batches.c.persona_set_id == sets.c.id).exists()
    await context.store.write(lambda connection: connection.execute(sa.delete(sets).where(old, ~awaited)))


async def forget(context: Context, batch_id: str) -> None:
    """Deletes a batch in steps that hold no lock for long."""
    table = tables.evaluations
    while True:
        async with context.store.read() as connection:
            some = sa.select(table.c.id).where(table.c.batch_id == batch_id).limit(ROWS)
            ids = list((await connection.execute(some)).scalars())
        if not ids:
            break
        await context.store.write(lambda connection, ids=ids: delete_evaluations(connection, ids))  # type: ignore[misc]
    await context.store.write(
        lambda connection: connection.execute(sa.delete(tables.batches).where(tables.batches.c.id == batch_id))
    )
