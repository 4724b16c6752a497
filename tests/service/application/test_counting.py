"""The counts of a large batch are kept: no look at it counts, and what has ended is exact."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from llm import Call, CallOutcome, Purpose
from service.application import Application, BatchRecord, BatchRequest, PersonaSetRequest, Status, open_application
from service.application import batch_counts as counting
from service.application.context import now
from service.application.stopped_runs import settle_dropped
from service.jobs.dispatch import sweep
from service.store import StoreLedger, tables

MANY = 2000


@pytest.fixture
async def app(settings: Any) -> AsyncIterator[Application]:
    async with open_application(settings) as opened:
        yield opened


async def batch_of(app: Application, personas: Any, rubric: Any, items: int) -> str:
    async def lines() -> AsyncIterator[bytes]:
        for number in range(items):
            item = {"kind": "text", "id": f"i{number}", "instruction": "Say it.", "output": "It is said."}
            yield json.dumps({"custom_id": f"c{number}", "item": item}).encode() + b"\n"

    persona_set = (await app.persona_sets.create("me", PersonaSetRequest(personas=personas))).id
    return (await app.batches.create("me", BatchRequest(persona_set=persona_set, rubric=rubric), lines())).id


async def change(app: Application, statement: Any) -> None:
    await app.context.store.write(lambda connection: connection.execute(statement))


async def end_some(app: Application, batch_id: str, custom_ids: list[str]) -> None:
    """As their runs' ends do."""
    table = tables.evaluations
    ended = {"status": Status.COMPLETED, "ended_at": now(), "calls": 4, "input_tokens": 100, "output_tokens": 10}
    mine = (table.c.batch_id == batch_id, table.c.custom_id.in_(custom_ids))
    await change(app, sa.update(table).where(*mine).values(**ended, cost_usd=0.25))


async def age(app: Application, seconds: float) -> None:
    """Lets time pass since the last count."""
    table = tables.batches
    then = sa.update(table).where(table.c.counted_at.is_not(None)).values(counted_at=now() - timedelta(seconds=seconds))
    await change(app, then)


def a_call(**changed: Any) -> Call:
    fields: dict[str, Any] = {
        "key": "k-1",
        "attempt": 1,
        "purpose": Purpose.JUDGING,
        "model": "openai:small",
        "model_answered": "small",
        "prompt_id": "alone",
        "prompt_sha256": "0" * 64,
        "messages": (),
        "settings": {},
        "text": "",
        "outcome": CallOutcome.OK,
        "error": None,
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": None,
        "cost_usd": None,
        "latency_s": 1.5,
        "started_at": now(),
    }
    return Call(**(fields | changed))


def no_counting(patch: pytest.MonkeyPatch) -> None:
    async def count(*_: Any) -> None:
        raise AssertionError("it was counted")

    patch.setattr(counting, "count_evaluations", count)


async def look(app: Application, batch_id: str, monkeypatch: pytest.MonkeyPatch) -> BatchRecord:
    """As `GET /v1/batches/{id}` and the list do, which count nothing."""
    with monkeypatch.context() as patch:
        no_counting(patch)
        read = await app.batches.get("me", batch_id)
        [listed] = (await app.batches.list("me")).rows
    assert (read.counts, read.spent) == (listed.counts, listed.spent)
    return read


