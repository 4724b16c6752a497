"""kill -9 in the middle of hearings: the restarted process repeats no finished call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.agents.hearing_process import ITEMS

PROCESS = Path(__file__).parent / "hearing_process.py"
ROOT = Path(__file__).parents[2]
DIES_AFTER = 14
"""Calls: in the middle of an item, with one or more done before it."""


def _run(*arguments: object) -> int:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, str(PROCESS), *map(str, arguments)], env=environment, cwd=ROOT).returncode


def test_no_finished_call_is_repeated(model_server, tmp_path):
    server = model_server(latency=0.02)
    ledger, results = tmp_path / "ledger.jsonl", tmp_path / "results.jsonl"
    assert _run(server.base_url, ledger, results, DIES_AFTER) == -signal.SIGKILL
    assert not results.exists()
    # what was in flight when the process died was answered to nobody: only that may be asked again
    in_flight_when_killed = server.stats()["in_flight_most"]
    assert 2 * in_flight_when_killed < DIES_AFTER, "to ask all of them again would not show"
    assert not ledger.read_bytes().endswith(b"\n"), "it was killed as it wrote"
    assert _run(server.base_url, ledger, results) == 0
    calls = [json.loads(line) for line in ledger.read_text().splitlines()]
    stats = server.stats()
    assert len({call["key"] for call in calls}) == len(calls) > DIES_AFTER
    assert stats["finished"] - len(calls) <= in_flight_when_killed
    assert sum(count - 1 for count in stats["finished_repeated"].values()) <= in_flight_when_killed
    assert len(results.read_text().splitlines()) == ITEMS
