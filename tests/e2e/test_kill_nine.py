"""kill -9 in the middle of a batch: every verdict still arrives, and no finished call is paid for again."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.conftest import Program, Service, freeze, until

pytestmark = pytest.mark.timeout(400)  # three processes begin, one is killed: on a busy machine that takes its time

ITEMS = 20
MIDDLE = 60
"""Finished calls at which the process is killed; the batch takes more than three times as many."""
JUDGED: dict[str, Any] = {"repeats": 1, "protocol": {"arms": ["debate"], "turns_max": 3, "spread_epsilon": 0}}
SETTINGS = {"REHEARING_MODEL": "openai:bench", "REHEARING_API_KEY": "none", "REHEARING_LIMITS__JOBS_CONCURRENT": "6"}


class Killed(NamedTuple):
    """What stood at the moment of the kill."""

    begun: int
    """Calls that the model server had finished or had in hand."""
    recorded: int
    """Calls in the ledger. The others' answers reached nobody: only they may be asked for again."""
    done: int
    """Runs that had their verdict."""


def kill(process: subprocess.Popen[bytes], server: Any, count: Callable[[str], int]) -> Killed:
    """Kills a process in mid-flight; `count` counts rows of a query."""
    freeze(process)
    stats = server.stats()
    process.kill()
    process.wait()
    return Killed(
        stats["finished"] + stats["in_flight"],
        count("SELECT count(*) FROM calls"),
        count("SELECT count(*) FROM runs WHERE status = 'completed'"),
    )


def assert_nothing_is_lost_or_repeated(
    service: Service, batch_id: str, server: Any, killed: Killed, recorded: int
) -> None:
    results = service.results(batch_id)
    assert sorted(results) == sorted(f"boat-{number}" for number in range(ITEMS))
    assert {result["type"] for result in results.values()} == {"succeeded"}
    scores = [result["scores"]["debate"]["clarity"] for result in results.values()]
    assert all(score["n_used"] <= score["n_asked"] == 1 for score in scores), "no verdict is counted twice"
    stats = server.stats()
    in_flight = killed.begun - killed.recorded
    repeated = sum(count - 1 for count in stats["finished_repeated"].values())
    assert stats["in_flight"] == 0
    assert repeated <= in_flight
    assert stats["finished"] - recorded == repeated, "every finished call is in the ledger, once"


def test_a_killed_server_goes_on_where_it_was(
    program: Callable[..., Program], model_server: Callable[..., Any]
) -> None:
    server = model_server(latency=0.15)
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url)
    first = rehearing.serve()
    batch_id = first.send(ITEMS, **JUDGED)
    until(lambda: server.stats()["finished"] >= MIDDLE, rehearing.talk, pause_s=0.02)
    store = Path(rehearing.environment["REHEARING_DATA_DIR"]) / "rehearing.db"

    def count(query: str) -> int:
        with closing(sqlite3.connect(store)) as connection:
            return int(connection.execute(query).fetchone()[0])

    killed = kill(first.process, server, count)
    assert killed.recorded > 0
    assert killed.done < ITEMS
    second = rehearing.serve()
    done = second.ended(batch_id, rehearing.talk)
    assert done["status"] == "completed"
    assert done["request_counts"]["completed"] == ITEMS
    assert_nothing_is_lost_or_repeated(second, batch_id, server, killed, count("SELECT count(*) FROM calls"))


@pytest.mark.postgres
def test_a_killed_worker_s_runs_go_to_the_other(
    program: Callable[..., Program], model_server: Callable[..., Any], postgres_url: str
) -> None:
    import psycopg

    server = model_server(latency=0.15)
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url, REHEARING_DATABASE_URL=postgres_url)
    service = rehearing.serve("--no-work")

    def count(query: str) -> int:
        with psycopg.connect(postgres_url) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
            return int(row[0])

    workers = [rehearing.start("worker") for _ in range(2)]
    until(lambda: count("SELECT count(*) FROM workers WHERE stopped_at IS NULL") == 2, rehearing.talk)
    batch_id = service.send(ITEMS, **JUDGED)
    busy = "SELECT count(DISTINCT worker_id) FROM runs WHERE worker_id IS NOT NULL"
    until(lambda: server.stats()["finished"] >= MIDDLE and count(busy) == 2, rehearing.talk, pause_s=0.02)
    killed = kill(workers[0], server, count)
    assert killed.done < ITEMS
    done = service.ended(batch_id, rehearing.talk)
    assert done["status"] == "completed"
    assert workers[1].poll() is None
    assert_nothing_is_lost_or_repeated(service, batch_id, server, killed, count("SELECT count(*) FROM calls"))
