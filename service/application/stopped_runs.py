"""What runs that were stopped in mid-hearing have cost: it is paid, though no verdict came of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.records import Status
from service.application.spending import COLUMNS, spent_columns, summed_columns
from service.store import load_costs, tables

_SPENT = [tables.runs.c[name] for name in COLUMNS]


async def keep_spending(connection: AsyncConnection, which: sa.ColumnElement[bool]) -> None:
    """Brings the spending of these runs, and of their evaluations, up to what the ledger holds, inside a write."""
    runs, evaluations = tables.runs, tables.evaluations
    rows = (await connection.execute(sa.select(runs.c.id, runs.c.evaluation_id).where(which))).all()
    for row in rows:
        values = spent_columns(await load_costs(connection, row.id))
        await connection.execute(sa.update(runs).where(runs.c.id == row.id).values(**values))
    for evaluation_id in dict.fromkeys(row.evaluation_id for row in rows):
        parts: Any = (await connection.execute(sa.select(*_SPENT).where(runs.c.evaluation_id == evaluation_id))).all()
        total = summed_columns(parts)
        await connection.execute(sa.update(evaluations).where(evaluations.c.id == evaluation_id).values(**total))


async def keep_spending_of_cancelled(connection: AsyncConnection, run_id: str) -> None:
    """The same for one run, with what it asked between its being cancelled and its being dropped; for no other run."""
    await keep_spending(connection, sa.and_(tables.runs.c.id == run_id, tables.runs.c.status == Status.CANCELLED))
