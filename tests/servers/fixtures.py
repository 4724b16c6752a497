"""Servers for the tests of every package, each a process of its own on this machine: models, and the whole service."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
BENCH_SERVER = HERE.parents[1] / "bench" / "model_server.py"
LLAMA_SERVER = HERE / "llama_server.py"
LIVE_SERVER = HERE / "live_server.py"


class ServerProcess(NamedTuple):
    """A running server."""

    base_url: str
    process: subprocess.Popen[str]

    def stats(self) -> dict[str, Any]:
        """The bench server's own count of calls."""
        return self._get("/stats", None)

    def set_faults(self, faults: Mapping[str, float]) -> None:
        """Other faults from now on, for the bench server."""
        self._get("/faults", json.dumps(faults).encode())

    def answer_at_most(self, calls: int | None) -> None:
        """The bench server answers so many calls over all and holds the next ones until more are allowed; None for any number."""
        self._get("/answers_most", json.dumps(calls).encode())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _get(self, path: str, data: bytes | None) -> Any:
        with urllib.request.urlopen(self.base_url.removesuffix("/v1") + path, data, timeout=120) as response:
            return json.load(response)


def start(*command: str) -> ServerProcess:
    """Runs a server that prints its base URL as its first line."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    if not address:
        process.wait()
        raise RuntimeError(f"{command[0]} ended with {process.returncode} before it served")
    return ServerProcess(address, process)


@contextmanager
def live_service(folder: Path) -> Iterator[str]:
    """The URL of a whole service that keeps its data in the folder, until the block ends.

    In a process of its own: one process works for one store, and commands in the test's process open others.
    """
    with (folder / "log").open("wb") as log:
        command = [sys.executable, str(LIVE_SERVER), str(folder / "data")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, (folder / "log").read_text()[-4000:]
            yield f"http://127.0.0.1:{line.strip()}"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


def start_model_server(
    latency: float = 0.0, faults: Mapping[str, float] | None = None, seed: int = 0, port: int = 0, capacity: int = 0
) -> ServerProcess:
    """Starts bench/model_server.py; whoever starts it stops it. port: one that `dead_port` holds, or 0 for a free one."""
    told = ",".join(f"{name}={share}" for name, share in (faults or {}).items())
    options = ["--latency", str(latency), "--faults", told, "--seed", str(seed), "--capacity", str(capacity)]
    return start("-P", str(BENCH_SERVER), *options, *(["--port", str(port), "--held"] if port else []))


@pytest.fixture
def model_server() -> Iterator[Callable[..., ServerProcess]]:
    """Starts a server for one test: `model_server(latency=0, faults={"429": 0.05}, seed=0, port=0, capacity=0)`."""
    running: list[ServerProcess] = []

    def run(**options: Any) -> ServerProcess:
        running.append(start_model_server(**options))
        return running[-1]

    yield run
    for server in running:
        server.stop()


@contextmanager
def dead_port() -> Iterator[int]:
    """A port at which nobody listens, and which nobody else is given meanwhile; `model_server(port=...)` may take it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A real llama.cpp server over a tiny llama with random weights: the real wire, valid JSON, random content."""
    pytest.importorskip("xllamacpp", reason="the llama.cpp server comes with the package xllamacpp")
    pytest.importorskip("gguf", reason="the model is written with the package gguf")
    model = tmp_path_factory.mktemp("llama") / "random.gguf"
    server = start(str(LLAMA_SERVER), str(model))
    yield server
    server.stop()
