"""Processes of the service without the seconds that each takes to import it: one process imports all of it, and forks.

What is forked is a process like any other: its own memory, environment, folder and signals, and it runs the program from
its command line on. Alone: `python forking.py` takes orders, one JSON value a line, and answers each.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

MODULES = (
    "service.cli.commands.serve",
    "service.cli.commands.worker",
    "service.api",
    "service.pages",
    "service.opening",
    "service.jobs",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.loops.uvloop",
    "openai",
    "aiohttp",
    "psycopg_pool",
    "scipy.stats",
    "pandas",
    "langgraph.graph",
)
"""What a serving or working process has imported by the end of a batch."""
_LOOKED_AGAIN_S = 0.02


class Forked:
    """A forked process, with what `subprocess.Popen` offers of one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = _forker().ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(_LOOKED_AGAIN_S)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fork_program(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> Forked:
    """`rehearing ARGUMENTS` in a folder, with that environment and no other; what it says goes into the log."""
    order = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment), "log": str(log)}
    return Forked(_forker().ask(order))


class _Forker:
    """The process that has imported everything."""

    def __init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REHEARING_", "OPENAI_"))}
        command = [sys.executable, "-P", str(Path(__file__))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept | {"PYTHONPATH": _path()}
        )
        self._lock = threading.Lock()
        atexit.register(self._close)

    def ask(self, order: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def _close(self) -> None:
        with suppress(OSError):
            self._process.communicate()


_forker = cache(_Forker)


def _path() -> str:
    """This checkout first: without it the installed one would be served."""
    before = os.environ.get("PYTHONPATH")
    root = str(Path(__file__).parents[2])
    return f"{root}{os.pathsep}{before}" if before else root


def _take_orders() -> None:
    """Until whoever gives them is gone; then what still runs is killed."""
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            running.discard(pid)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif answer := os.fork():
            running.add(answer)
        else:
            return _become(order)
        print(json.dumps(answer), flush=True)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return None


def _become(order: Mapping[str, Any]) -> None:
    """The forked process's own life. It ends as the program does: by SystemExit."""
    from service.cli import main

    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    files = (os.open(os.devnull, os.O_RDONLY), os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
    for number, file in enumerate((files[0], files[1], files[1])):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    gc.unfreeze()
    main(order["arguments"])


if __name__ == "__main__":
    for module in MODULES:
        importlib.import_module(module)
    gc.freeze()  # pages that nobody looks through stay shared
    _take_orders()
