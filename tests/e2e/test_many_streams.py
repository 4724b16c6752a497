"""1,000 clients follow one evaluation and vanish: the server goes on serving and keeps nothing of them."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import RUBRIC, Program, until

pytestmark = pytest.mark.timeout(300)
CLIENTS = 1000
AT_ONCE = 100
SMALL = 256
"""Open files that the server is allowed at first: fewer than its clients, as many systems give a process."""


@pytest.fixture
def few_files() -> Any:
    """This process and what it starts may open few files, but may allow itself more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * CLIENTS:
        pytest.skip(f"no process may open more than {hard} files here; {2 * CLIENTS} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (SMALL, hard))
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (2 * CLIENTS, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_clients_that_vanish(program: Callable[..., Program], few_files: Callable[[], None]) -> None:
    rehearing = program()
    service = rehearing.serve("--no-work", installed=True)
    few_files()
    item = {"kind": "text", "id": "a", "instruction": "Say.", "output": "So."}
    asked = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item}
    path = service.client.post("/v1/evaluations", json=asked).headers["location"]
    before = sockets(service.process.pid)
    streams: set[str] = set()

    async def follow() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]))
        writer.write(f"GET {path}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await reader.readuntil(b"evaluation.queued")
        return writer

    async def follow_and_vanish() -> None:
        following: list[asyncio.StreamWriter] = []
        for _ in range(CLIENTS // AT_ONCE):
            following += await asyncio.gather(*(follow() for _ in range(AT_ONCE)))
        streams.update(sockets(service.process.pid) - before)
        assert len(streams) >= CLIENTS
        assert (await asyncio.to_thread(service.client.get, path)).json()["status"] == "queued"
        for writer in following:
            writer.transport.abort()  # no goodbye: a reset, as from a machine that lost its power

    asyncio.run(follow_and_vanish())
    until(lambda: not streams & sockets(service.process.pid), rehearing.talk, pause_s=0.5)
    assert service.client.get(path).json()["status"] == "queued"
    assert service.client.post("/v1/rubrics", json=RUBRIC | {"name": "Another"}).status_code == 201


def sockets(pid: int) -> set[str]:
    """Names of the sockets that a process has open; each names one socket for good."""
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(file.readlink().name)
    return {name for name in found if name.startswith("socket:")}
