"""How a run, its evaluation and its batch go from one state to the next. Every function works inside a write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Rubric
from service.application.answering import merged_column
from service.application.batch_counts import UNCOUNTED
from service.application.context import now
from service.application.records import ENDED, OPEN, Status
from service.application.repeats import repeats_wanted
from service.application.run_statements import (
    BEGIN_EVALUATION,
    BEGIN_RUN,
    COUNT_PROGRESS,
    READ_EVALUATION,
    READ_RUNS,
    end_run_with,
)
from service.application.scoring import (
    HeardRun,
    disagreement_columns,
    dump_scores,
    graded_rubric,
    instability,
    score_runs,
)
from service.application.spending import summed_columns
from service.application.stopped_runs import keep_spending
from service.store import catch_up, insert_at_end, new_id, once_at_end, tables

_SCORED_EACH = 10
_OUTWEIGHING = (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED)
"""Of how the parts of a job ended, the first that occurs is how the job ended."""


class Begun(NamedTuple):
    """A run that this worker may now work on."""

    evaluation_id: str
    attempt: int
    """Fences the result: another worker that begins the run makes it larger."""
    repeat: int


async def append_event(
    connection: AsyncConnection, evaluation_id: str, kind: str, data: Mapping[str, Any], *, terminal: bool = False
) -> None:
    """The next event of an evaluation."""
    await append_events(connection, evaluation_id, [(kind, data)], terminal=terminal)


async def append_events(
    connection: AsyncConnection,
    evaluation_id: str,
    events: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    terminal: bool = False,
) -> None:
    """The next events of an evaluation."""
    told = tuple(_Told(kind, data, terminal) for kind, data in events)
    await once_at_end(connection, evaluation_id, _Progress(evaluation_id, told))


class _Told(NamedTuple):
    kind: str
    data: Mapping[str, Any]
    terminal: bool


class _Progress(NamedTuple):
    """What happened to an evaluation in one commit."""

    evaluation_id: str
    told: tuple[_Told, ...]
    """Its next events: their numbers have no gaps because the evaluation's row counts them."""
    runs_ended: int = 0

    def joined(self, later: _Progress) -> _Progress:
        return _Progress(self.evaluation_id, self.told + later.told, self.runs_ended + later.runs_ended)

    async def __call__(self, connection: AsyncConnection) -> None:
        counted = {"evaluation": self.evaluation_id, "more": len(self.told), "ended": self.runs_ended}
        evaluation = (await connection.execute(COUNT_PROGRESS, counted)).one_or_none()
        if evaluation is None:  # it was deleted in the meantime
            return
        first, moment = evaluation.events - len(self.told) + 1, now()
        rows = [
            {
                "subject_id": self.evaluation_id,
                "number": number,
                "created_at": moment,
                "kind": one.kind,
                "data": dict(one.data),
                "terminal": one.terminal,
            }
            for number, one in enumerate(self.told, first)
        ]
        await insert_at_end(connection, {tables.events: rows})
        ended = evaluation.runs_ended
        if any(_is_scored_after(count + 1, evaluation.runs) for count in range(ended - self.runs_ended, ended)):
            await settle_evaluation(connection, self.evaluation_id)


def run_rows(evaluation: Mapping[Any, Any], first: int, count: int) -> list[dict[str, Any]]:
    """Rows for `count` queued runs of an evaluation, repeats from `first` on."""
    return [
        {
            "id": new_id("rn"),
            "owner": evaluation["owner"],
            "created_at": now(),
            "status": Status.QUEUED,
            "expires_at": evaluation["expires_at"],
            "evaluation_id": evaluation["id"],
            "batch_id": evaluation["batch_id"],
            "repeat": repeat,
            "seed": evaluation["seed"],
            "priority": evaluation["priority"],
        }
        for repeat in range(first, first + count)
    ]


async def begin_run(connection: AsyncConnection, run_id: str, worker_id: str) -> Begun | None:
    """Takes a run to work on it; None where there is nothing left to do."""
    batches, moment = tables.batches, now()
    begin = {"run": run_id, "worker": worker_id, "moment": moment}
    row = (await connection.execute(BEGIN_RUN, begin)).one_or_none()
    if row is None:
        return None
    events: list[tuple[str, Mapping[str, Any]]] = []
    if row.evaluation_status == Status.QUEUED and await _begin_evaluation(connection, row.evaluation_id, moment):
        events.append(("evaluation.running", {"evaluation_id": row.evaluation_id}))
        if row.batch_id:
            await connection.execute(
                sa.update(batches)
                .where(batches.c.id == row.batch_id, batches.c.status == Status.QUEUED)
                .values(status=Status.RUNNING, started_at=moment)
            )
    data = {"run_id": run_id, "repeat": row.repeat, "attempt": row.attempts}
    await append_events(connection, row.evaluation_id, [*events, ("run.running", data)])
    return Begun(row.evaluation_id, row.attempts, row.repeat)


