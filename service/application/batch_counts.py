"""What the items of a batch came to so far. Of a large batch it is counted now and then and kept.

Counting 100,000 items takes 25 ms of SQLite's time and more of Postgres's: too long for every look at a batch under way, of
which a page of a list shows fifty.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import Context, now
from service.application.records import Spent, Status
from service.store import Store, tables

RECOUNTED_AFTER = timedelta(seconds=5)
"""A batch of so many items takes minutes at least: this is one in a hundred of a poll's patience, and of a core."""
_STALE_AFTER = timedelta(seconds=30)
"""Without a worker that counts, whoever looks does."""
_AT_ONCE = 20


class Counted(NamedTuple):
    """Evaluations by status with `total`, and what they have spent."""

    counts: dict[str, int]
    spent: Spent


async def counted(connection: AsyncConnection, row: sa.Row[Any]) -> Counted:
    """What the items of a batch's row came to: as it was kept, where it was, else counted now."""
    fresh = row.counts is not None and (row.ended_at is not None or row.counted_at > now() - _STALE_AFTER)
    if not fresh:
        return await count_evaluations(connection, row.id)
    return Counted(row.counts["counts"], Spent(**row.counts["spent"]))


async def keep_counts(context: Context) -> None:
    """Counts the large batches under way whose last count is old, and those that have ended since theirs."""
    table = tables.batches
    old = sa.or_(table.c.counted_at.is_(None), table.c.counted_at < now() - RECOUNTED_AFTER)
    ended = table.c.ended_at.is_not(None)
    query = (
        sa.select(table.c.id, ended.label("ended"))
        .where(
            sa.text(tables.TO_BE_COUNTED),
            table.c.loading_at.is_(None),
            sa.or_(ended, old),
        )
        .limit(_AT_ONCE)
    )
    async with context.store.read() as connection:
        rows = (await connection.execute(query)).all()
    for row in rows:
        await (_keep_last if row.ended else _keep_meanwhile)(context.store, row.id)


async def _keep_meanwhile(store: Store, batch_id: str) -> None:
    """Counted beside the writers: what is kept of a batch that ends meanwhile is forgotten with its end."""
    table = tables.batches
    async with store.read() as connection:
        values = _columns(await count_evaluations(connection, batch_id))
    keep = sa.update(table).where(table.c.id == batch_id, table.c.ended_at.is_(None)).values(**values)
    await store.write(lambda connection: connection.execute(keep))


async def _keep_last(store: Store, batch_id: str) -> None:
    """Counted under the lock of the batch's row: whoever deletes one of its items takes it, too, in `forget_counts`."""
    table = tables.batches

    async def operation(connection: AsyncConnection) -> None:
        await connection.execute(sa.select(table.c.id).where(table.c.id == batch_id).with_for_update())
        values = _columns(await count_evaluations(connection, batch_id))
        await connection.execute(sa.update(table).where(table.c.id == batch_id).values(**values))

    await store.write(operation)


def _columns(found: Counted) -> dict[str, Any]:
    spent = found.spent
    told = {"calls": spent.calls, "input_tokens": spent.input_tokens, "output_tokens": spent.output_tokens}
    return {"counts": {"counts": found.counts, "spent": {**told, "cost_usd": spent.cost_usd}}, "counted_at": now()}


async def forget_counts(connection: AsyncConnection, evaluation_id: str) -> None:
    """Has the batch of an evaluation counted again, inside the write that changes or deletes it after it has ended."""
    table, evaluations = tables.batches, tables.evaluations
    of_it = sa.select(evaluations.c.batch_id).where(evaluations.c.id == evaluation_id).scalar_subquery()
    kept = (table.c.id == of_it, table.c.counts.is_not(None))
    await connection.execute(sa.update(table).where(*kept).values(**UNCOUNTED))


UNCOUNTED: dict[str, Any] = {"counts": None, "counted_at": None}
"""Values of a batch's columns in every write that ends it."""


async def count_evaluations(connection: AsyncConnection, batch_id: str) -> Counted:
    """Evaluations by status, and what they came to: a sum is unknown as soon as a part is."""
    table = tables.evaluations
    known = [
        sa.func.count(table.c.id).filter(table.c.calls > 0, table.c[name].is_(None)).label(f"no_{name}")
        for name in ("input_tokens", "output_tokens", "cost_usd")
    ]
    query = (
        sa.select(
            table.c.status,
            sa.func.count().label("many"),
            sa.func.sum(table.c.calls).label("calls"),
            sa.func.sum(table.c.input_tokens).label("input_tokens"),
            sa.func.sum(table.c.output_tokens).label("output_tokens"),
            sa.func.sum(table.c.cost_usd).label("cost_usd"),
            *known,
        )
        .where(table.c.batch_id == batch_id)
        .group_by(table.c.status)
    )
    rows = (await connection.execute(query)).all()
    counts: dict[str, int] = {str(status): 0 for status in Status} | {str(row.status): int(row.many) for row in rows}
    counts["total"] = sum(row.many for row in rows)
    spent = Spent(
        calls=int(sum(row.calls or 0 for row in rows)),
        input_tokens=_sum(rows, "input_tokens"),
        output_tokens=_sum(rows, "output_tokens"),
        cost_usd=_sum(rows, "cost_usd"),
    )
    return Counted(counts, spent)


def _sum(rows: Any, name: str) -> Any:
    if any(getattr(row, f"no_{name}") for row in rows):
        return None
    total = sum(getattr(row, name) or 0 for row in rows)
    return float(total) if name == "cost_usd" else int(total)
