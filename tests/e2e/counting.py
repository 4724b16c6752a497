"""What a test of faults counts before and after: verdicts, calls that were recorded, calls that were made."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.conftest import Process, Service, freeze

ITEMS = 20
MIDDLE = 60
"""Finished calls at which a fault strikes; the batch takes more than three times as many."""
JUDGED: dict[str, Any] = {"repeats": 1, "protocol": {"arms": ["debate"], "turns_max": 3, "spread_epsilon": 0}}
SETTINGS = {"REHEARING_MODEL": "openai:bench", "REHEARING_API_KEY": "none", "REHEARING_LIMITS__JOBS_CONCURRENT": "6"}

Count = Callable[[str], int]
"""The first value of a query's first row."""


class Killed(NamedTuple):
    """What stood at the moment of a kill."""

    begun: int
    """Calls that the model server had finished or had in hand."""
    recorded: int
    """Calls in the ledger. The others' answers reached nobody: only they may be asked for again."""
    done: int
    """Runs that had their verdict."""


def counts_in_file(store: Path) -> Count:
    """Counts in an SQLite file."""

    def count(query: str) -> int:
        with closing(sqlite3.connect(store, timeout=150)) as connection:
            return int(connection.execute(query).fetchone()[0])

    return count


def counts_in_server(url: str) -> Count:
    """Counts in a Postgres database."""
    import psycopg

    def count(query: str) -> int:
        with psycopg.connect(url) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
            return int(row[0])

    return count


def kill(processes: Sequence[Process], server: Any, count: Count) -> Killed:
    """kill -9 of processes in mid-flight, all at one moment."""
    for process in processes:
        freeze(process)
    stats = server.stats()
    for process in processes:
        process.kill()
        process.wait()
    return Killed(stats["finished"] + stats["in_flight"], recorded(count), runs_done(count))


def recorded(count: Count) -> int:
    return count("SELECT count(*) FROM calls")


def runs_done(count: Count) -> int:
    return count("SELECT count(*) FROM runs WHERE status = 'completed'")


def assert_every_verdict_is_there_once(service: Service, batch_id: str) -> None:
    results = service.results(batch_id)
    assert sorted(results) == sorted(f"boat-{number}" for number in range(ITEMS))
    assert {result["type"] for result in results.values()} == {"succeeded"}
    scores = [result["scores"]["debate"]["clarity"] for result in results.values()]
    assert all(score["n_used"] <= score["n_asked"] == 1 for score in scores), "no verdict is counted twice"


def assert_repeated_at_most(most: int, server: Any, count: Count) -> None:
    """By the model server's own count: that many finished calls were asked for again, and all others recorded once."""
    stats = server.stats()
    repeated = sum(times - 1 for times in stats["finished_repeated"].values())
    assert stats["in_flight"] == 0
    assert repeated <= most
    assert stats["finished"] - recorded(count) == repeated, "every finished call is in the ledger, once"
