"""kill -9 in the middle of a batch: every verdict still arrives, and no finished call is paid for again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Program, until
from tests.e2e.counting import (
    ITEMS,
    JUDGED,
    MIDDLE,
    SETTINGS,
    assert_every_verdict_is_there_once,
    assert_repeated_at_most,
    counts_in_file,
    counts_in_server,
    kill,
)

pytestmark = pytest.mark.timeout(400)  # three processes begin, one is killed: on a busy machine that takes its time


def test_a_killed_server_goes_on_where_it_was(
    program: Callable[..., Program], model_server: Callable[..., Any]
) -> None:
    server = model_server(latency=0.15)
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url)
    count = counts_in_file(Path(rehearing.environment["REHEARING_DATA_DIR"]) / "rehearing.db")
    first = rehearing.serve()
    batch_id = first.send(ITEMS, **JUDGED)
    until(lambda: server.stats()["finished"] >= MIDDLE, rehearing.talk, pause_s=0.02)
    killed = kill([first.process], server, count)
    assert killed.recorded > 0
    assert killed.done < ITEMS
    second = rehearing.serve()
    done = second.ended(batch_id, rehearing.talk)
    assert done["status"] == "completed"
    assert done["request_counts"]["completed"] == ITEMS
    assert_every_verdict_is_there_once(second, batch_id)
    assert_repeated_at_most(killed.begun - killed.recorded, server, count)


@pytest.mark.postgres
def test_one_of_three_workers_the_api_and_then_all_are_killed(
    program: Callable[..., Program], model_server: Callable[..., Any], postgres_url: str
) -> None:
    server, count = model_server(latency=0.15), counts_in_server(postgres_url)
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url, REHEARING_DATABASE_URL=postgres_url)
    service = rehearing.serve("--no-work")
    workers = [rehearing.start("worker") for _ in range(3)]
    until(lambda: count("SELECT count(*) FROM workers WHERE stopped_at IS NULL") == 3, rehearing.talk)
    batch_id = service.send(ITEMS, **JUDGED)
    in_flight = 0

    busy = "SELECT count(DISTINCT worker_id) FROM runs WHERE worker_id IS NOT NULL"
    until(lambda: server.stats()["finished"] >= MIDDLE and count(busy) == 3, rehearing.talk, pause_s=0.02)
    one = kill(workers[:1], server, count)
    assert one.done < ITEMS
    in_flight += one.begun - one.recorded
    until(lambda: count("SELECT count(*) FROM runs WHERE attempts > 1"), rehearing.talk, pause_s=0.02)

    api = kill([service.process], server, count)  # nobody's calls: they are the workers'
    assert api.done < ITEMS
    more = server.stats()["finished"]
    until(lambda: server.stats()["finished"] > more, rehearing.talk, pause_s=0.02)

    assert all(worker.poll() is None for worker in workers[1:])
    rest = kill(workers[1:], server, count)
    assert rest.done < ITEMS, "something is left to do for those who come after"
    in_flight += rest.begun - rest.recorded

    service = rehearing.serve("--no-work")
    rehearing.start("worker")  # one comes back of three: it has to find what the two others held as well
    done = service.ended(batch_id, rehearing.talk)
    assert done["status"] == "completed"
    assert_every_verdict_is_there_once(service, batch_id)
    assert_repeated_at_most(in_flight, server, count)
