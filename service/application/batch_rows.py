"""Rows of batches into records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
