"""Model servers and workers as processes of their own, so that they can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


class ModelServer:
    """bench/model_server.py in a process: it counts what it answered."""

    def __init__(self, latency_s: float) -> None:
        command = [sys.executable, "-P", str(ROOT / "bench" / "model_server.py"), "--latency", str(latency_s)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()

    def stats(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + "/stats") as answer:
            told: dict[str, Any] = json.load(answer)
            return told

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    server = ModelServer(latency_s=0.03)
    yield server
    server.stop()


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

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        self._process.communicate(timeout=30)
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
