"""Postgres fails in the middle of a batch: it crashes, is shut down, has no connection left. The work waits and goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import JUDGED_LATE, RUBRIC, Program, until
from tests.e2e.counting import (
    CALLS_LEAST,
    CONCURRENT,
    ITEMS,
    JUDGED,
    SETTINGS,
    assert_every_verdict_is_there_once,
    assert_repeated_at_most,
    counts_in_server,
    enough_for_another,
    runs_done,
)
from tests.servers.postgres_server import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(600)]

AWAY_S = 1.25 * float(JUDGED_LATE["REHEARING_WORKER_DEAD_AFTER"].strip("PTS"))
"""Longer than a worker may be silent: nobody can beat meanwhile, so nobody may be given up for it."""
BEFORE, MEANWHILE = 15, 5
"""Calls that are answered before the crash, and while the database is away."""


@contextmanager
def every_connection_taken(server: PostgresServer) -> Iterator[None]:
    """Others hold all connections that the server allows, as a pool that is set too large does."""
    import psycopg

    others = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name <> 'taken'"
    url = f"{server.url}?application_name=taken"
    with ExitStack() as held:
        first = held.enter_context(psycopg.connect(url, autocommit=True))

        def take_all() -> None:
            while True:
                held.enter_context(psycopg.connect(url, autocommit=True))

        def all_are_taken() -> bool:
            first.execute(f"SELECT pg_terminate_backend(pid) {others}")
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                take_all()
            return first.execute(f"SELECT count(*) {others}").fetchone() == (0,)

        until(all_are_taken, lambda: "others keep their connections")
        yield


def lives(server: PostgresServer) -> list[tuple[str, str]]:
    """Each worker's name and what stands for its present life: a worker that was given up begins another."""
    import psycopg

    with psycopg.connect(server.url) as connection:
        return connection.execute("SELECT id, incarnation FROM workers ORDER BY id").fetchall()


def assert_told_to_come_again(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    told = answer.json()
    assert (told["code"], told["retryable"]) == ("busy", True)


def test_postgres_crashes_is_restarted_and_has_no_connection_left(
    program: Callable[..., Program], model_server: Callable[..., Any], postgres_server: PostgresServer
) -> None:
    server, count = model_server(latency=0.05), counts_in_server(postgres_server.url)
    server.answer_at_most(BEFORE)
    settings = SETTINGS | JUDGED_LATE
    rehearing = program(**settings, REHEARING_BASE_URL=server.base_url, REHEARING_DATABASE_URL=postgres_server.url)
    service = rehearing.serve()
    worker = rehearing.start("worker")
    until(lambda: count("SELECT count(*) FROM workers WHERE stopped_at IS NULL") == 2, rehearing.talk)
    living = lives(postgres_server)
    batch_id = service.send(ITEMS, **JUDGED)

    until(lambda: held(server, BEFORE), rehearing.talk)
    postgres_server.crash()
    server.answer_at_most(BEFORE + MEANWHILE)
    assert_told_to_come_again(service.client.get(f"/v1/batches/{batch_id}"))
    assert service.client.get("/livez").status_code == 200
    assert service.client.get("/readyz").status_code == 503
    until(lambda: server.stats()["finished"] == BEFORE + MEANWHILE, rehearing.talk)
    time.sleep(AWAY_S)
    postgres_server.start()

    before = runs_done(count)
    allowed = BEFORE + MEANWHILE + enough_for_another(2 * CONCURRENT)
    assert allowed < ITEMS * CALLS_LEAST
    server.answer_at_most(allowed)
    until(lambda: runs_done(count) > before, rehearing.talk)
    postgres_server.shut_down()
    postgres_server.start()
    with every_connection_taken(postgres_server):
        assert_told_to_come_again(service.client.post("/v1/rubrics", json=RUBRIC))
        assert_told_to_come_again(service.client.get(f"/v1/batches/{batch_id}"))
        time.sleep(AWAY_S)
    assert runs_done(count) < ITEMS
    server.answer_at_most(None)

    done = service.ended(batch_id, rehearing.talk)
    assert done["status"] == "completed"
    assert [process.poll() for process in (service.process, worker)] == [None, None]
    assert_every_verdict_is_there_once(service, batch_id)
    assert lives(postgres_server) == living, "nobody was given up"
    assert_repeated_at_most(0, server, count)


def held(server: Any, answered: int) -> bool:
    """Whether so many calls were answered, and MEANWHILE more wait for their answers."""
    stats = server.stats()
    return bool(stats["finished"] == answered and stats["in_flight"] >= MEANWHILE)
