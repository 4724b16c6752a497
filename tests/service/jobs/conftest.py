"""A model server whose answers can be held back, and workers as processes of their own, so that they can be killed."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bench import model_server

ROOT = Path(__file__).parents[3]
LATENCY_S = 0.01


async def until(holds: Callable[[], Any], timeout_s: float = 150) -> None:
    """Returns once `await holds()` is true; however slow the machine is, that is waited for."""
    async with asyncio.timeout(timeout_s):
        while not await holds():  # noqa: ASYNC110 - what is waited for rings no bell
            await asyncio.sleep(0.05)


class Holding(model_server.ModelServer):
    """Answers so many requests more, and keeps those that come then waiting."""

    def __init__(self) -> None:
        super().__init__(LATENCY_S, {}, 0)
        self.left = math.inf
        self.held: dict[int, web.Request] = {}
        self.let_go = asyncio.Event()

    async def _answer(self, request: web.Request, raw: bytes) -> web.StreamResponse:
        self.held[id(request)] = request
        try:
            while self.left <= 0:
                await self.let_go.wait()
            self.left -= 1
        finally:
            del self.held[id(request)]
        return await super()._answer(request, raw)


class Provider:
    """The bench's model server in this loop: its counts outlive an outage of its port, and what it answers is told to it.

    So a test that needs work to be under way does not depend on how fast anybody is.
    """

    def __init__(self) -> None:
        self.server = Holding()
        self._runner: Any = None
        self.base_url = ""

    @property
    def answered(self) -> int:
        return int(self.server.finished.total())

    @property
    def held(self) -> int:
        """Requests that wait for their answer, and whose callers still do."""
        return sum(one.transport is not None and not one.transport.is_closing() for one in self.server.held.values())

    def hold(self, after: int = 0) -> None:
        """Answers `after` more requests, and then none until `release`."""
        self.server.left = after
        self.server.let_go.clear()

    def allow(self, more: int) -> None:
        """Answers so many more of those that are held back."""
        self.server.left += more
        self.server.let_go.set()
        self.server.let_go = asyncio.Event()

    def release(self) -> None:
        self.server.left = math.inf
        self.server.let_go.set()

    async def all_held(self) -> bool:
        """Whether what may be answered has been, and somebody waits for more."""
        return self.server.left <= 0 < self.held and self.server.in_flight == len(self.server.held)

    async def up(self) -> None:
        self.server.faults = {}
        if self._runner is None:
            port = int(self.base_url.rpartition(":")[2].removesuffix("/v1")) if self.base_url else 0
            self._runner, self.base_url = await model_server.serve(self.server, port)

    async def down(self, how: str) -> None:
        """how: `refused`, or the number of a fault."""
        if how != "refused":
            self.server.faults = {how: 1.0}
        elif self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.release()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    await made.up()
    yield made
    await made.down("refused")


class Worker:
    """A working process."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "working_process.py"), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        )

    def wait_until_working(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "working\n"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    async def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self._process.communicate, timeout=150)
        return self._process.returncode

    def end(self) -> None:
        if self._process.returncode is None:
            self.kill()


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers over one folder; whatever is left of them ends with the test."""
    started: list[Worker] = []

    def start(**environment: str) -> Worker:
        worker = Worker(tmp_path, environment)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.end()


@pytest.fixture
def working(personas: Any) -> Callable[..., Any]:
    """An application that works here, with a persona set: `async with working(settings) as (app, persona_set_id)`."""

    @asynccontextmanager
    async def opened(settings: Any, *, work: bool = True) -> AsyncIterator[Any]:
        from service.application import PersonaSetRequest
        from service.opening import open_service

        async with open_service(settings, work=work) as app:
            record = await app.persona_sets.create(None, PersonaSetRequest(personas=personas))
            yield app, record.id

    return opened


@pytest.fixture
def asking(settings: Any, provider: Provider) -> Any:
    """Settings over a database of each kind whose model is that server."""
    return asking_of(settings, provider)


def asking_of(settings: Any, provider: Provider) -> Any:
    """The settings with the model server for `openai:bench`."""
    from pydantic import SecretStr

    return settings.model_copy(
        update={"base_url": provider.base_url, "api_key": SecretStr("none"), "model": "openai:bench"}
    )
