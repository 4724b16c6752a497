"""Which waiting runs go into the queue next. Of a job with a budget, only as many at once as what is left pays for.

All that is in hand when a budget is spent is stopped, and what it has cost is lost: so no more of it is begun than the rest
of the budget brings to its end, by the dearest of all runs that have ended. The first run of such a job is heard alone.
What can still be lost: the last run that the rest does not quite pay for, and where those in hand turn out dearer than any
before them, as many of them as the rest then does not pay for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.paging import loading_batches
from service.application.records import Status
from service.jobs.engine import Job
from service.jobs.workflows import RUN
from service.store import tables

_FIND_WAITING = (
    sa.select(tables.runs.c.id, tables.runs.c.priority, tables.runs.c.evaluation_id, tables.runs.c.batch_id)
    .where(
        tables.runs.c.status == Status.QUEUED,
        tables.runs.c.dispatched_at.is_(None),
        sa.or_(tables.runs.c.batch_id.is_(None), tables.runs.c.batch_id.not_in(loading_batches())),
    )
    .order_by(tables.runs.c.priority, tables.runs.c.id)
    .limit(sa.bindparam("most"))
)


class _Payer(NamedTuple):
    """Whose budget a run is paid from: a batch's, or an evaluation's."""

    table: str
    id: str


async def runs_to_begin(connection: AsyncConnection, room: int) -> list[Job]:
    """Waiting runs by priority, at most `room`, without those that their job's budget does not pay for yet."""
    chosen: list[sa.Row[Any]] = []
    limits: dict[_Payer, int | None] = {}
    full: set[_Payer] = set()
    while len(chosen) < room:
        rows = await _waiting(connection, room - len(chosen), full)
        await _learn_limits(connection, {_payer(row) for row in rows} - limits.keys(), limits)
        kept, newly_full = _within(rows, limits)
        if not newly_full:
            chosen += kept
            break
        chosen += [row for row in kept if _payer(row) in newly_full]
        full |= newly_full
    chosen.sort(key=lambda row: (row.priority, row.id))
    return [Job(row.id, RUN, row.priority) for row in chosen]


def _payer(row: Any) -> _Payer:
    return _Payer("batches", row.batch_id) if row.batch_id else _Payer("evaluations", row.evaluation_id)


def _within(rows: Sequence[sa.Row[Any]], limits: dict[_Payer, int | None]) -> tuple[list[sa.Row[Any]], set[_Payer]]:
    """The rows that their jobs' limits let begin, and the jobs that have more waiting than that."""
    kept, taken, full = [], Counter[_Payer](), set[_Payer]()
    for row in rows:
        payer = _payer(row)
        limit = limits[payer]
        if limit is not None and taken[payer] >= limit:
            full.add(payer)
            continue
        taken[payer] += 1
        kept.append(row)
    return kept, full


async def _waiting(connection: AsyncConnection, most: int, full: Collection[_Payer]) -> Sequence[Any]:
    runs, query = tables.runs, _FIND_WAITING
    if batches := [one.id for one in full if one.table == "batches"]:
        query = query.where(sa.or_(runs.c.batch_id.is_(None), runs.c.batch_id.not_in(batches)))
    if evaluations := [one.id for one in full if one.table == "evaluations"]:
        query = query.where(runs.c.evaluation_id.not_in(evaluations))
    return (await connection.execute(query, {"most": most})).all()


async def _learn_limits(
    connection: AsyncConnection, payers: Collection[_Payer], limits: dict[_Payer, int | None]
) -> None:
    """Adds how many more runs of each job may begin; None for a job without a budget."""
    limits.update(dict.fromkeys(payers))
    for table, of_job in ((tables.batches, tables.runs.c.batch_id), (tables.evaluations, tables.runs.c.evaluation_id)):
        ids = [one.id for one in payers if one.table == table.name]
        budgeted = sa.select(
            table.c.id, table.c.budget_usd_max, table.c.budget_usd_spent, table.c.dearest_run_usd
        ).where(table.c.id.in_(ids), table.c.budget_usd_max.is_not(None))
        for row in (await connection.execute(budgeted)).all() if ids else ():
            left = row.budget_usd_max - row.budget_usd_spent
            limits[_Payer(table.name, row.id)] = await _limit(connection, of_job == row.id, left, row.dearest_run_usd)


async def _limit(
    connection: AsyncConnection, of_job: sa.ColumnElement[bool], left_usd: float, dearest_usd: float | None
) -> int | None:
    """How many more may begin: what is left, by the dearest run that has ended, without those in hand.

    One where no price is known yet; None, for no limit, where runs cost nothing.
    """
    if dearest_usd is not None and dearest_usd <= 0:
        return None
    runs = tables.runs
    held = sa.or_(
        runs.c.status == Status.RUNNING, sa.and_(runs.c.status == Status.QUEUED, runs.c.dispatched_at.is_not(None))
    )
    in_hand = (await connection.execute(sa.select(sa.func.count()).select_from(runs).where(held, of_job))).scalar_one()
    affordable = 1 if dearest_usd is None else int(left_usd / dearest_usd)
    return max(0, max(1, affordable) - int(in_hand))
