"""The disk fills up under a batch, and then the schema moves under its worker: nothing is lost, and it goes on."""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import QUICK, RUBRIC, Process, Program, until
from tests.e2e.counting import (
    CALLS_LEAST,
    CONCURRENT,
    ITEMS,
    JUDGED,
    SETTINGS,
    assert_every_verdict_is_there_once,
    assert_repeated_at_most,
    calls_begun,
    counts_in_file,
    enough_for_another,
    recorded,
    repeated,
    runs_done,
)

pytestmark = pytest.mark.timeout(600)
FULL_S = 1.25 * float(QUICK["REHEARING_WORKER_DEAD_AFTER"].strip("PTS"))
"""Longer than a worker may be silent."""
BEFORE, MEANWHILE = enough_for_another(CONCURRENT), 3
"""Calls that are answered before the disk is full, and meanwhile."""


@contextmanager
def full_disk(*processes: Process) -> Iterator[None]:
    """None of these processes can write beyond a file's first 4 kB: to them, every file of theirs fails as if the disk were full."""
    for process in processes:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    yield
    for process in processes:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_the_disk_fills_up_and_the_schema_moves(
    program: Callable[..., Program], model_server: Callable[..., Any]
) -> None:
    server = model_server(latency=0.05)
    server.answer_at_most(BEFORE)
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url)
    service = rehearing.serve("--no-work")
    worker = rehearing.start("worker")
    store = Path(rehearing.environment["REHEARING_DATA_DIR"]) / "rehearing.db"
    count = counts_in_file(store)
    batch_id = service.send(ITEMS, **JUDGED)
    until(lambda: runs_done(count), rehearing.talk)

    with full_disk(service.process, worker):
        server.answer_at_most(BEFORE + MEANWHILE)
        answer = service.client.post("/v1/rubrics", json=RUBRIC | {"name": "Another"})
        assert (answer.status_code, answer.json()["code"]) == (507, "storage-full")
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert service.client.get(f"/v1/batches/{batch_id}").json()["status"] == "running", "reading goes on"
        time.sleep(FULL_S)
        stood = recorded(count)
        time.sleep(0.5)
        assert recorded(count) == stood, "nothing can be written"
        with closing(sqlite3.connect(store)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert service.client.post("/v1/rubrics", json=RUBRIC | {"name": "Another"}).status_code == 201
    done = runs_done(count)
    allowed = BEFORE + MEANWHILE + enough_for_another(CONCURRENT)
    assert allowed < ITEMS * CALLS_LEAST
    server.answer_at_most(allowed)
    until(lambda: runs_done(count) > done, rehearing.talk)
    assert worker.poll() is None
    assert repeated(server) == 0

    head = move_schema(store, "9999")
    until(lambda: worker.poll() is not None, rehearing.talk)
    assert worker.returncode == 1
    assert "the database was migrated by a newer version; start this worker with that version" in rehearing.talk()
    assert count("SELECT count(*) FROM workers WHERE stopped_at IS NULL") == 0, "it said goodbye"
    readiness = service.client.get("/readyz")
    assert (readiness.status_code, readiness.json()["ready"]) == (503, False)
    again = rehearing.run("worker")
    assert again.returncode == 1
    assert "9999" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1, "one line says it"

    move_schema(store, head)
    unheard = calls_begun(server) - recorded(count)
    server.answer_at_most(None)
    rehearing.start("worker")
    assert service.ended(batch_id, rehearing.talk)["status"] == "completed"
    assert_every_verdict_is_there_once(service, batch_id)
    assert_repeated_at_most(unheard, server, count)


def move_schema(store: Path, to: str) -> str:
    """Marks the database as one of another schema; the one that it was at."""
    with closing(sqlite3.connect(store, timeout=30)) as connection, connection:
        [was] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE alembic_version SET version_num = ?", (to,))
    return str(was)
