"""What a test of faults counts before and after: verdicts, calls that were recorded, calls that were made."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.conftest import Process, Service, freeze, until

ITEMS = 12
CALLS_LEAST, CALLS_MOST = 7, 10
"""Of one run. A server that answers fewer than ITEMS * CALLS_LEAST in all cannot have let the batch end."""
JUDGED: dict[str, Any] = {"repeats": 1, "protocol": {"arms": ["debate"], "turns_max": 3, "spread_epsilon": 0}}
CONCURRENT = 3
SETTINGS = {
    "REHEARING_MODEL": "openai:bench",
    "REHEARING_API_KEY": "none",
    "REHEARING_LIMITS__JOBS_CONCURRENT": str(CONCURRENT),
}

Count = Callable[[str], int]
"""The first value of a query's first row."""


class Killed(NamedTuple):
    """What stood at the moment of a kill."""

    unheard: int
    """Calls that the model server had finished or had in hand and that are not in the ledger: their answers reached nobody,
    and only they may be asked for again. It says this where nobody else works meanwhile."""
    recorded: int
    """Calls in the ledger."""
    done: int
    """Runs that had their verdict."""


def enough_for_another(running: int) -> int:
    """With so many calls more, one of so many runs ends, however they share them."""
    return running * (CALLS_MOST - 1) + 1


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
    begun = calls_begun(server)
    for process in processes:
        process.kill()
        process.wait()
    kept = recorded(count)
    return Killed(begun - kept, kept, runs_done(count))


def calls_begun(server: Any) -> int:
    """Calls that the model server has answered or has in hand."""
    stats = server.stats()
    return int(stats["finished"] + stats["in_flight"])


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
    """By the model server's own count: that many finished calls were asked for again, and all others recorded once.

    Once the batch has ended: what is answered still is what those who are gone had asked.
    """
    until(lambda: server.stats()["in_flight"] == 0, lambda: str(server.stats()))
    stats = server.stats()
    assert repeated(server) <= most
    assert stats["finished"] - recorded(count) == repeated(server), "every finished call is in the ledger, once"


def repeated(server: Any) -> int:
    """Finished calls that were asked for again."""
    return sum(times - 1 for times in server.stats()["finished_repeated"].values())
