"""A clock that jumps under a running worker: nobody is given up, nothing begins again, nothing expires, on both databases."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from agents import DebateProtocol
from service.application import BatchRequest, EvaluationFilter, Status
from service.application.context import Context
from service.application.models import Models
from service.application.waiting import alive
from service.jobs.lease import Lease
from service.store import Store, moment_ago, tables
from tests.service.jobs.conftest import until
from tests.service.jobs.test_working import lines

DAY_S = 86_400.0
ITEMS = 24
LONG = DebateProtocol(turns_max=4, spread_epsilon=0, synthesis=False)


class Clock:
    """The machine's clock, which may be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_s = 0.0
        seconds, nanoseconds = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: seconds() + self.ahead_s)
        monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + int(self.ahead_s * 1e9))


async def test_a_clock_that_jumps_under_one_of_two_workers(
    settings: Any, working: Any, rubric: Any, monkeypatch: pytest.MonkeyPatch, start_worker: Any
) -> None:
    slow = {"heartbeat": timedelta(seconds=0.3), "worker_dead_after": timedelta(seconds=60)}
    slow |= {"limits": settings.limits.model_copy(update={"jobs_concurrent": 2})}
    clock = Clock(monkeypatch)
    url = {"REHEARING_DATABASE_URL": settings.database_url.get_secret_value()} if settings.database_url else {}
    start_worker(REHEARING_LIMITS__JOBS_CONCURRENT="2", **url).wait_until_working()
    async with working(settings.model_copy(update=slow)) as (app, personas):
        living = await lives(app)
        assert len(living) == 2
        request = BatchRequest(persona_set=personas, rubric=rubric, protocol=LONG)
        batch_id = (await app.batches.create(None, request, lines(ITEMS))).id
        for jump_s in (DAY_S, -3 * DAY_S, 2 * DAY_S):
            clock.ahead_s += jump_s
            done = (await app.batches.get(None, batch_id)).counts["completed"]
            assert done < ITEMS, "it jumps while there is work"

            async def goes_on(before: int = done) -> bool:
                return (await app.batches.get(None, batch_id)).counts["completed"] > before

            await until(goes_on)
            assert (await app.health()).ready

        async def reported() -> bool:
            return (await app.batches.get(None, batch_id)).report_status != "pending"

        await until(reported)
        batch = await app.batches.get(None, batch_id)
        assert (batch.state.status, batch.report_status) == (Status.COMPLETED, "ready")
        assert batch.counts["completed"] == batch.counts["total"] == ITEMS
        assert await lives(app) == living, "nobody was given up"
        for evaluation in (await app.evaluations.list(None, EvaluationFilter(batch_id=batch_id), limit=100)).rows:
            [run] = await app.runs.list(None, evaluation.id)
            assert (run.state.status, run.attempts) == (Status.COMPLETED, 1)
            events = await app.evaluations.events(None, evaluation.id)
            assert [event.number for event in events] == list(range(1, len(events) + 1))
            assert [event.terminal for event in events].count(True) == 1


@pytest.mark.parametrize("ahead_s", [-3600.0, 3600.0])
async def test_a_machine_whose_clock_is_wrong_sees_who_lives(
    store: Store, sqlite_settings: Any, monkeypatch: pytest.MonkeyPatch, ahead_s: float
) -> None:
    settings = sqlite_settings.model_copy(update={"worker_dead_after": timedelta(minutes=30)})
    context = Context(settings, store, Models(settings))
    living, silent = (Lease(store, name, 12.0) for name in ("living", "silent"))
    await silent.register()
    long_ago = sa.update(tables.workers).values(seen_at=moment_ago(3600))
    await store.write(lambda connection: connection.execute(long_ago))
    await living.register()
    await living.beat()
    Clock(monkeypatch).ahead_s = ahead_s
    async with store.read() as connection:
        seen = (await connection.execute(alive(context, tables.workers.c.id))).scalars().all()
        [moment] = (await connection.execute(sa.select(moment_ago(0)))).scalars()
    assert seen == ["living"]
    assert abs(moment.timestamp() + ahead_s - time.time()) < 600


async def lives(app: Any) -> set[tuple[str, str]]:
    """Each worker's name and what stands for its present life: a worker that was given up begins another."""
    workers = tables.workers
    async with app.context.store.read() as connection:
        return {(row.id, row.incarnation) for row in await connection.execute(sa.select(workers))}
