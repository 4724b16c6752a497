"""HEAD: what GET answers, without the body, on every resource."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from service.api.middleware import HeadAnswers
from tests.service.api.conftest import RUBRIC, Serve, Service, kept_operations
from tests.service.api.test_streams import on_a_port, until, waiting_evaluation

_CHANGES = {"date", "x-request-id"}
READ = sorted(path for path, method, _ in kept_operations() if method == "get")


@pytest.mark.parametrize("path", [*READ, "/", "/evaluations", "/static/none", "/nothing"])
async def test_every_get_answers_head(service: Service, path: str) -> None:
    for name in ("evaluation_id", "run_id", "turn_id", "batch_id", "persona_set_id", "document_id", "name", "slug"):
        path = path.replace(f"{{{name}}}", "busy")
    got, head = await service.client.get(path), await service.client.head(path)
    assert head.status_code == got.status_code != 405
    assert head.content == b""
    assert head.headers.keys() - _CHANGES == got.headers.keys() - _CHANGES
    assert head.headers.get("content-type") == got.headers.get("content-type")


async def test_its_headers_are_those_of_the_answer(service: Service) -> None:
    made = await service.client.post("/v1/rubrics", json=RUBRIC)
    got, head = [await service.client.request(method, made.headers["location"]) for method in ("GET", "HEAD")]
    assert got.status_code == head.status_code == 200
    assert head.headers["content-length"] == str(len(got.content))
    refused = await service.client.head("/v1/evaluations/ev_none")
    assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")


async def test_what_only_takes_posts_is_still_a_405(service: Service) -> None:
    answer = await service.client.head("/v1/stability")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_stream_is_not_begun() -> None:
    """Whether or not the server says that the client has all it asked for."""
    sent: list[Message] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0)

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(endless())(scope, receive, send)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/", "headers": [], "asgi": {"spec_version": "2.4"}}
    async with asyncio.timeout(120):
        await HeadAnswers(stream)(scope, asyncio.Queue().get, send)
    assert [message.get("body") for message in sent] == [None, b""]


async def test_a_connection_goes_on_after_it(serve: Serve) -> None:
    """Over real sockets, and nothing goes on behind it."""
    async with serve() as service, on_a_port(service) as port:
        path = await waiting_evaluation(service)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        before = len(asyncio.all_tasks())
        for method, asked in (("HEAD", f"{path}/events"), ("HEAD", path), ("GET", "/livez")):
            writer.write(f"{method} {asked} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)).decode()
            assert head.startswith("HTTP/1.1 200"), head
            assert ("text/event-stream" in head) == asked.endswith("/events")

        async def nothing_goes_on() -> bool:
            return len(asyncio.all_tasks()) <= before

        async with asyncio.timeout(120):
            await until(nothing_goes_on)
        writer.close()
