"""Cancelled while queued, running, ended in any way: what is done stays, nothing begins any more, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from service.application import BatchRequest, EvaluationRequest, Status
from service.application.context import now
from service.store import tables
from tests.service.jobs.conftest import Provider, asking_of, until
from tests.service.jobs.test_working import SHORT, lines

MANY = 20


async def statuses(app: Any, evaluation_id: str) -> list[Status]:
    return [run.state.status for run in await app.runs.list(None, evaluation_id)]


async def calls_made(app: Any) -> int:
    async with app.context.store.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(tables.calls))).scalar_one())


async def test_cancelled_before_it_began(settings: Any, working: Any, rubric: Any, item: Any) -> None:
    async with working(settings, work=False) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, repeats=2, protocol=SHORT)
        evaluation = await app.evaluations.create(None, request)
        batch = await app.batches.create(None, request_of_many(personas, rubric), lines(3))
        assert (await app.evaluations.cancel(None, evaluation.id)).state.status is Status.CANCELLED
        stopped = await app.batches.cancel(None, batch.id)
        assert stopped.state.status is Status.CANCELLED
        assert stopped.counts["cancelled"] == stopped.counts["total"] == 3
        assert await statuses(app, evaluation.id) == [Status.CANCELLED] * 2
        assert (await app.evaluations.events(None, evaluation.id))[-1].terminal
    async with working(settings) as (app, _):
        await until_reported(app, batch.id)
        assert await calls_made(app) == 0, "nothing of it was begun"
        assert [one.type async for one in app.batches.results(None, batch.id)] == ["cancelled"] * 3


async def test_cancelled_while_it_runs(settings: Any, working: Any, rubric: Any, item: Any) -> None:
    few_at_once = settings.model_copy(update={"limits": settings.limits.model_copy(update={"jobs_concurrent": 3})})
    async with working(few_at_once) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, repeats=MANY, protocol=SHORT)
        evaluation = (await app.evaluations.create(None, request)).id

        async def some_runs_are_done() -> bool:
            return bool((await app.evaluations.get(None, evaluation)).state.progress.done)

        await until(some_runs_are_done)
        assert (await app.evaluations.cancel(None, evaluation)).state.status is Status.CANCELLED
        ended = await statuses(app, evaluation)
        assert set(ended) == {Status.COMPLETED, Status.CANCELLED}

        batch = (await app.batches.create(None, request_of_many(personas, rubric), lines(MANY))).id

        async def some_items_are_done() -> bool:
            return bool((await app.batches.get(None, batch)).counts["completed"])

        await until(some_items_are_done)
        stopped = await app.batches.cancel(None, batch)
        assert stopped.state.status is Status.CANCELLED
        counts = stopped.counts
        assert counts["completed"] > 0
        assert counts["completed"] + counts["cancelled"] == counts["total"] == MANY
        await until_reported(app, batch)
        assert (await app.batches.report(None, batch)).population.items == counts["completed"]
        assert await statuses(app, evaluation) == ended
        assert (await app.batches.get(None, batch)).counts == counts
        async with app.context.store.read() as connection:
            results = await connection.execute(sa.select(sa.func.count()).select_from(tables.results))
            assert results.scalar_one() == counts["completed"] + ended.count(Status.COMPLETED), "no verdict came late"

        async def all_that_was_asked_is_counted() -> bool:
            told = (await app.evaluations.get(None, evaluation)).spent, (await app.batches.get(None, batch)).spent
            return sum(spent.calls for spent in told) == await calls_made(app)

        await until(all_that_was_asked_is_counted)


async def test_deleted_while_its_runs_are_being_dropped(settings: Any, working: Any, rubric: Any, item: Any) -> None:
    async with working(settings) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, repeats=MANY, protocol=SHORT)
        evaluation = (await app.evaluations.create(None, request)).id

        async def some_calls_are_made() -> bool:
            return await calls_made(app) > 0

        await until(some_calls_are_made)
        await app.evaluations.cancel(None, evaluation)
        await app.evaluations.delete(None, evaluation)

        async def nothing_of_it_is_left() -> bool:
            async with app.context.store.read() as connection:
                texts = await connection.execute(sa.select(sa.func.count()).select_from(tables.call_texts))
                return texts.scalar_one() == await calls_made(app) == 0

        await until(nothing_of_it_is_left)


async def test_cancelled_when_all_of_it_has_just_ended(settings: Any, working: Any, rubric: Any) -> None:
    async with working(settings, work=False) as (app, personas):
        batch = await app.batches.create(None, request_of_many(personas, rubric), lines(2))
        for table in (tables.runs, tables.evaluations):
            done = sa.update(table).values(status=Status.COMPLETED, ended_at=now())
            await app.context.store.write(lambda connection, done=done: connection.execute(done))
        assert (await app.batches.cancel(None, batch.id)).state.status is Status.COMPLETED


def request_of_many(personas: str, rubric: Any) -> BatchRequest:
    return BatchRequest(persona_set=personas, rubric=rubric, protocol=SHORT)


async def test_what_is_cancelled_asks_nothing_more(
    sqlite_settings: Any, working: Any, rubric: Any, item: Any, provider: Provider
) -> None:
    """A run that is under way is dropped: its next questions would cost money for a verdict that nobody wants."""
    provider.hold(after=1)
    async with working(asking_of(sqlite_settings, provider)) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, protocol=SHORT)
        cancelled = (await app.evaluations.create(None, request)).id

        async def it_is_under_way() -> bool:
            return await provider.all_held() and await calls_made(app) == 1

        await until(it_is_under_way)
        assert (await app.evaluations.cancel(None, cancelled)).state.status is Status.CANCELLED

        async def nobody_waits() -> bool:
            return not provider.held

        await until(nobody_waits)
        provider.release()
        after = await app.evaluations.create(None, request.model_copy(update={"seed": 1}))
        purposes = {}
        for one in (cancelled, (await app.evaluations.wait(None, after.id, 150)).id):
            (run,) = await app.runs.list(None, one)
            purposes[one] = {call.purpose for call in await app.runs.calls(None, run.id)}
    assert "restating" in purposes[after.id], "it had the time to come to that"
    assert "judging" in purposes[cancelled]
    assert "restating" not in purposes[cancelled]


async def test_cancelled_when_it_has_ended(settings: Any, working: Any, rubric: Any, item: Any) -> None:
    async with working(settings, work=False) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, protocol=SHORT)
        late = request.model_copy(update={"expires_after": timedelta(seconds=-1)})
        completed, failed, expired, cancelled = [
            (await app.evaluations.create(None, one)).id for one in (request, request, late, request)
        ]
        spoil = sa.text("UPDATE evaluations SET item = :body WHERE id = :id")
        whole = sa.select(tables.evaluations.c.item).where(tables.evaluations.c.id == completed)
        await app.context.store.write(lambda c: c.execute(spoil, {"body": b"no zlib", "id": failed}))
        await app.evaluations.cancel(None, cancelled)
        batch = (await app.batches.create(None, BatchRequest(persona_set=personas, rubric=rubric), lines(1))).id
    expected = {
        completed: Status.COMPLETED,
        failed: Status.FAILED,
        expired: Status.EXPIRED,
        cancelled: Status.CANCELLED,
    }
    async with working(settings) as (app, _):
        await until_reported(app, batch)

        async def ended() -> bool:
            return all([(await statuses(app, one))[0].ended for one in expected])

        await until(ended)
        async with app.context.store.read() as connection:
            mended = (await connection.execute(whole)).scalar_one()
        mend = sa.update(tables.evaluations).where(tables.evaluations.c.id == failed).values(item=mended)
        await app.context.store.write(lambda connection: connection.execute(mend))
        for one, status in expected.items():
            before = await app.evaluations.get(None, one)
            assert before.state.status is status
            assert await app.evaluations.cancel(None, one) == before
        before = await app.batches.get(None, batch)
        assert before.state.status is Status.COMPLETED
        assert await app.batches.cancel(None, batch) == before


async def until_reported(app: Any, batch_id: str) -> None:
    async def reported() -> bool:
        return (await app.batches.get(None, batch_id)).report_status != "pending"

    await until(reported)
