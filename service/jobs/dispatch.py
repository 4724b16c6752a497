"""What waits in the store, what is in the queue, and what the queue has lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.batch_counts import keep_counts
from service.application.context import Context, now
from service.application.lifecycle import Begun, end_run, expire_runs, settle_batches
from service.application.loading import forget_abandoned
from service.application.records import OPEN, Status
from service.errors import StoreDamagedError
from service.jobs.affording import runs_to_begin
from service.jobs.engine import Job
from service.jobs.workflows import PERSONAS, PROBE, REPORT, RUN
from service.store import tables

_STRANDED_AFTER = timedelta(seconds=20)
"""Work that was put into the queue this long ago and has not begun is looked up there."""
_STRANDED_MAX = 200
_REPORT_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (0, 60, 600, 3600))
"""Before a report that failed is made again, beyond what `stranded` waits anyway."""
_FAULT = "the service has a fault here ({}); your request is not to blame: the operator finds its place in the log"
_TABLES = {RUN: tables.runs, PERSONAS: tables.persona_sets, PROBE: tables.probes, REPORT: tables.batches}
_OTHERS_MAX = 50
_RUNS, _BATCHES = tables.runs, tables.batches
_COUNT_QUEUED = sa.select(sa.func.count()).where(_RUNS.c.status == Status.QUEUED, _RUNS.c.dispatched_at.is_not(None))
_FIND_OTHERS = {
    kind: sa.select(table.c.id)
    .where(table.c.status == Status.QUEUED, table.c.dispatched_at.is_(None))
    .limit(_OTHERS_MAX)
    for kind, table in ((PERSONAS, tables.persona_sets), (PROBE, tables.probes))
} | {
    REPORT: sa.select(_BATCHES.c.id)
    .where(
        _BATCHES.c.report_status == "pending",
        _BATCHES.c.ended_at.is_not(None),
        _BATCHES.c.dispatched_at.is_(None),
        _BATCHES.c.loading_at.is_(None),
    )
    .limit(_OTHERS_MAX)
}


async def waiting_jobs(context: Context, most: int) -> list[Job]:
    """Work that is stored and not yet in the queue: persona sets, probes and reports first, then runs by priority."""

    async def operation(connection: AsyncConnection) -> list[Job]:
        room = most - int((await connection.execute(_COUNT_QUEUED)).scalar_one())
        jobs = []
        for kind, query in _FIND_OTHERS.items():
            jobs += [Job(one, kind, 0) for one in (await connection.execute(query)).scalars()]
        if room > 0:
            jobs += await runs_to_begin(connection, room)
        return jobs

    return await context.store.look(operation)  # ten times a second, mostly at nothing


async def mark_dispatched(context: Context, jobs: Sequence[Job]) -> None:
    """Notes that jobs are in the queue. Killed before this, a worker puts them there again, which changes nothing."""

    async def operation(connection: AsyncConnection) -> None:
        for workflow, table in _TABLES.items():
            ids = [job.id for job in jobs if job.workflow == workflow]
            if ids:
                await connection.execute(sa.update(table).where(table.c.id.in_(ids)).values(dispatched_at=now()))

    await context.store.write(operation)


async def stranded(context: Context, exclude: set[str]) -> list[Job]:
    """Work that should have begun, or ended, long ago by what the store says; the queue knows whether it has it."""
    since = now() - _STRANDED_AFTER
    jobs: list[Job] = []
    async with context.store.read() as connection:
        for workflow, table in _TABLES.items():
            if workflow == REPORT:
                still: sa.ColumnElement[bool] = (table.c.report_status == "pending") & table.c.ended_at.is_not(None)
            else:
                still = table.c.status.in_(OPEN)
            query = sa.select(table.c.id).where(still, table.c.dispatched_at < since).limit(_STRANDED_MAX)
            jobs += [Job(one, workflow, 0) for one in (await connection.execute(query)).scalars() if one not in exclude]
    return jobs


async def still_mine(context: Context, worker_id: str, active: Mapping[str, str]) -> set[str]:
    """The jobs that this worker may go on with: at work, and not in another worker's hands."""
    mine = {one for one, kind in active.items() if kind == REPORT}
    async with context.store.read() as connection:
        for kind in (RUN, PERSONAS, PROBE):
            table = _TABLES[kind]
            ids = [one for one, of_kind in active.items() if of_kind == kind]
            if not ids:
                continue
            query = sa.select(table.c.id).where(
                table.c.id.in_(ids),
                sa.or_(
                    table.c.status == Status.QUEUED,
                    sa.and_(table.c.status == Status.RUNNING, table.c.worker_id == worker_id),
                ),
            )
            mine |= set((await connection.execute(query)).scalars())
    return mine


async def sweep(context: Context) -> None:
    """Ends what has expired, and the batches whose last item has ended; forgets batches that were never stored whole.
    Counts large batches."""
    await forget_abandoned(context)

    async def operation(connection: AsyncConnection) -> list[str]:
        await expire_runs(connection)
        return await settle_batches(connection)

    if await context.store.write(operation):
        context.something_happened.ring()
        context.work_waits.ring()
    await keep_counts(context)


async def forget_hopeless(context: Context, kind: str, subject_id: str, fault: Exception) -> None:
    """Fails a job that broke on a bug of ours, or on a damaged row: tried again, it would break again.

    A report is different: it may have broken on a full disk or too little memory, and all of its ratings are there. It
    is made again after ever longer pauses before it counts as failed.
    """
    damaged = isinstance(fault, StoreDamagedError)
    values: dict[str, Any] = {
        "error_code": "stored_data_damaged" if damaged else "internal",
        "error": str(fault) if damaged else _FAULT.format(type(fault).__name__),
    }
    table = _TABLES[kind]

    async def operation(connection: AsyncConnection) -> None:
        if kind == REPORT:
            await _put_off_report(connection, subject_id, values["error"])
            return
        if kind == RUN:
            query = sa.select(table.c.evaluation_id, table.c.attempts, table.c.repeat).where(table.c.id == subject_id)
            row = (await connection.execute(query)).one_or_none()
            if row is not None:
                begun = Begun(row.evaluation_id, row.attempts, row.repeat)
                await end_run(connection, subject_id, begun, Status.FAILED, values)
            return
        await connection.execute(
            sa.update(table)
            .where(table.c.id == subject_id, table.c.status.in_(OPEN))
            .values(status=Status.FAILED, ended_at=now(), **values)
        )

    await context.store.write(operation)


async def _put_off_report(connection: AsyncConnection, batch_id: str, why: str) -> None:
    table = tables.batches
    query = sa.select(table.c.attempts).where(table.c.id == batch_id, table.c.report_status == "pending")
    attempts = (await connection.execute(query)).scalar_one_or_none()
    if attempts is None:
        return
    values: dict[str, Any] = {"attempts": attempts + 1, "report_error": why}
    if attempts < len(_REPORT_PAUSES):
        values["dispatched_at"] = now() + _REPORT_PAUSES[attempts]  # `stranded` finds it when that has passed
    else:
        values["report_status"] = "failed"
    await connection.execute(sa.update(table).where(table.c.id == batch_id).values(**values))
