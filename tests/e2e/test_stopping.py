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
    calls_begun,
    counts_in_file,
    recorded,
    runs_done,
)

pytestmark = pytest.mark.timeout(600)
ALLOWED = 40
"""Calls that are answered before each stop: enough for a verdict, and after both too few for the whole batch."""


def test_a_server_that_is_told_to_stop_says_goodbye_and_loses_nothing(
    program: Callable[..., Program], model_server: Callable[..., Any]
) -> None:
    server = model_server(latency=0.05)
    rehearing = program(**SETTINGS, REHEARING_BASE_URL=server.base_url)
    service = rehearing.serve()
    count = counts_in_file(Path(rehearing.environment["REHEARING_DATA_DIR"]) / "rehearing.db")
    server.answer_at_most(0)
    batch_id = service.send(ITEMS, **JUDGED)
    for stopped, (number, code) in enumerate(((signal.SIGTERM, 0), (signal.SIGINT, 130)), start=1):
        done = runs_done(count)
        server.answer_at_most(ALLOWED * stopped)
        until(lambda done=done: runs_done(count) > done, rehearing.talk)
        service.process.send_signal(number)
        assert service.process.wait(PATIENCE_S) == code, rehearing.talk()
        assert count("SELECT count(*) FROM workers WHERE stopped_at IS NOT NULL") == 1, "it said goodbye"
        assert rehearing.talk().count("stopping: finishing what is in progress") == stopped
        unheard = calls_begun(server) - recorded(count)
        assert count("SELECT count(*) FROM runs WHERE status IN ('queued', 'running')") > 0, "stopped in the middle"
        service = rehearing.serve()

    server.answer_at_most(None)
    assert service.ended(batch_id, rehearing.talk)["status"] == "completed"
    assert_every_verdict_is_there_once(service, batch_id)
    assert_repeated_at_most(unheard, server, count)
