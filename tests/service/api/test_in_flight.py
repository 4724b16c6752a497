"""Too much at once is a 503 that says when to come again, before anything of it is read; others are served meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest

from service.application import Scope
from service.settings import Limits
from tests.service.api.conftest import Serve, Service, problem
from tests.service.api.test_streams import on_a_port, until, waiting_evaluation


@asynccontextmanager
async def limited(serve: Serve, **limits: int) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """A service, and a client of it over real connections."""
    async with (
        serve(limits=Limits(**limits)) as service,
        on_a_port(service) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=150) as client,
    ):
        yield service, client


def refused(answer: httpx.Response) -> str:
    told = problem(answer, "busy")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert told["retryable"]
    return str(told["detail"])


async def test_a_caller_follows_so_many_streams_and_another_is_not_kept_out(serve: Serve) -> None:
    async with limited(serve, streams_per_caller=2) as (service, client):
        path = f"{await waiting_evaluation(service)}/events"
        key = await service.key("somebody", Scope.ADMIN)
        async with AsyncExitStack() as held:
            first, second = [await held.enter_async_context(client.stream("GET", path)) for _ in range(2)]
            assert first.status_code == second.status_code == 200
            assert "follow 2 event streams" in refused(await client.get(path))
            async with client.stream("GET", path, headers=key) as other:
                assert other.status_code == 200
            assert (await client.get(path.removesuffix("/events"))).status_code == 200, "what is soon over goes on"
            await first.aclose()

            async def free() -> bool:
                async with client.stream("GET", path) as again:
                    return again.status_code == 200

            async with asyncio.timeout(120):
                await until(free)


@pytest.mark.parametrize(
    ("limits", "told", "other"),
    [({"requests_per_caller": 3}, "3 requests of yours", 200), ({"requests_in_flight": 3}, "3 requests at once", 503)],
)
async def test_so_much_is_answered_at_once(serve: Serve, limits: dict[str, int], told: str, other: int) -> None:
    async with limited(serve, **limits) as (service, client):
        path = await waiting_evaluation(service)
        key = await service.key("somebody", Scope.ADMIN)

        async def wait_for_the_end() -> httpx.Response:
            while (answer := await client.get(f"{path}?wait=60")).status_code == 503:  # noqa: ASYNC110 - in the way of the look below
                await asyncio.sleep(0.05)
            return answer

        waiting = [asyncio.create_task(wait_for_the_end()) for _ in range(3)]

        async def full() -> bool:
            return (await client.get(path)).status_code == 503

        async with asyncio.timeout(120):
            await until(full)
        assert told in refused(await client.get(path))
        assert (await client.get(path, headers=key)).status_code == other
        assert (await client.get("/livez")).status_code == 200, "whoever looks after the server is answered"
        await service.application.evaluations.cancel(None, path.rpartition("/")[2])
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
        assert (await client.get(path)).status_code == 200


async def test_one_connection_too_many_is_told_so_and_closed(serve: Serve) -> None:
    async with serve(limits=Limits(connections=2)) as service, on_a_port(service) as port:

        async def opened() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await asyncio.open_connection("127.0.0.1", port)

        async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            return await reader.readuntil(b"\r\n\r\n")

        kept: list[Any] = [await opened(), await opened()]
        reader, writer = await opened()
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in head
        assert b'"busy"' in body
        writer.close()
        for one in kept:
            assert (await asked(*one)).startswith(b"HTTP/1.1 200")
        kept[0][1].close()
        await kept[0][1].wait_closed()
        async with asyncio.timeout(120):
            while True:
                again = await opened()
                with suppress(ConnectionError, asyncio.IncompleteReadError):  # closed while it was asked
                    if (await asked(*again)).startswith(b"HTTP/1.1 200"):
                        break
        for _, writer in (kept[1], again):
            writer.close()
