"""SIGTERM and Ctrl-C: what is in progress is finished or handed over, by `serve` as by `worker`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PATIENCE_S, Program, until
from tests.e2e.counting import (
    ITEMS,
    JUDGED,
    SETTINGS,
    assert_every_verdict_is_there_once,
    assert_repeated_at_most,
    counts_in_file,
    recorded,
    runs_done,
)

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_server_that_is_told_to_stop_says_goodbye_and_loses_nothing(
    program: Callable[..., Program], model_server: Callable[..., Any], number: signal.Signals, code: int
) -> None:
    server = model_server(latency=0.15)
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url)
    service = rehearing.serve()
    count = counts_in_file(Path(rehearing.environment["REHEARING_DATA_DIR"]) / "rehearing.db")
    batch_id = service.send(ITEMS, **JUDGED)
    until(lambda: runs_done(count), rehearing.talk, pause_s=0.02)

    service.process.send_signal(number)
    assert service.process.wait(PATIENCE_S) == code, rehearing.talk()
    assert count("SELECT count(*) FROM workers WHERE stopped_at IS NOT NULL") == 1, "it said goodbye"
    assert "stopping: finishing what is in progress" in rehearing.talk()
    left = count("SELECT count(*) FROM runs WHERE status IN ('queued', 'running')")
    in_flight = server.stats()["finished"] + server.stats()["in_flight"] - recorded(count)
    assert left > 0, "it was stopped in the middle"

    service = rehearing.serve()
    assert service.ended(batch_id, rehearing.talk)["status"] == "completed"
    assert_every_verdict_is_there_once(service, batch_id)
    assert_repeated_at_most(in_flight, server, count)
