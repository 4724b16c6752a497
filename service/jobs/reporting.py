"""Writing one batch's report."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from service.application.context import Context
from service.application.reports import make_report
from service.store import tables


async def report_batch(context: Context, batch_id: str) -> None:
    """Makes the report of an ended batch; returns at once where there is one already."""
    from stability import StabilityError

    table = tables.batches
    async with context.store.read() as connection:
        query = sa.select(table.c.report_status).where(table.c.id == batch_id)
        status = (await connection.execute(query)).scalar_one_or_none()
    if status != "pending":
        return
    values: dict[str, Any]
    try:
        report = await make_report(context, batch_id)
        values = {"report_status": "ready", "report_error": None, "report": report.model_dump_json(by_alias=True)}
    except StabilityError as error:
        values = {"report_status": "failed", "report_error": str(error)}
    update = sa.update(table).where(table.c.id == batch_id).values(**values)
    await context.store.write(lambda connection: connection.execute(update))
    context.something_happened.ring()
