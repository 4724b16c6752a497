"""Jobs in this process, from queued to ended, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from agents import DebateProtocol
from service.application import (
    AdaptiveRepeats,
    BatchRequest,
    EvaluationFilter,
    EvaluationRequest,
    HumanScoreRequest,
    Status,
    open_application,
    said,
)
from service.application.context import now
from service.application.lifecycle import Begun, begin_run
from service.jobs.lease import Lease
from service.store import Store, tables

SHORT = DebateProtocol(turns_max=2, synthesis=False)


def lines(count: int) -> AsyncIterator[bytes]:
    async def each() -> AsyncIterator[bytes]:
        for number in range(count):
            item = {"kind": "text", "instruction": "Say the price.", "output": f"It is {number} crowns a day."}
            yield json.dumps({"custom_id": f"c{number}", "item": item}).encode() + b"\n"

    return each()


async def test_an_evaluation_is_heard_a_batch_reported_and_moved(
    settings: Any, working: Any, rubric: Any, item: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(settings) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, repeats=3, protocol=SHORT)
        made = await app.evaluations.create(None, request)
        assert made.state.status is Status.QUEUED
        heard = await app.evaluations.wait(None, made.id, 60)
        assert heard.state.status is Status.COMPLETED, heard.state
        assert list(heard.state.timestamps) == ["queued", "running", "completed"]
        assert set(heard.scores) == {"panel", "debate"}
        assert heard.scores["debate"]["clarity"].n_asked == 3
        assert heard.simulated
        events = await app.evaluations.events(None, made.id)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert events[-1].kind == "evaluation.completed"
        assert events[-1].terminal

        flips = (await app.queue_figures()).flips
        assert set(flips) == {"panel", "debate"}
        assert flips["debate"] == float(heard.scores["debate"]["clarity"].agree < 3)

        runs = await app.runs.list(None, made.id)
        transcript = await app.runs.transcript(None, runs[0].id)
        turn, calls = await app.runs.turn(None, runs[0].id, transcript.turns[0].id)
        assert item.output in json.dumps([call.messages for call in calls])
        assert turn.call_keys == tuple(call.key for call in calls)

        batch = await app.batches.create(
            None, BatchRequest(persona_set=personas, rubric=rubric, repeats=2, protocol=SHORT), lines(4)
        )
        async with asyncio.timeout(90):
            while batch.report_status == "pending":
                await asyncio.sleep(0.1)
                batch = await app.batches.get(None, batch.id)
        assert batch.counts == {
            "queued": 0,
            "running": 0,
            "completed": 4,
            "failed": 0,
            "cancelled": 0,
            "expired": 0,
            "total": 4,
        }
        report = await app.batches.report(None, batch.id)
        assert report.population.items == 4
        assert report.provenance.simulated is True
        assert report.texts is not None
        assert (report.texts.runs, report.texts.runs_asked) == (8, 8)
        assert report.texts.turns > 0

        assert {dimension.humans for dimension in report.dimensions.values()} == {None}
        page = await app.evaluations.list(None, EvaluationFilter(batch_id=batch.id))
        for number, one in enumerate(page.rows):
            asked = HumanScoreRequest(dimension="clarity", value=1 + number)
            await app.evaluations.add_human_score(None, one.id, asked)
        batch = await app.batches.remake_report(None, batch.id)
        assert batch.report_status == "pending"
        assert (await app.batches.report(None, batch.id)) == report, "the old one is read until then"
        async with asyncio.timeout(90):
            while batch.report_status == "pending":
                await asyncio.sleep(0.1)
                batch = await app.batches.get(None, batch.id)
        report = await app.batches.report(None, batch.id)
        assert report.dimensions["clarity"].humans is not None
        assert report.texts.different_reasons.value is not None
        assert report.texts.personas is not None
        assert report.texts.personas.personas == report.population.personas
        assert report.texts_reason is None
        monkeypatch.setattr(said, "RUNS_READ_MAX", 3)
        bodies, asked = await said.heard_sample(app.context, batch.id, batch.seed)
        heard_items = [json.loads(body)["run"]["item_id"] for body in bodies]
        assert (len(bodies), asked, len(set(heard_items))) == (4, 8, 2), "whole items until there are enough"
        assert sorted([one.custom_id async for one in app.batches.results(None, batch.id)]) == ["c0", "c1", "c2", "c3"]

        file = [chunk async for chunk in app.batches.export(None, batch.id)]

        async def chunks() -> AsyncIterator[bytes]:
            for chunk in file:
                yield chunk

        moved = await app.batches.import_("other", chunks())
        assert moved.id != batch.id
        assert moved.owner == "other"
        assert moved.counts == batch.counts
        assert (await app.batches.report("other", moved.id)).dimensions == report.dimensions
        await _check_events_name_their_own(app, moved.id)
        purged = await app.purge(timedelta(0))
        assert (purged.batches, purged.evaluations) == (2, 1)
        async with app.context.store.read() as connection:
            for table in (tables.runs, tables.calls, tables.call_texts, tables.results, tables.ratings, tables.events):
                assert (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar() == 0, (
                    table.name
                )


async def _check_events_name_their_own(app: Any, batch_id: str) -> None:
    """What the events of a batch tell of are its own evaluations and runs, also where it was imported."""
    events, runs = tables.events, tables.runs
    async with app.context.store.read() as connection:
        own = await connection.execute(sa.select(runs.c.evaluation_id, runs.c.id).where(runs.c.batch_id == batch_id))
        pairs = {(row.evaluation_id, row.id) for row in own}
        of_batch = events.c.subject_id.in_({evaluation for evaluation, _ in pairs})
        told = (await connection.execute(sa.select(events.c.subject_id, events.c.data).where(of_batch))).all()
    assert {row.data["evaluation_id"] for row in told if "evaluation_id" in row.data} == {one for one, _ in pairs}
    assert {(row.subject_id, row.data["run_id"]) for row in told if "run_id" in row.data} == pairs


async def test_work_stops_when_its_money_is_spent_and_what_is_done_stays(
    sqlite_settings: Any, working: Any, rubric: Any, item: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("llm.attempts.price", "service.application.hearings.price"):
        monkeypatch.setattr(place, lambda model, usage: 0.01)
    async with working(sqlite_settings) as (app, personas):
        request = EvaluationRequest(
            item=item, persona_set=personas, rubric=rubric, repeats=8, protocol=SHORT, budget_usd_max=0.25
        )
        made = await app.evaluations.create(None, request)
        ended = await app.evaluations.wait(None, made.id, 120)
        runs = await app.runs.list(None, made.id)
        recorded = sum([len(await app.runs.calls(None, run.id)) for run in runs])
        async with app.context.store.read() as connection:
            dearest = (await connection.execute(sa.select(tables.evaluations.c.dearest_run_usd))).scalar_one()
    assert dearest == pytest.approx(0.01 * recorded_of_one(runs)), "what the next ones are reckoned to cost"
    assert ended.state.error_code == "budget_exhausted"
    statuses = [run.state.status for run in runs]
    assert set(statuses) == {Status.COMPLETED, Status.CANCELLED}
    assert statuses.count(Status.COMPLETED) >= 25 // recorded_of_one(runs) - 1, "no more began than could be paid"
    assert 25 < recorded <= 25 + len(ended.models) * 3, "only what the personas had in flight goes beyond"
    assert ended.spent.calls == recorded
    assert ended.spent.cost_usd == pytest.approx(0.01 * recorded), "what was stopped was paid for, too"


def recorded_of_one(runs: Any) -> int:
    """Calls of the longest run that was heard to its end."""
    return int(max(run.spent.calls for run in runs if run.state.status is Status.COMPLETED))


async def test_a_fault_of_ours_fails_the_run_and_says_so(
    sqlite_settings: Any, working: Any, rubric: Any, item: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret words of a document")

    monkeypatch.setattr("service.jobs.hearing._hear", broken)
    async with working(sqlite_settings) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, protocol=SHORT)
        made = await app.evaluations.create(None, request)
        ended = await app.evaluations.wait(None, made.id, 120)
    assert (ended.state.status, ended.state.error_code) == (Status.FAILED, "internal")
    assert "ZeroDivisionError" in str(ended.state.error)
    assert "secret" not in str(ended.state.error)


async def test_repeats_go_on_until_the_interval_is_narrow(
    sqlite_settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(sqlite_settings) as (app, personas):

        async def heard(half_width: float) -> int:
            repeats = AdaptiveRepeats(min=2, max=6, half_width=half_width)
            request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, repeats=repeats, protocol=SHORT)
            made = await app.evaluations.create(None, request)
            return len((await app.evaluations.wait(None, made.id, 60)).scores["debate"]["clarity"].run_values)

        assert await heard(0.01) == 6
        assert await heard(100.0) == 2


async def test_work_that_nobody_begins_expires(sqlite_settings: Any, working: Any, rubric: Any, item: Any) -> None:
    async with working(sqlite_settings, work=False) as (app, personas):
        request = EvaluationRequest(
            item=item, persona_set=personas, rubric=rubric, expires_after=timedelta(milliseconds=1), protocol=SHORT
        )
        made = await app.evaluations.create(None, request)
    async with working(sqlite_settings) as (app, _):
        ended = await app.evaluations.wait(None, made.id, 30)
    assert ended.state.status is Status.EXPIRED


async def test_a_run_whose_time_is_over_is_not_begun_and_one_that_was_begun_goes_on(
    sqlite_settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(sqlite_settings, work=False) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, protocol=SHORT, repeats=2)
        made = await app.evaluations.create(None, request)
        late, begun = [run.id for run in await app.runs.list(None, made.id)]

        async def begin(run_id: str) -> Begun | None:
            return await app.context.store.write(lambda connection: begin_run(connection, run_id, "worker"))

        assert await begin(begun) is not None
        over = sa.update(tables.runs).values(expires_at=now() - timedelta(seconds=1))
        await app.context.store.write(lambda connection: connection.execute(over))
        assert await begin(late) is None, "the sweep may come later than the worker"
        again = await begin(begun)
        assert again is not None
        assert again.attempt == 2


async def test_work_that_the_queue_has_lost_is_found_again(
    sqlite_settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(sqlite_settings, work=False) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, protocol=SHORT)
        made = await app.evaluations.create(None, request)
        long_ago = sa.text("UPDATE runs SET dispatched_at = '2020-01-01 00:00:00'")
        await app.context.store.write(lambda connection: connection.execute(long_ago))
    async with working(sqlite_settings) as (app, _):
        assert (await app.evaluations.wait(None, made.id, 60)).state.status is Status.COMPLETED


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_only_missing_beats_make_a_worker_dead(store: Store) -> None:
    clock = Clock()
    mine, other = (Lease(store, name, 12.0, clock) for name in ("mine", "other"))
    await mine.register()
    await other.register()
    assert await mine.dead_among({"other", "unknown"}) == set()
    for _ in range(5):
        clock.now += 5
        assert await mine.beat()
        assert await other.beat()
        assert "other" not in await mine.dead_among({"other", "unknown"})
    for seconds in (5, 5, 1):
        clock.now += seconds
        assert await mine.beat()
        assert await mine.dead_among({"other"}) == set()
    clock.now += 2
    assert await mine.beat()
    assert await mine.dead_among({"other", "unknown"}) == {"other", "unknown"}
    waiting = asyncio.create_task(other.held())
    await asyncio.sleep(0)
    assert not waiting.done(), "it may ask nothing before it has shown that it lives"
    assert not await other.beat(), "a worker that was frozen learns that it was given up"
    assert not waiting.done()
    await other.register()
    await waiting


async def test_a_worker_that_is_late_goes_on_where_it_was(store: Store) -> None:
    clock = Clock()
    mine = Lease(store, "mine", 12.0, clock)
    await mine.register()
    await mine.held()
    clock.now += 13
    waiting = asyncio.create_task(mine.held())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert await mine.beat(), "nobody has given it up"
    await waiting


async def test_who_beats_while_it_is_judged_keeps_what_it_holds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    mine, other = (Lease(store, name, 12.0, clock) for name in ("mine", "other"))
    await mine.register()
    await other.register()
    assert await mine.dead_among({"other"}) == set()
    clock.now += 13
    strike_off = mine._strike_off

    async def later(row: Any) -> bool:
        await other.beat()
        return await strike_off(row)

    monkeypatch.setattr(mine, "_strike_off", later)
    assert await mine.dead_among({"other"}) == set()
    assert await other.beat()


@pytest.mark.parametrize("away_s", [11, 60])
async def test_nobody_is_dead_because_the_database_was_away(store: Store, away_s: int) -> None:
    clock = Clock()
    mine, other = (Lease(store, name, 12.0, clock) for name in ("mine", "other"))
    await mine.register()
    await other.register()
    assert await mine.dead_among({"other"}) == set()
    clock.now += away_s
    assert await mine.dead_among({"other"}) == set(), "who looks before its own beat comes through judges nobody"
    assert await mine.beat()
    clock.now += 2
    assert await mine.dead_among({"other"}) == set()


async def test_a_model_that_does_not_answer_makes_the_service_degraded_not_unready(sqlite_settings: Any) -> None:
    async with open_application(sqlite_settings) as app:
        lease = Lease(app.context.store, "mine", dead_after_s=60)
        await lease.register()
        await lease.beat({"openai:gpt@http://user:pass@10.0.0.7/v1": 41.5})
        health = await app.health()
        told = {check.name: check for check in health.checks}["models"]
        assert health.ready
        assert told.state == "degraded"
        assert "openai:gpt (for 42 s)" in told.detail
        assert "10.0.0.7" not in told.detail, "it is read without a key"
        await lease.beat()
        assert {check.state for check in (await app.health()).checks} == {"ok"}


async def test_a_worker_that_retires_is_given_up_at_once(store: Store) -> None:
    mine, other = (Lease(store, name, 12.0) for name in ("mine", "other"))
    await mine.register()
    await other.register()
    await other.retire()
    assert await mine.dead_among({"other"}) == {"other"}


def test_two_processes_never_have_one_name(sqlite_settings: Any) -> None:
    from service.errors import ConflictError
    from service.jobs.naming import worker_name

    with worker_name(sqlite_settings) as first, worker_name(sqlite_settings) as second:
        assert first != second
    with worker_name(sqlite_settings) as again:
        assert again == first
    named = sqlite_settings.model_copy(update={"executor_id": "w"})
    with worker_name(named), pytest.raises(ConflictError, match="REHEARING_EXECUTOR_ID"), worker_name(named):
        pass
