"""A job that one row tells about: begun, its progress written down now and then, and ended by whoever began it last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import Context, now
from service.application.records import OPEN, Status
from service.errors import StoreError
from service.store import until_reachable

_PROGRESS_EVERY_S = 0.3


class ProgressKeeper:
    """Takes progress from whoever works, in any thread; a task writes the latest into the row."""

    def __init__(self) -> None:
        self.latest: dict[str, Any] | None = None

    def staged(self, stage: str, done: int, total: int) -> None:
        self.latest = {"done": done, "total": total, "stage": stage}

    def counted(self, done: int, total: int) -> None:
        self.latest = {"done": done, "total": total}


async def begin(context: Context, table: sa.Table, subject_id: str, worker_id: str) -> sa.Row[Any] | None:
    """Takes the row to work on it; None where there is nothing left to do."""
    take = (
        sa.update(table)
        .where(table.c.id == subject_id, table.c.status.in_(OPEN))
        .values(
            status=Status.RUNNING,
            worker_id=worker_id,
            attempts=table.c.attempts + 1,
            started_at=sa.func.coalesce(table.c.started_at, now()),
        )
        .returning(table)
    )

    async def operation(connection: AsyncConnection) -> sa.Row[Any] | None:
        row: sa.Row[Any] | None = (await connection.execute(take)).one_or_none()
        return row

    return await context.store.write(operation)


async def end(context: Context, table: sa.Table, row: sa.Row[Any], values: dict[str, Any]) -> None:
    """Ends what `begin` took, unless somebody has begun it since, or stopped it."""
    stop = (
        sa.update(table)
        .where(table.c.id == row.id, table.c.attempts == row.attempts, table.c.status == Status.RUNNING)
        .values(ended_at=now(), **values)
    )
    await until_reachable(lambda: context.store.write(lambda connection: connection.execute(stop)))
    context.something_happened.ring()


@asynccontextmanager
async def keeping(context: Context, table: sa.Table, subject_id: str) -> AsyncIterator[ProgressKeeper]:
    """Writes down what the keeper is told for as long as the block lasts."""
    keeper = ProgressKeeper()
    writer = asyncio.create_task(_write(context, table, subject_id, keeper), name="writing progress")
    try:
        yield keeper
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


async def _write(context: Context, table: sa.Table, subject_id: str, keeper: ProgressKeeper) -> None:
    written = None
    while True:
        await asyncio.sleep(_PROGRESS_EVERY_S)
        if keeper.latest is not None and keeper.latest is not written:
            latest = keeper.latest
            update = sa.update(table).where(table.c.id == subject_id).values(progress=latest)
            with suppress(StoreError):  # the database is away or full: the next look writes what is the latest then
                await context.store.write(lambda connection, update=update: connection.execute(update))  # type: ignore[misc]
                written = latest
                context.something_happened.ring()
