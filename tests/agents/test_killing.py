"""kill -9 in the middle of hearings: the restarted process repeats no finished call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.agents.hearing_process import ITEMS

PROCESS = Path(__file__).parent / "hearing_process.py"
ROOT = Path(__file__).parents[2]


def _start(*arguments: object) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(PROCESS), *map(str, arguments)], env=environment, cwd=ROOT)


def test_no_finished_call_is_repeated(model_server, tmp_path):
    server = model_server(latency=0.05)
    ledger, results = tmp_path / "ledger.jsonl", tmp_path / "results.jsonl"
    process = _start(server.base_url, ledger, results)
    # far more answers than were ever in flight at once: to ask all of them again would show
    while _lines(ledger) <= 2 * server.stats()["in_flight_most"] + 4 and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not results.exists()
    last = _start(server.base_url, ledger, results)
    assert last.wait(timeout=120) == 0
    calls = [json.loads(line) for line in ledger.read_text().splitlines()]
    stats = server.stats()
    # what was in flight when the process died was answered to nobody: only that may be asked again
    in_flight_when_killed = stats["in_flight_most"]
    assert len({call["key"] for call in calls}) == len(calls)
    assert stats["finished"] - len(calls) <= in_flight_when_killed
    assert sum(count - 1 for count in stats["finished_repeated"].values()) <= in_flight_when_killed
    assert len(results.read_text().splitlines()) == ITEMS


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
