"""The statements that every run takes, built once: building one costs more than SQLite takes to carry it out."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from service.application.records import OPEN, Status
from service.store import JsonIfReadable, tables

_RUNS, _EVALUATIONS = tables.runs, tables.evaluations
COUNT_PROGRESS = (
    sa.update(_EVALUATIONS)
    .where(_EVALUATIONS.c.id == sa.bindparam("evaluation"))
    .values(
        events=_EVALUATIONS.c.events + sa.bindparam("more"),
        runs_ended=_EVALUATIONS.c.runs_ended + sa.bindparam("ended"),
    )
    .returning(_EVALUATIONS.c.events, _EVALUATIONS.c.runs_ended, _EVALUATIONS.c.runs)
)
BEGIN_RUN = (
    sa.update(_RUNS)
    .where(
        _RUNS.c.id == sa.bindparam("run"),
        _RUNS.c.status.in_(OPEN),
        # one that was begun goes on; what nobody began in its time is left to be expired
        sa.or_(
            _RUNS.c.status == Status.RUNNING,
            _RUNS.c.expires_at.is_(None),
            _RUNS.c.expires_at > sa.bindparam("moment", type_=_RUNS.c.expires_at.type),
        ),
    )
    .values(
        status=Status.RUNNING,
        worker_id=sa.bindparam("worker"),
        attempts=_RUNS.c.attempts + 1,
        started_at=sa.func.coalesce(_RUNS.c.started_at, sa.bindparam("moment", type_=_RUNS.c.started_at.type)),
    )
    .returning(
        _RUNS.c.evaluation_id,
        _RUNS.c.batch_id,
        _RUNS.c.attempts,
        _RUNS.c.repeat,
        sa.select(_EVALUATIONS.c.status)
        .where(_EVALUATIONS.c.id == _RUNS.c.evaluation_id)
        .correlate(_RUNS)
        .scalar_subquery()
        .label("evaluation_status"),
    )
)
BEGIN_EVALUATION = (
    sa.update(_EVALUATIONS)
    .where(_EVALUATIONS.c.id == sa.bindparam("evaluation"), _EVALUATIONS.c.status == Status.QUEUED)
    .values(status=Status.RUNNING, started_at=sa.bindparam("moment"))
)
READ_EVALUATION = (
    sa.select(
        *(column for column in _EVALUATIONS.c if column.name != "item"),  # it may be long, and is not needed
        tables.rubrics.c.body.label("rubric"),
    )
    .join(tables.rubrics, tables.rubrics.c.id == _EVALUATIONS.c.rubric_id)
    .where(_EVALUATIONS.c.id == sa.bindparam("evaluation"))
    .with_for_update(of=_EVALUATIONS)
)
READ_RUNS = (
    sa.select(
        _RUNS.c.repeat, _RUNS.c.status, _RUNS.c.error, _RUNS.c.error_code, _RUNS.c.answered, _RUNS.c.calls,
        _RUNS.c.input_tokens, _RUNS.c.output_tokens, _RUNS.c.cost_usd, _RUNS.c.cost_by_purpose,
        sa.type_coerce(_RUNS.c.verdicts, JsonIfReadable()).label("verdicts"),
    )
    .where(_RUNS.c.evaluation_id == sa.bindparam("evaluation"))
    .order_by(_RUNS.c.repeat)
)  # fmt: skip
"""By repeat. A run whose verdicts cannot be read any more counts as one without: the others still speak."""


@cache
def end_run_with(columns: frozenset[str]) -> sa.sql.dml.ReturningUpdate[Any]:
    """The end of a run that sets these columns."""
    return (
        sa.update(_RUNS)
        .where(
            _RUNS.c.id == sa.bindparam("run"),
            _RUNS.c.attempts == sa.bindparam("attempt"),
            _RUNS.c.status == Status.RUNNING,
        )
        .values({name: sa.bindparam(f"new_{name}", type_=_RUNS.c[name].type) for name in columns})
        .returning(_RUNS.c.repeat)
    )
