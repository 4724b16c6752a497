"""kill -9 in the middle of a batch: every verdict still arrives, and no finished call is paid for again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import JUDGED_LATE, Program, until
from tests.e2e.counting import (
    CALLS_LEAST,
    ITEMS,
    JUDGED,
    SETTINGS,
    assert_every_verdict_is_there_once,
    assert_repeated_at_most,
    counts_in_file,
    counts_in_server,
    kill,
    recorded,
)

pytestmark = pytest.mark.timeout(600)  # several waits, of which each may take long on a busy machine
MIDDLE = 15
"""Finished calls at which a fault strikes. Few enough that at most two runs have their verdict."""


def test_a_killed_server_goes_on_where_it_was(
    program: Callable[..., Program], model_server: Callable[..., Any]
) -> None:
    server = model_server(latency=0.05)
    server.answer_at_most(ITEMS * CALLS_LEAST - 1)  # this test may be late, the batch is not over then
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url)
    count = counts_in_file(Path(rehearing.environment["REHEARING_DATA_DIR"]) / "rehearing.db")
    first = rehearing.serve()
    batch_id = first.send(ITEMS, **JUDGED)
    until(lambda: server.stats()["finished"] >= MIDDLE and recorded(count), rehearing.talk)
    killed = kill([first.process], server, count)
    assert killed.done < ITEMS
    server.answer_at_most(None)
    second = rehearing.serve()
    done = second.ended(batch_id, rehearing.talk)
    assert done["status"] == "completed"
    assert done["request_counts"]["completed"] == ITEMS
    assert_every_verdict_is_there_once(second, batch_id)
    assert_repeated_at_most(killed.unheard, server, count)


@pytest.mark.postgres
def test_one_of_three_workers_the_api_and_then_all_are_killed(
    program: Callable[..., Program], model_server: Callable[..., Any], postgres_url: str
) -> None:
    server, count = model_server(latency=0.05), counts_in_server(postgres_url)
    server.answer_at_most(0)
    settings = SETTINGS | JUDGED_LATE | {"REHEARING_LIMITS__JOBS_CONCURRENT": "5"}  # for ITEMS it takes all three
    rehearing = program(**settings, REHEARING_BASE_URL=server.base_url, REHEARING_DATABASE_URL=postgres_url)
    service = rehearing.serve("--no-work")
    workers = {worker.pid: worker for worker in (rehearing.start("worker") for _ in range(3))}
    until(lambda: count("SELECT count(*) FROM workers WHERE stopped_at IS NULL") == 3, rehearing.talk)
    batch_id = service.send(ITEMS, **JUDGED)
    until(lambda: count("SELECT count(*) FROM runs WHERE status = 'running'") == ITEMS, rehearing.talk)
    assert count("SELECT count(DISTINCT worker_id) FROM runs") == 3

    server.answer_at_most(MIDDLE + 5)
    until(lambda: server.stats()["finished"] >= MIDDLE, rehearing.talk)
    busiest = (
        "SELECT pid FROM workers JOIN runs ON runs.worker_id = workers.id WHERE runs.status = 'running' "
        "GROUP BY pid ORDER BY count(*) DESC LIMIT 1"
    )
    one = kill([workers.pop(count(busiest))], server, count)
    assert one.done < ITEMS
    until(lambda: count("SELECT count(*) FROM runs WHERE attempts > 1"), rehearing.talk)

    api = kill([service.process], server, count)  # nobody's calls: they are the workers'
    assert api.done < ITEMS
    server.answer_at_most(ITEMS * CALLS_LEAST - 1)
    until(lambda: recorded(count) > api.recorded, rehearing.talk)

    assert all(worker.poll() is None for worker in workers.values())
    rest = kill(list(workers.values()), server, count)
    assert rest.done < ITEMS, "something is left to do for those who come after"
    server.answer_at_most(None)

    service = rehearing.serve("--no-work")
    rehearing.start("worker")  # one comes back of three: it has to find what the two others held as well
    done = service.ended(batch_id, rehearing.talk)
    assert done["status"] == "completed"
    assert_every_verdict_is_there_once(service, batch_id)
    assert_repeated_at_most(rest.unheard, server, count)
