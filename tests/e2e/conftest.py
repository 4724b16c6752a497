"""The program in processes of its own, over databases of their own, and what a caller sends it.

Most of them are forked from one that has imported everything (tests/servers/forking.py); a command that ends by itself, and
one server, are the installed program.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers.forking import Forked, fork_program
from tests.servers.postgres_server import PostgresServer, postgres_programs

PROGRAM = str(Path(sys.executable).with_name("rehearing"))
PATIENCE_S = 150.0
"""What a busy machine may take; nothing here says how fast anything is."""
Process = subprocess.Popen[bytes] | Forked
POSTGRES_DEFAULT = "postgresql://postgres@127.0.0.1:5432/postgres"
QUICK = {
    "REHEARING_HEARTBEAT": "PT0.5S",
    "REHEARING_WORKER_DEAD_AFTER": "PT3S",
    "REHEARING_POLL": "PT0.25S",
    "REHEARING_SHUTDOWN_GRACE": "PT2S",
}
"""Settings under which everything that waits waits briefly."""
JUDGED_LATE = {"REHEARING_WORKER_DEAD_AFTER": "PT8S", "REHEARING_HEARTBEAT": "PT1S"}
"""Where workers judge each other: one that a busy machine holds still for seconds must not be given up for it."""
SERVING = re.compile(r"serving (http://\S+) with")

REFUSAL = b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}'

RUBRIC: dict[str, Any] = {
    "name": "Plain words",
    "dimensions": [
        {
            "name": "clarity",
            "question": "Is it clear?",
            "pass_threshold": 3,
            "levels": [{"value": value, "label": f"grade {value}"} for value in range(1, 6)],
        }
    ],
}
PERSONAS: list[dict[str, Any]] = [
    {"id": f"{who}-1", "name": who.title(), "stakeholder": who, "group_id": "ward", "perspective": looks_at}
    for who, looks_at in (("patient", "plain words"), ("nurse", "what it asks of the ward"), ("engineer", "figures"))
]


def item(number: int) -> dict[str, Any]:
    """The n-th of many small items."""
    text = f"The boat number {number} costs {number + 10} crowns a day."
    return {"kind": "text", "id": f"boat-{number}", "instruction": "Say what the boat costs.", "output": text}


class Program:
    """`rehearing` as a shell runs it: its own folder, its own settings, its talk in a file."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REHEARING_", "OPENAI_"))}
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.environment = kept | {"REHEARING_DATA_DIR": str(folder / "data")} | QUICK | settings
        self._running: list[Process] = []
        self._services: list[Service] = []

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        environment = self.environment | settings
        command = [PROGRAM, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def start(self, *arguments: str, installed: bool = False) -> Process:
        """A command that runs until it is stopped. installed: by the program that the package installs."""
        log = self._log(len(self._running), arguments[0])
        self._running.append(self._installed(arguments, log) if installed else self._forked(arguments, log))
        return self._running[-1]

    def _log(self, number: int, command: str) -> Path:
        return self.folder / f"{command}-{number}.log"

    def _forked(self, arguments: Sequence[str], log: Path) -> Process:
        return fork_program(arguments, self.folder, self.environment, log)

    def _installed(self, arguments: Sequence[str], log: Path) -> Process:
        with log.open("wb") as told:
            return subprocess.Popen(
                [PROGRAM, *arguments], cwd=self.folder, env=self.environment, stdout=told, stderr=told
            )

    def serve(self, *options: str, installed: bool = False) -> Service:
        """`rehearing serve` on a free port, once it answers."""
        process = self.start("serve", "--port", "0", *options, installed=installed)
        log = self._log(len(self._running) - 1, "serve")

        def address() -> str | None:
            found = SERVING.search(log.read_text()) if log.exists() else None
            return found[1] if found else None

        until(lambda: address() or process.poll() is not None, self.talk)
        url = address()
        assert url, self.talk()
        service = Service(url, process)
        self._services.append(service)
        until(lambda: service.is_up() or process.poll() is not None, self.talk)
        assert process.poll() is None, self.talk()
        return service

    def talk(self) -> str:
        """The ends of all logs."""
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        for service in self._services:
            service.client.close()
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()


class Service:
    """A serving process, and what a caller does with it."""

    def __init__(self, url: str, process: Process) -> None:
        self.url, self.process = url, process
        self.client = httpx.Client(base_url=url, timeout=PATIENCE_S)

    def is_up(self) -> bool:
        try:
            return self.client.get("/livez").is_success
        except httpx.TransportError:
            return False

    def persona_set(self) -> str:
        """The id of a set of the given PERSONAS."""
        made = self.client.post("/v1/persona-sets", json={"personas": PERSONAS}).raise_for_status().json()
        found = self.client.get(f"/v1/persona-sets/{made['id']}", params={"wait": 30}).json()
        assert found["status"] == "completed", found
        return str(made["id"])

    def send(self, items: int, **hearing: Any) -> str:
        """The id of a new batch of so many items, heard by PERSONAS."""
        head = {"persona_set": self.persona_set(), "rubric": RUBRIC, **hearing}
        lines = [{"batch": head}, *({"custom_id": f"boat-{n}", "item": item(n)} for n in range(items))]
        body = "".join(json.dumps(line) + "\n" for line in lines)
        kind = {"Content-Type": "application/x-ndjson"}
        sent = self.client.post("/v1/batches", content=body, headers=kind)
        assert sent.status_code == 202, sent.text
        return str(sent.json()["id"])

    def batch(self, batch_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/v1/batches/{batch_id}").raise_for_status().json()
        return found

    def ended(self, batch_id: str, talk: Callable[[], str]) -> dict[str, Any]:
        """The batch once it has ended and its report is written."""
        until(
            lambda: (
                (found := self.batch(batch_id))["status"] not in ("queued", "running")
                and found["report_status"] != "pending"
            ),
            lambda: f"{self.batch(batch_id)}\n{talk()}",
        )
        return self.batch(batch_id)

    def results(self, batch_id: str) -> dict[str, Any]:
        """Results by custom id; every one occurs once."""
        lines = self.client.get(f"/v1/batches/{batch_id}/results").raise_for_status().text.splitlines()
        found = {line["custom_id"]: line["result"] for line in map(json.loads, lines)}
        assert len(found) == len(lines)
        return found

    def runs(self, batch_id: str) -> list[tuple[str, str]]:
        """(evaluation id, run id) of every run."""
        found = []
        for result in self.results(batch_id).values():
            path = f"/v1/evaluations/{result['evaluation_id']}/runs"
            found += [(result["evaluation_id"], run["id"]) for run in self.client.get(path).json()["data"]]
        return found

    def transcript(self, evaluation_id: str, run_id: str) -> dict[str, Any]:
        path = f"/v1/evaluations/{evaluation_id}/runs/{run_id}/transcript"
        found: dict[str, Any] = self.client.get(path).raise_for_status().json()
        return found


def until(reached: Callable[[], object], told: Callable[[], str], pause_s: float = 0.1) -> None:
    """Waits for what must come; fails with what `told` says."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came: {told()}")
        time.sleep(pause_s)


def freeze(process: Process) -> None:
    """Holds a process still, so that what it had in flight can be counted before it is killed."""
    process.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{process.pid}/stat")
    until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", lambda: "the process does not stop")


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Makes programs: `program(REHEARING_MODEL="openai:bench", ...)`; what they started is killed at the end."""
    made: list[Program] = []

    def make(**settings: str) -> Program:
        made.append(Program(tmp_path / str(len(made)), settings))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@contextmanager
def new_database() -> Iterator[str]:
    """An empty Postgres database, dropped afterwards; skips where there is no server."""
    import psycopg

    server = os.environ.get("REHEARING_TEST_POSTGRES_URL", POSTGRES_DEFAULT)
    name = f"rehearing_e2e_{secrets.token_hex(6)}"
    try:
        with psycopg.connect(server, autocommit=True, connect_timeout=60) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    except psycopg.OperationalError as error:
        pytest.skip(f"no Postgres to test with ({error}); set REHEARING_TEST_POSTGRES_URL")
    yield f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty Postgres database for one test."""
    with new_database() as url:
        yield url


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A running Postgres server that the test may stop and start; skips where none is installed."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no Postgres server is installed here: its initdb is needed")
    server = PostgresServer(programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


class _Refusing(http.server.BaseHTTPRequestHandler):
    """A provider that knows no key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The address of a provider that answers every call with 401."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()
