"""Runs of one evaluation that end in one commit: its events, its count and its scores come out as if they had not."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa

from service.application import EvaluationRequest, Status
from service.application.lifecycle import Begun, begin_run, end_run, stop_evaluation
from service.store import tables
from tests.service.jobs.test_working import SHORT

RUNS = 12
"""Scored after each of the first ten, and after the last."""


async def begun_runs(app: Any, personas: str, rubric: Any, item: Any) -> tuple[str, dict[str, Begun]]:
    request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, repeats=RUNS, protocol=SHORT)
    evaluation = (await app.evaluations.create(None, request)).id
    ids = [run.id for run in await app.runs.list(None, evaluation)]
    store = app.context.store
    begun = await asyncio.gather(*(store.write(lambda to, run=run: begin_run(to, run, "me")) for run in ids))
    return evaluation, dict(zip(ids, begun, strict=True))


def ending(app: Any, run: str, begun: Begun) -> Any:
    values = {"calls": 1, "input_tokens": 10, "output_tokens": 1, "cost_usd": None, "cost_by_purpose": {}}
    return app.context.store.write(lambda to: end_run(to, run, begun, Status.COMPLETED, values))


async def kinds(app: Any, evaluation: str) -> list[str]:
    events = await app.evaluations.events(None, evaluation)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.terminal for event in events] == [False] * (len(events) - 1) + [True]
    return [event.kind for event in events]


async def runs_ended(app: Any, evaluation: str) -> int:
    async with app.context.store.read() as connection:
        query = sa.select(tables.evaluations.c.runs_ended).where(tables.evaluations.c.id == evaluation)
        return int((await connection.execute(query)).scalar_one())


async def test_all_end_in_one_commit(settings: Any, working: Any, rubric: Any, item: Any) -> None:
    async with working(settings, work=False) as (app, personas):
        evaluation, begun = await begun_runs(app, personas, rubric, item)
        assert await asyncio.gather(*(ending(app, *one) for one in begun.items())) == [True] * RUNS
        assert await kinds(app, evaluation) == [
            "evaluation.queued", "evaluation.running", *["run.running"] * RUNS, *["run.completed"] * RUNS,
            "evaluation.completed",
        ]  # fmt: skip
        record = await app.evaluations.get(None, evaluation)
        assert record.state.status is Status.COMPLETED
        assert record.spent.input_tokens == 10 * RUNS
        assert await runs_ended(app, evaluation) == RUNS


async def test_cancelled_in_the_commit_in_which_some_of_them_end(
    settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(settings, work=False) as (app, personas):
        evaluation, begun = await begun_runs(app, personas, rubric, item)
        some = list(begun.items())[:3]
        stop = app.context.store.write(lambda to: stop_evaluation(to, evaluation, "cancelled", "by its owner"))
        await asyncio.gather(*(ending(app, *one) for one in some), stop)
        assert (await kinds(app, evaluation))[-4:] == [*["run.completed"] * 3, "evaluation.cancelled"]
        assert await runs_ended(app, evaluation) == RUNS
        assert (await app.evaluations.get(None, evaluation)).state.status is Status.CANCELLED
