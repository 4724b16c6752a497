"""Everything is in use: whoever calls is told to come again, and what was accepted goes on afterwards."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, problem
from tests.service.jobs.test_faults import until

POOL = 3


async def test_all_database_connections_are_in_use(serve: Serve, database: dict[str, Any]) -> None:
    few = {"store_pool_size": POOL, "store_pool_wait": timedelta(seconds=0.2)}
    async with serve(work=True, **few, **database) as service:
        persona_set = (await accepted(service, "/v1/persona-sets", {"personas": PERSONAS})).json()["id"]
        asked = {"persona_set": persona_set, "rubric": RUBRIC, "item": ITEM, "repeats": 4}
        path = (await accepted(service, "/v1/evaluations", asked)).headers["location"]
        engine = service.application.context.store.engine
        async with AsyncExitStack() as held:
            for _ in range(POOL):  # as the workers' own loops let go of one
                connection = await until_free(held, engine)
                await connection.execute(sa.text("SELECT 1"))
            answers = [
                await service.client.get(reading) for reading in ("/v1/evaluations", "/v1/batches", f"{path}/runs")
            ]
            for answer in answers:
                told = problem(answer, "busy")
                assert answer.status_code == 503
                assert told["retryable"] is True
                assert "REHEARING_STORE_POOL_SIZE" in told["detail"]
                assert int(answer.headers["retry-after"]) > 0
            assert (await service.client.get("/livez")).status_code == 200
            readiness = (await service.client.get("/readyz")).json()
            assert readiness["ready"] is False

        async def heard() -> bool:
            answer = await service.client.get(path)
            return answer.status_code == 200 and answer.json()["status"] == "completed"

        await until(heard)
        assert [run["status"] for run in (await service.client.get(f"{path}/runs")).json()["data"]] == ["completed"] * 4


async def accepted(service: Service, path: str, body: dict[str, Any]) -> httpx.Response:
    """The answer to a request that comes again while the workers' own loops, held up by a busy machine, hold everything."""
    while (answer := await service.client.post(path, json=body)).status_code == 503:
        problem(answer, "busy")
    assert answer.is_success, answer.text
    return answer


async def until_free(held: AsyncExitStack, engine: Any) -> Any:
    """A connection of the pool, kept until the block ends."""
    while True:
        try:
            return await held.enter_async_context(engine.connect())
        except sa.exc.TimeoutError:
            continue
