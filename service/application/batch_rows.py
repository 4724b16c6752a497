"""Rows of batches into records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import DebateProtocol
from service.application.answering import answered_of
from service.application.evaluation_rows import job_state
from service.application.records import BatchRecord, BatchResult, Progress, Spent, Status
from service.application.scoring import load_scores
from service.application.stored import stored
from service.store import tables

_RESULT_TYPES = {
    Status.COMPLETED: "succeeded",
    Status.FAILED: "errored",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
}


_ABSENT: dict[str, Any] = {column.name: None if column.nullable else 0 for column in tables.batches.c} | {
    "report_status": "pending"
}
"""What the columns hold that a new batch says nothing about."""


async def count_evaluations(connection: AsyncConnection, batch_id: str) -> tuple[dict[str, int], Spent]:
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
    return counts, Spent(
        calls=int(sum(row.calls or 0 for row in rows)),
        input_tokens=_sum(rows, "input_tokens"),
        output_tokens=_sum(rows, "output_tokens"),
        cost_usd=_sum(rows, "cost_usd"),
    )


def _sum(rows: Any, name: str) -> Any:
    if any(getattr(row, f"no_{name}") for row in rows):
        return None
    total = sum(getattr(row, name) or 0 for row in rows)
    return float(total) if name == "cost_usd" else int(total)


def batch_record(row: Mapping[Any, Any], counts: Mapping[str, int], spent: Spent) -> BatchRecord:
    """The record of a row."""
    done = counts["total"] - counts[Status.QUEUED] - counts[Status.RUNNING]
    with stored("batch", row["id"]):
        return BatchRecord(
            id=row["id"],
            owner=row["owner"],
            name=row["name"],
            state=job_state(row, Progress(done, row["items"])),
            created_at=row["created_at"],
            counts=counts,
            persona_set_id=row["persona_set_id"],
            rubric_id=row["rubric_id"],
            protocol=DebateProtocol.model_validate(row["protocol"]),
            models=tuple(row["models"]),
            repeats_min=row["repeats_min"],
            repeats_max=row["repeats_max"],
            half_width=row["half_width"],
            seed=row["seed"],
            priority=row["priority"],
            budget_usd_max=row["budget_usd_max"],
            spent=spent,
            simulated=row["simulated"],
            report_status=row["report_status"],
            report_error=row["report_error"],
            webhook_url=row["webhook_url"],
        )


def new_batch_record(row: Mapping[Any, Any]) -> BatchRecord:
    """The record of a batch of whose items none has begun; row: what is stored of it."""
    counts = {str(status): 0 for status in Status} | {"queued": row["items"], "total": row["items"]}
    return batch_record(_ABSENT | dict(row), counts, Spent(0, 0, 0, 0.0))


def batch_result(row: Mapping[Any, Any]) -> BatchResult:
    """One line of results out of an ended evaluation's row."""
    with stored("evaluation", row["id"]):
        return BatchResult(
            custom_id=row["custom_id"],
            type=_RESULT_TYPES[Status(row["status"])],  # type: ignore[arg-type]
            evaluation_id=row["id"],
            scores=load_scores(row["scores"]),
            answered=answered_of(row["answered"]),
            error=row["error"],
            error_code=row["error_code"],
        )