async def _begin_evaluation(connection: AsyncConnection, evaluation_id: str, moment: datetime) -> bool:
    """Whether it had not begun yet: another worker may just have begun another of its runs."""
    begun = await connection.execute(BEGIN_EVALUATION, {"evaluation": evaluation_id, "moment": moment})
    return bool(begun.rowcount)


async def end_run(
    connection: AsyncConnection,
    run_id: str,
    begun: Begun,
    status: Status,
    values: Mapping[str, Any],
    untold: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> bool:
    """Whether the run was still this worker's to end. Its evaluation is settled with it.

    untold: events of the run that were not written yet; they come before its end.
    """
    changed = {**values, "status": status, "ended_at": now()}
    parameters = {"run": run_id, "attempt": begun.attempt} | {f"new_{name}": value for name, value in changed.items()}
    row = (await connection.execute(end_run_with(frozenset(changed)), parameters)).one_or_none()
    if row is None:
        return False
    data = {
        "run_id": run_id,
        "repeat": row.repeat,
        "outcome": values.get("outcome"),
        "cost_usd": values.get("cost_usd"),
    }
    told = tuple(_Told(kind, about, False) for kind, about in (*untold, (f"run.{status}", data)))
    await once_at_end(connection, begun.evaluation_id, _Progress(begun.evaluation_id, told, runs_ended=1))
    return True


def _is_scored_after(ended: int, runs: int) -> bool:
    """Whether an evaluation is scored after so many of its runs, or only counted.

    Scoring reads every run: beyond the first few, one in ten does it, or the work would grow with the square of the
    repeats. The last run always does.
    """
    return ended >= runs or ended <= _SCORED_EACH or ended % _SCORED_EACH == 0


async def settle_evaluation(connection: AsyncConnection, evaluation_id: str) -> None:
    """Brings an evaluation's scores, spending and state up to its runs; asks for more repeats where the rule says so."""
    table, of_it = tables.evaluations, {"evaluation": evaluation_id}
    evaluation: Any = (await connection.execute(READ_EVALUATION, of_it)).one_or_none()
    if evaluation is None:
        return
    runs: Any = (await connection.execute(READ_RUNS, of_it)).all()
    ended = [run for run in runs if run.status in ENDED]
    rubric = graded_rubric(Rubric.model_validate(evaluation.rubric), evaluation.item_kind)
    scores = score_runs(rubric, [HeardRun(run.repeat, run.status, run.verdicts) for run in runs])
    values: dict[str, Any] = {
        "runs_ended": len(ended),
        "scores": dump_scores(scores),
        "instability": instability(scores),
        "answered": merged_column(run.answered for run in runs),
        **disagreement_columns(scores),
        **summed_columns(runs),
    }
    if evaluation.status in OPEN and len(ended) == len(runs):
        more = await repeats_wanted(connection, evaluation, rubric, runs, scores)
        if more:
            values["runs"] = len(runs) + more
            await connection.execute(sa.insert(tables.runs), run_rows(evaluation._mapping, len(runs), more))
        else:
            values |= _ending(runs)
    await connection.execute(sa.update(table).where(table.c.id == evaluation_id).values(**values))
    if "status" in values:
        await _tell_end(connection, evaluation_id, values)


def _ending(runs: Any) -> dict[str, Any]:
    """How an evaluation whose runs have all ended has ended itself."""
    statuses = {run.status for run in runs}
    lost = [run for run in runs if run.status != Status.COMPLETED]
    status = next(one for one in _OUTWEIGHING if one in statuses)
    values: dict[str, Any] = {"status": status, "ended_at": now()}
    if lost:
        first = next((run for run in lost if run.error), lost[0])
        values["error_code"] = first.error_code
        values["error"] = f"{len(lost)} of {len(runs)} runs gave no verdict: {first.error or first.status}"
    return values


async def _tell_end(connection: AsyncConnection, evaluation_id: str, values: Mapping[str, Any]) -> None:
    status = values["status"]
    data = {"evaluation_id": evaluation_id, "status": status, "error_code": values.get("error_code")}
    await append_event(connection, evaluation_id, f"evaluation.{status}", data, terminal=True)


async def stop_evaluation(connection: AsyncConnection, evaluation_id: str, code: str, message: str) -> None:
    """Cancels what has not ended of one evaluation; what is done stays. Nothing happens where it has ended."""
    await catch_up(connection)  # the last event is that it was cancelled
    moment = now()
    await _stop_runs(connection, tables.runs.c.evaluation_id == evaluation_id, code, message, moment)
    await _stop_evaluations(connection, tables.evaluations.c.id == evaluation_id, code, message, moment)


async def stop_batch(connection: AsyncConnection, batch_id: str, code: str, message: str) -> None:
    """Cancels what has not ended of a batch; what is done stays, and a batch of which all is done has ended as it did."""
    await catch_up(connection)
    await settle_batches(connection)
    moment, table = now(), tables.batches
    await _stop_runs(connection, tables.runs.c.batch_id == batch_id, code, message, moment)
    await _stop_evaluations(connection, tables.evaluations.c.batch_id == batch_id, code, message, moment)
    await connection.execute(
        sa.update(table)
        .where(table.c.id == batch_id, table.c.status.in_(OPEN))
        .values(status=Status.CANCELLED, ended_at=moment, error_code=code, error=message, **UNCOUNTED)
    )


async def _stop_runs(
    connection: AsyncConnection, which: sa.ColumnElement[bool], code: str, message: str, moment: datetime
) -> None:
    await keep_spending(connection, sa.and_(which, tables.runs.c.status == Status.RUNNING))
    await connection.execute(
        sa.update(tables.runs)
        .where(which, tables.runs.c.status.in_(OPEN))
        .values(status=Status.CANCELLED, ended_at=moment, error_code=code, error=message)
    )


async def _stop_evaluations(
    connection: AsyncConnection, which: sa.ColumnElement[bool], code: str, message: str, moment: datetime
) -> None:
    """All in three statements, however many they are; each has its terminal event."""
    table, runs = tables.evaluations, tables.runs
    ended = (
        sa.select(sa.func.count())
        .where(runs.c.evaluation_id == table.c.id, runs.c.status.in_(ENDED))
        .correlate(table)
        .scalar_subquery()
    )
    await connection.execute(
        sa.update(table)
        .where(which, table.c.status.in_(OPEN))
        .values(
            status=Status.CANCELLED,
            ended_at=moment,
            error_code=code,
            error=message,
            events=table.c.events + 1,
            runs_ended=ended,
        )
    )
    told = sa.select(
        table.c.id,
        table.c.events,
        sa.literal(moment, tables.events.c.created_at.type),
        sa.literal("evaluation.cancelled"),
        sa.literal({"status": "cancelled", "error_code": code}, tables.events.c.data.type),
        sa.true(),
    ).where(which, table.c.status == Status.CANCELLED, table.c.ended_at == moment)
    columns = ["subject_id", "number", "created_at", "kind", "data", "terminal"]
    await connection.execute(sa.insert(tables.events).from_select(columns, told))


async def expire_runs(connection: AsyncConnection) -> int:
    """Ends the runs that nobody began in their time; how many there were."""
    runs = tables.runs
    expire = (
        sa.update(runs)
        .where(runs.c.status == Status.QUEUED, runs.c.expires_at < now())
        .values(status=Status.EXPIRED, ended_at=now(), error_code="expired", error="nobody began it before it expired")
        .returning(runs.c.evaluation_id)
    )
    touched = (await connection.execute(expire)).scalars().all()
    await catch_up(connection)  # settling counts what has ended by now; nothing may be added to that
    for evaluation_id in dict.fromkeys(touched):
        await settle_evaluation(connection, evaluation_id)
    return len(touched)


async def settle_batches(connection: AsyncConnection) -> list[str]:
    """Ends the batches whose evaluations have all ended; their ids."""
    batches, evaluations = tables.batches, tables.evaluations
    of_batch = sa.select(sa.literal(1)).where(evaluations.c.batch_id == batches.c.id)
    has = {status: of_batch.where(evaluations.c.status == status).exists() for status in ENDED}
    ended = (
        sa.update(batches)
        .where(
            batches.c.status.in_(OPEN),
            batches.c.loading_at.is_(None),
            ~of_batch.where(evaluations.c.status.in_(OPEN)).exists(),
        )
        .values(
            status=sa.case(*((has[status], status.value) for status in _OUTWEIGHING), else_=Status.FAILED.value),
            ended_at=now(),
            **UNCOUNTED,
        )
        .returning(batches.c.id)
    )
    return list((await connection.execute(ended)).scalars().all())
