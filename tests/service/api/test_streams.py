"""Event streams: clients that vanish, streams that grow old, and readiness when the store is gone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn

from service.api import create_app, server_config
from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service

VANISHING = 150


async def waiting_evaluation(service: Service) -> str:
    """The path of an evaluation that nothing works on."""
    made = await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})
    asked = {"persona_set": made.json()["id"], "rubric": RUBRIC, "item": ITEM}
    return str((await service.client.post("/v1/evaluations", json=asked)).headers["location"])


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a condition; the test's own timeout ends what never comes."""
    while not await holds():  # noqa: ASYNC110 - what is waited for rings no bell
        await asyncio.sleep(0.05)


@asynccontextmanager
async def on_a_port(service: Service) -> AsyncIterator[int]:
    """The same application over real sockets, in this loop."""
    settings = service.application.settings
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        server = uvicorn.Server(server_config(create_app(service.application, settings), settings))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield listening.getsockname()[1]
        server.should_exit = True
        await serving


async def test_clients_that_vanish_leave_nothing_behind(serve: Serve, database: dict[str, Any]) -> None:
    async with serve(**database) as service, on_a_port(service) as port:
        path = await waiting_evaluation(service)
        asked = f"GET {path}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        assert (await service.client.get(path)).status_code == 200
        before = len(asyncio.all_tasks())

        async def vanish() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asked)
            await reader.readuntil(b"evaluation.queued")
            writer.transport.abort()  # no goodbye: a reset, as from a machine that lost its power

        await asyncio.gather(*(vanish() for _ in range(VANISHING)))

        async def all_gone() -> bool:
            return len(asyncio.all_tasks()) <= before + 2

        await until(all_gone)
        assert (await service.client.get("/livez")).status_code == 200
        assert (await service.client.get(path)).json()["status"] == "queued"


async def test_an_old_stream_asks_to_reconnect_and_says_from_where(service: Service) -> None:
    path = await waiting_evaluation(service)
    app = create_app(service.application, service.application.settings, stream_max_s=0.2)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        first = (await client.get(f"{path}/events")).text
        again = (await client.get(f"{path}/events", headers={"last-event-id": "1"})).text
    for told in (first, again):
        *_, last = [block for block in told.split("\n\n") if "event: " in block]
        assert "event: reconnect" in last
        assert "retry: " in last
        assert '"after":1' in last.replace(" ", "")
        assert "id: " not in last, "it must not move the place from which a client resumes"
    assert "evaluation.queued" in first
    assert "evaluation.queued" not in again


async def test_not_ready_where_the_store_is_gone(serve: Serve) -> None:
    async with serve(work=True) as service:

        async def ready() -> bool:
            return (await service.client.get("/readyz")).status_code == 200

        await until(ready)
    async with serve() as service:
        store = service.application.context.store
        await store.aclose()
        for path in service.application.settings.data_dir.glob("rehearing.db*"):
            path.unlink()
        service.application.settings.data_dir.joinpath("rehearing.db").mkdir()
        response = await service.client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["ready"] is False
        assert "failed" in {check["state"] for check in response.json()["checks"] if check["name"] == "store"}
        assert (await service.client.get("/livez")).status_code == 200
