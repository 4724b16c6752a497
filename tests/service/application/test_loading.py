"""A batch is stored in steps, and is there only once it is whole."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.application import Application, BatchRequest, PersonaSetRequest, loading, open_application
from service.application.context import now
from service.errors import ConflictError, NotFoundError
from service.jobs.dispatch import sweep, waiting_jobs
from service.store import tables


@pytest.fixture
async def app(settings: Any) -> AsyncIterator[Application]:
    async with open_application(settings) as opened:
        yield opened


@pytest.fixture
async def request_(app: Application, personas: Any, rubric: Any) -> BatchRequest:
    made = await app.persona_sets.create("me", PersonaSetRequest(personas=personas))
    return BatchRequest(persona_set=made.id, rubric=rubric, repeats=2)


async def lines(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        item = {"kind": "text", "id": f"i{number}", "instruction": "Say it.", "output": "It is said."}
        yield json.dumps({"custom_id": f"c{number}", "item": item}).encode() + b"\n"


async def counted(app: Application) -> list[int]:
    async with app.context.store.read() as connection:
        queries = [
            sa.select(sa.func.count()).select_from(one) for one in (tables.batches, tables.evaluations, tables.runs)
        ]
        return [int((await connection.execute(query)).scalar_one()) for query in queries]


def failing_at_the_third_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of some items, of which the third cannot be stored."""
    monkeypatch.setattr("service.application.batches.ROWS", 200)
    insert, steps = loading.insert_evaluations, iter(range(100))

    async def insert_twice(*arguments: Any) -> None:
        if next(steps) == 2:
            raise ConflictError("here it ends")
        await insert(*arguments)

    monkeypatch.setattr(loading, "insert_evaluations", insert_twice)


async def test_a_batch_of_many_steps_is_whole(app: Application, request_: BatchRequest) -> None:
    record = await app.batches.create("me", request_, lines(1201))
    assert record.counts["queued"] == 1201
    assert await counted(app) == [1, 1201, 2402]
    assert len(await waiting_jobs(app.context, 5000)) == 2402


async def test_what_fails_in_the_middle_leaves_nothing(
    app: Application, request_: BatchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_at_the_third_step(monkeypatch)
    with pytest.raises(ConflictError, match="here it ends"):
        await app.batches.create("me", request_, lines(900))
    assert await counted(app) == [0, 0, 0]


async def test_half_a_batch_of_a_dead_process_is_neither_seen_nor_begun_and_then_deleted(
    app: Application, request_: BatchRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_at_the_third_step(monkeypatch)

    async def die(*_: object) -> None:
        return

    with monkeypatch.context() as dying:
        dying.setattr(loading, "forget", die)  # a process that is killed deletes nothing
        with pytest.raises(ConflictError):
            await app.batches.create("me", request_, lines(900))
    assert await counted(app) == [1, 400, 800]
    assert await waiting_jobs(app.context, 5000) == []
    assert (await app.batches.list("me")).rows == ()
    assert (await app.evaluations.list("me")).rows == ()
    assert (await app.evaluations.ranked("me")).total == 0
    async with app.context.store.read() as connection:
        batch_id = (await connection.execute(sa.select(tables.batches.c.id))).scalar_one()
    with pytest.raises(NotFoundError):
        await app.batches.get("me", batch_id)
    await sweep(app.context)
    assert await counted(app) == [1, 400, 800], "it may still be at work"
    long_ago = sa.update(tables.batches).values(loading_at=now() - timedelta(minutes=6))
    await app.context.store.write(lambda connection: connection.execute(long_ago))
    await sweep(app.context)
    assert await counted(app) == [0, 0, 0]
