"""A worker that ends in mid-work because it is told to: nothing lost, nothing doubled, no finished call paid again.

Those that are killed are in tests/e2e.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa

from agents import DebateProtocol
from service.application import Application, BatchRequest, EvaluationFilter, Status
from service.store import load_calls, tables
from tests.service.jobs.conftest import Provider, asking_of, until

ITEMS, REPEATS, PERSONAS = 4, 2, 3


async def hear_items(app: Application, persona_set: str, rubric: Any, model: str) -> str:
    async def lines() -> AsyncIterator[bytes]:
        for number in range(ITEMS):
            item = {"kind": "text", "id": f"i{number}", "instruction": "Say the price.", "output": f"It is {number}."}
            yield json.dumps({"custom_id": f"c{number}", "item": item}).encode() + b"\n"

    protocol = DebateProtocol(turns_max=2, synthesis=False)
    request = BatchRequest(persona_set=persona_set, rubric=rubric, repeats=REPEATS, models=(model,), protocol=protocol)
    return (await app.batches.create(None, request, lines())).id


async def check_nothing_lost_or_doubled(app: Application, batch_id: str, provider: Provider, together: int) -> None:
    batch = await app.batches.get(None, batch_id)
    assert batch.state.status is Status.COMPLETED
    assert batch.counts["completed"] == batch.counts["total"] == ITEMS
    evaluations = (await app.evaluations.list(None, EvaluationFilter(batch_id=batch_id), limit=100)).rows
    recorded = 0
    for evaluation in evaluations:
        runs = await app.runs.list(None, evaluation.id)
        assert [run.repeat for run in runs] == list(range(REPEATS))
        assert all(run.state.status is Status.COMPLETED for run in runs)
        events = await app.evaluations.events(None, evaluation.id)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert sum(event.kind == "run.completed" for event in events) == REPEATS
        assert [event.terminal for event in events].count(True) == 1
        for run in runs:
            calls = await load_calls(app.context.store, run.id)
            assert run.spent.calls == len(calls)
            recorded += len(calls)
    async with app.context.store.read() as connection:
        begun_again = (await connection.execute(sa.select(sa.func.sum(tables.runs.c.attempts - 1)))).scalar_one()
        # what a run had in flight when its worker ended was answered to nobody: that alone may be asked again
        assert 0 <= provider.answered - recorded <= begun_again * together
        assert (
            await connection.execute(sa.select(sa.func.count()).select_from(tables.results))
        ).scalar() == ITEMS * REPEATS


async def calls_made(app: Application) -> int:
    async with app.context.store.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(tables.calls))).scalar_one())


async def test_a_worker_that_is_told_to_stop_hands_over(
    sqlite_settings: Any, working: Any, rubric: Any, provider: Provider, start_worker: Any
) -> None:
    settings = asking_of(sqlite_settings, provider)
    provider.hold(after=15)
    async with working(settings, work=False) as (app, personas):
        batch_id = await hear_items(app, personas, rubric, "openai:bench")
        worker = start_worker(REHEARING_BASE_URL=provider.base_url, REHEARING_API_KEY="none")
        worker.wait_until_working()

        async def begun() -> bool:
            return await provider.all_held() and await calls_made(app) == 15

        await until(begun)
        assert await worker.stop() == 0
    provider.release()
    async with working(settings.model_copy(update={"executor_id": "another"})) as (app, _):

        async def ended() -> bool:
            return (await app.batches.get(None, batch_id)).report_status == "ready"

        await until(ended)
        await check_nothing_lost_or_doubled(app, batch_id, provider, together=PERSONAS)
