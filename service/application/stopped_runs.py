"""What runs that were stopped in mid-hearing have cost: it is paid, though no verdict came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.batch_counts import forget_counts
from service.application.orphans import forget_orphans_of
from service.application.records import Status
from service.application.spending import COLUMNS, spent_columns, summed_columns
from service.store import load_costs, tables

_SPENT = [tables.runs.c[name] for name in COLUMNS]


async def keep_spending(connection: AsyncConnection, which: sa.ColumnElement[bool]) -> Sequence[str]:
    """Brings the spending of these runs, and of their evaluations, up to what the ledger holds, inside a write.

    The ids of the evaluations.
    """
    runs, evaluations = tables.runs, tables.evaluations
    rows = (await connection.execute(sa.select(runs.c.id, runs.c.evaluation_id).where(which))).all()
    for row in rows:
        values = spent_columns(await load_costs(connection, row.id))
        await connection.execute(sa.update(runs).where(runs.c.id == row.id).values(**values))
    touched = list(dict.fromkeys(row.evaluation_id for row in rows))
    for evaluation_id in touched:
        parts: Any = (await connection.execute(sa.select(*_SPENT).where(runs.c.evaluation_id == evaluation_id))).all()
        total = summed_columns(parts)
        await connection.execute(sa.update(evaluations).where(evaluations.c.id == evaluation_id).values(**total))
    return touched


async def settle_dropped(connection: AsyncConnection, subject_id: str) -> None:
    """What is left to do about a job that was cancelled or deleted under its worker, once that asks nothing more for it.

    A cancelled run's spending takes in what was asked in between; of what was deleted nothing stays.
    """
    cancelled = sa.and_(tables.runs.c.id == subject_id, tables.runs.c.status == Status.CANCELLED)
    for evaluation_id in await keep_spending(connection, cancelled):
        await forget_counts(connection, evaluation_id)
    await forget_orphans_of(connection, subject_id)
