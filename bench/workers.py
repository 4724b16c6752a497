"""Workers on one Postgres: how runs a second grow with worker processes, and how a killed worker's runs are taken over.

    python -m bench.workers --runs 300 --workers 1 2 3 --latency-ms 20

Needs a Postgres server whose role may create databases: REHEARING_TEST_POSTGRES_URL, else postgres@127.0.0.1:5432.
Every row is measured in a database of its own, which is dropped afterwards. The simulated judge sleeps, as if it
were far away; several workers help as long as processor cores are left, and the last row says when they are not.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg

SERVER = os.environ.get("REHEARING_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
REHEARING = str(Path(sys.executable).with_name("rehearing"))
SENTENCE = "Forty patients sent readings for six weeks, and nurses read them each morning. "
RUBRIC: dict[str, Any] = {
    "name": "Bench",
    "dimensions": [
        {"name": "clarity", "question": "Is it clear?", "levels": [{"value": n, "label": str(n)} for n in range(1, 6)]}
    ],
}
PERSONAS = [
    {"id": f"{who}-{n}", "name": who, "stakeholder": who, "group_id": who, "perspective": "what it means for them"}
    for who in ("nurse", "patient")
    for n in (1, 2)
]


class Cluster(NamedTuple):
    """One API without work of its own, and its workers."""

    client: httpx.Client
    workers: list[subprocess.Popen[bytes]]
    url: str
    """Of the database."""

    def count(self, query: str, *values: object) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query.encode(), values).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def database() -> Iterator[str]:
    """An empty database."""
    name = f"rehearing_bench_{secrets.token_hex(4)}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield f"{SERVER.rpartition('/')[0]}/{name}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def cluster(workers: int, latency_ms: float) -> Iterator[Cluster]:
    """Everything started and ready."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(database())
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "REHEARING_DATA_DIR": str(folder),
            "REHEARING_DATABASE_URL": url,
            "REHEARING_MODEL": f"simulated:delay_s={latency_ms / 1000:g}",
        }
        log = stack.enter_context((folder / "log").open("wb"))
        commands = [["serve", "--no-work", "--port", str(port)], *[["worker"]] * workers]
        processes = []
        for command in commands:
            process = subprocess.Popen([REHEARING, *command], env=environment, stdout=log, stderr=log)
            stack.callback(_end, process)
            processes.append(process)
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120))
        _wait_until(lambda: _alive(client) >= workers, (folder / "log"))
        yield Cluster(client, processes[1:], url)


def _alive(client: httpx.Client) -> int:
    try:
        checks = client.get("/readyz").json()["checks"]
    except httpx.TransportError:
        return 0
    told = next(check for check in checks if check["name"] == "worker")
    return int(told["detail"].split()[0]) if told["state"] == "ok" else 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until(holds: Any, log: Path | None = None, longest_s: float = 300) -> None:
    deadline = time.monotonic() + longest_s
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit(log.read_text()[-2000:] if log else "it took too long")
        time.sleep(0.1)


def send_batch(client: httpx.Client, runs: int) -> str:
    """The path of a batch of one run an item."""
    made = client.post("/v1/persona-sets", json={"personas": PERSONAS}).raise_for_status().json()
    rubric = client.post("/v1/rubrics", json=RUBRIC).raise_for_status().json()
    lines: list[dict[str, Any]] = [{"batch": {"persona_set": made["id"], "rubric": rubric["id"], "repeats": 1}}]
    lines += [
        {
            "custom_id": f"c{n}",
            "item": {"kind": "summary", "id": f"i{n}", "sources": [SENTENCE * 5], "output": f"{SENTENCE} ({n})"},
        }
        for n in range(runs)
    ]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    answer = client.post("/v1/batches", content=body, headers={"content-type": "application/x-ndjson"})
    return str(answer.raise_for_status().headers["location"])


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def finish(client: httpx.Client, path: str) -> dict[str, Any]:
    while (told := client.get(path, params={"wait": 60}).json())["status"] in ("queued", "running"):
        pass
    return dict(told)


def throughput(runs: int, workers: int, latency_ms: float) -> tuple[float, float]:
    """(runs a second, cores that the workers kept busy)."""
    with cluster(workers, latency_ms) as running:
        finish(running.client, send_batch(running.client, 4 * workers))  # imports
        used, start = sum(cpu_s(one.pid) for one in running.workers), time.perf_counter()
        told = finish(running.client, send_batch(running.client, runs))
        wall = time.perf_counter() - start
        if told["request_counts"]["completed"] != runs:
            raise SystemExit(f"not all were heard: {told['request_counts']}")
        return runs / wall, (sum(cpu_s(one.pid) for one in running.workers) - used) / wall


def takeover(runs: int, latency_ms: float) -> None:
    """kill -9 of one of three workers in the middle of a batch."""
    with cluster(3, latency_ms * 10) as running:
        path = send_batch(running.client, runs)
        ended = "SELECT count(*) FROM runs WHERE status = 'completed'"
        _wait_until(lambda: running.count(ended) >= runs // 5)
        open_here = "SELECT count(*) FROM runs WHERE status = 'running' AND worker_id = %s"
        victim = running.workers[0]
        with psycopg.connect(running.url) as connection:
            found = connection.execute("SELECT id FROM workers WHERE pid = %s", (victim.pid,)).fetchone()
        held = found[0] if found else ""
        victim.send_signal(signal.SIGKILL)
        start = time.perf_counter()
        victim.wait()
        taken = running.count(open_here, held)
        _wait_until(lambda: running.count(open_here, held) == 0 or finished(running, path))
        row("takeover after kill -9 of one of three workers", f"{time.perf_counter() - start:.1f} s", "< 30 s")
        counts = finish(running.client, path)["request_counts"]
        doubled = running.count("SELECT count(*) - count(DISTINCT run_id) FROM results")
        heard = running.count("SELECT count(*) FROM results")
        row(f"runs lost, doubled, of {runs} ({taken} in hand)", f"{runs - heard}, {doubled}", "0, 0")
        if counts["completed"] != runs:
            raise SystemExit(f"not all were heard: {counts}")


def finished(running: Cluster, path: str) -> bool:
    return running.client.get(path).json()["status"] not in ("queued", "running")


def row(name: str, figure: str, aim: str) -> None:
    print(f"| {name} | {figure} | {aim} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--latency-ms", type=float, default=20)
    options = parser.parse_args()
    figures = {many: throughput(options.runs, many, options.latency_ms) for many in options.workers}
    first = figures[options.workers[0]][0]
    for many, (rate, cores) in figures.items():
        told = f"{rate:.1f} a second, {rate / first:.2f}x, {cores:.2f} of {os.cpu_count()} cores busy in workers"
        row(f"{options.runs} runs on Postgres, {many} workers", told, ">= 2x where cores allow")
    best = max(figures, key=lambda many: figures[many][0])
    full = next((many for many, (_, cores) in figures.items() if cores > 0.8 * (os.cpu_count() or 1)), None)
    saturated = f"{best} workers are fastest; cores are full from {full or 'more'} workers on"
    row("saturation point", f"{figures[best][0]:.1f} runs a second: {saturated}", "printed")
    takeover(options.runs, options.latency_ms)


if __name__ == "__main__":
    main()