async def test_the_counts_of_a_large_batch_are_kept_and_made_anew(
    app: Application, personas: Any, rubric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = await batch_of(app, personas, rubric, MANY)
    assert (await app.batches.get("me", batch_id)).counts["queued"] == MANY, "not kept yet: counted"
    await sweep(app.context)
    assert (await look(app, batch_id, monkeypatch)).counts["queued"] == MANY
    await end_some(app, batch_id, ["c0", "c1"])
    await age(app, -600)  # a moment ago, however slow this machine is
    await sweep(app.context)
    assert (await look(app, batch_id, monkeypatch)).counts["completed"] == 0, "counted a moment ago"
    await age(app, 6)
    await sweep(app.context)
    told = await look(app, batch_id, monkeypatch)
    assert (told.counts["queued"], told.counts["completed"], told.counts["total"]) == (MANY - 2, 2, MANY)
    assert (told.spent.calls, told.spent.input_tokens, told.spent.cost_usd) == (8, 200, 0.5)
    assert told.state.progress.done == 2


async def test_without_a_worker_who_looks_counts(app: Application, personas: Any, rubric: Any) -> None:
    batch_id = await batch_of(app, personas, rubric, MANY)
    await sweep(app.context)
    await end_some(app, batch_id, ["c0"])
    await age(app, 31)
    assert (await app.batches.get("me", batch_id)).counts["completed"] == 1


async def test_what_has_ended_is_exact_at_once(
    app: Application, personas: Any, rubric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = await batch_of(app, personas, rubric, MANY)
    await sweep(app.context)
    cancelled = await app.batches.cancel("me", batch_id)
    assert cancelled.counts["cancelled"] == MANY
    await sweep(app.context)
    assert (await look(app, batch_id, monkeypatch)).counts["cancelled"] == MANY
    await age(app, 3600)
    assert (await look(app, batch_id, monkeypatch)).counts["cancelled"] == MANY, "it does not change any more"
    async with app.context.store.read() as connection:
        query = sa.select(tables.evaluations.c.id).where(tables.evaluations.c.batch_id == batch_id).limit(1)
        one = (await connection.execute(query)).scalar_one()
    await app.evaluations.delete("me", one)
    assert (await app.batches.get("me", batch_id)).counts["total"] == MANY - 1
    await sweep(app.context)
    assert (await look(app, batch_id, monkeypatch)).counts["total"] == MANY - 1


async def test_what_a_stopped_run_still_costs_is_counted_after_the_batchs_end(
    app: Application, personas: Any, rubric: Any
) -> None:
    batch_id = await batch_of(app, personas, rubric, MANY)
    await app.batches.cancel("me", batch_id)
    await sweep(app.context)
    async with app.context.store.read() as connection:
        run = (await connection.execute(sa.select(tables.runs.c.id, tables.runs.c.evaluation_id).limit(1))).one()
    ledger = StoreLedger(app.context.store, run.id, run.evaluation_id, resumed=False)
    await ledger.record(a_call(cost_usd=0.25))
    await app.context.store.write(lambda connection: settle_dropped(connection, run.id))
    assert (await app.batches.get("me", batch_id)).spent.cost_usd == 0.25
    await sweep(app.context)
    assert (await app.batches.get("me", batch_id)).spent.cost_usd == 0.25


async def test_a_batch_that_ends_by_itself_is_counted_anew(
    app: Application, personas: Any, rubric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = await batch_of(app, personas, rubric, MANY)
    await sweep(app.context)
    table = tables.evaluations
    await change(app, sa.update(table).values(status=Status.COMPLETED, ended_at=now()))
    await sweep(app.context)
    told = await look(app, batch_id, monkeypatch)
    assert told.state.status is Status.COMPLETED
    assert told.counts["completed"] == MANY


async def test_a_count_that_a_batchs_end_overtook_is_not_kept(
    app: Application, personas: Any, rubric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = await batch_of(app, personas, rubric, MANY)
    count = counting.count_evaluations

    async def cancelled_meanwhile(*arguments: Any) -> Any:
        found = await count(*arguments)
        monkeypatch.setattr(counting, "count_evaluations", count)
        await app.batches.cancel("me", batch_id)
        return found

    monkeypatch.setattr(counting, "count_evaluations", cancelled_meanwhile)
    await counting.keep_counts(app.context)
    assert (await app.batches.get("me", batch_id)).counts["cancelled"] == MANY


async def test_a_small_batch_is_counted_whenever_somebody_looks(app: Application, personas: Any, rubric: Any) -> None:
    batch_id = await batch_of(app, personas, rubric, 3)
    await sweep(app.context)
    await end_some(app, batch_id, ["c0"])
    assert (await app.batches.get("me", batch_id)).counts["completed"] == 1
