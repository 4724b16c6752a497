"""The service under load: overhead of a run, accepting evaluations, accepting a large batch, several workers.

    python -m bench.service --runs 50 --posts 2000 --clients 32 --items 100000 --workers 1 2 3 --worker-runs 300

Starts `rehearing serve` itself, on SQLite in a fresh folder, or on REHEARING_DATABASE_URL. Prints one row a figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

RUBRIC: dict[str, Any] = {
    "name": "Bench",
    "dimensions": [
        {"name": "clarity", "question": "Is it clear?", "levels": [{"value": n, "label": str(n)} for n in range(1, 6)]}
    ],
}


def panel(groups: Sequence[str], each: int) -> list[dict[str, str]]:
    """Personas of a few words, so many of each group."""
    return [
        {"id": f"{who}-{n}", "name": who, "stakeholder": who, "group_id": who, "perspective": "what it means for them"}
        for who in groups
        for n in range(1, each + 1)
    ]


PERSONAS = panel(("nurse", "patient"), 2)
LARGE = panel(("nurse", "patient", "family", "payer"), 4)
"""As many as a set that was built from documents has."""
RUNS_HELD = 64
"""Runs in progress while evaluations are accepted; the service may work on no more, so what is accepted only waits."""
HELD_S = 20.0
SENTENCE = "Forty patients sent readings for six weeks, and nurses read them each morning. "


def item(number: int) -> dict[str, Any]:
    return {"kind": "summary", "id": f"item-{number}", "sources": [SENTENCE * 5], "output": SENTENCE}


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, int]]:
    """(url, process id) of a service of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "REHEARING_DATA_DIR": str(folder),
        "REHEARING_MODEL": "simulated",
        "REHEARING_LIMITS__JOBS_CONCURRENT": str(RUNS_HELD),
    }
    command = [str(Path(sys.executable).with_name("rehearing")), "serve", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            raise SystemExit((folder / "log").read_text()[-2000:])
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(60)


def memory_mb(pid: int) -> float:
    """Peak resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def row(name: str, figure: str, aim: str) -> None:
    print(f"| {name} | {figure} | {aim} |", flush=True)


async def bare(personas: Sequence[dict[str, str]], runs: int, at_once: int) -> tuple[float, float]:
    """(wall, CPU) seconds a run of the debate alone, `at_once` in progress."""
    from agents import DebateProtocol, Rubric, hear, item_adapter
    from clustering import Persona, given_persona_set
    from llm import open_model

    persona_set = given_persona_set([Persona.model_validate(one) for one in personas])
    rubric, model = Rubric.model_validate(RUBRIC), open_model("simulated")
    subject = item_adapter.validate_python(item(1))
    places = asyncio.Semaphore(at_once)

    async def run(repeat: int) -> None:
        async with places:
            await hear(subject, persona_set, rubric, DebateProtocol(), models=[model], repeat=repeat, seed=0)

    await run(0)  # imports
    start, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(run(repeat) for repeat in range(runs)))
    wall, cpu = time.perf_counter() - start, time.process_time() - used
    await model.aclose()
    return wall / runs, cpu / runs


async def overhead(
    client: httpx.AsyncClient, rubric: str, personas: Sequence[dict[str, str]], runs: int, pid: int
) -> dict[str, Any]:
    """The same hearings by the service and by the debate alone, which is measured before and after: a busy machine varies.

    Returns what was heard, to be heard again.
    """
    made = (await client.post("/v1/persona-sets", json={"personas": personas})).raise_for_status().json()
    await client.get(f"/v1/persona-sets/{made['id']}", params={"wait": 60})
    hearing = {"persona_set": made["id"], "rubric": rubric}
    shapes = {"one after another": 1, f"{RUNS_HELD} at once, as in the service": RUNS_HELD}
    before = [await bare(personas, runs, many) for many in shapes.values()]
    await finish(client, {**hearing, "item": item(0), "repeats": 2})  # imports
    used, start = cpu_s(pid), time.perf_counter()
    await finish(client, {**hearing, "item": item(1), "repeats": runs, "seed": 0})
    ours = (time.perf_counter() - start) / runs, (cpu_s(pid) - used) / runs
    after = [await bare(personas, runs, many) for many in shapes.values()]
    who = "" if personas is PERSONAS else f"{len(personas)} personas, "
    for shape, one, other in zip(shapes, before, after, strict=True):
        for name, mine, first, second in zip(("wall", "CPU"), ours, one, other, strict=True):
            alone = (first + second) / 2
            figure = f"{mine / alone:.2f}x ({mine * 1e3:.1f} ms against {alone * 1e3:.1f} ms)"
            row(f"overhead per run, {who}{name}, over the debate alone, {shape}", figure, "<= 1.5x")
    return hearing


async def finish(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    """Has an item heard, and waits."""
    location = (await client.post("/v1/evaluations", json=body)).raise_for_status().headers["location"]
    while (await client.get(location, params={"wait": 60})).json()["status"] in ("queued", "running"):
        pass


async def held(client: httpx.AsyncClient, hearing: dict[str, Any]) -> str:
    """The path of an evaluation whose runs fill this process: each waits for a judge of HELD_S seconds a call."""
    body = {
        **hearing,
        "item": item(2),
        "repeats": RUNS_HELD,
        "priority": 0,
        "models": [f"simulated:delay_s={HELD_S:g}"],
    }
    path = str((await client.post("/v1/evaluations", json=body)).raise_for_status().headers["location"])
    while True:
        runs = (await client.get(f"{path}/runs")).raise_for_status().json()["data"]
        if sum(run["status"] == "running" for run in runs) == RUNS_HELD:
            return path
        await asyncio.sleep(0.2)


async def posts(client: httpx.AsyncClient, hearing: dict[str, Any], count: int, clients: int, pid: int) -> None:
    """Evaluations accepted, and only queued, while as many runs as this process may work on are in progress.

    First as fast as they are answered, then at the rate that is the aim. One request a client goes ahead of each, so
    that connecting is not measured.
    """
    busy = await held(client, hearing)
    bodies = [json.dumps({**hearing, "item": item(number)}).encode() for number in range(count)]
    aim = 150 if os.environ.get("REHEARING_DATABASE_URL") else 100
    for rate in (None, aim):
        told = "as fast as answered" if rate is None else f"{rate} a second"
        async with asyncio.timeout(600):
            posted = await post_all(str(client.base_url), bodies, clients, rate, pid)
        taken = sorted(posted.taken)
        middle, late = (taken[int(len(taken) * share)] * 1e3 for share in (0.5, 0.99))
        row(f"POST /v1/evaluations, {clients} clients, {told}, p50 and p99", f"{middle:.0f}, {late:.0f} ms", "< 150 ms")
        row(f"accepted a second, {told}", f"{count / posted.wall:.0f}", f">= {aim}")
        row(f"CPU of the service per POST, {told}", f"{posted.cpu / count * 1e3:.1f} ms", "< 10 ms for 100 a second")
    runs = (await client.get(f"{busy}/runs")).json()["data"]
    row("runs in progress at the end of it", f"{sum(run['status'] == 'running' for run in runs)}", f"{RUNS_HELD}")
    await client.post(f"{busy}/cancel")


class Posted(NamedTuple):
    """Seconds: of each request, of all of them together, and of processor time that the service used."""

    taken: list[float]
    wall: float
    cpu: float


async def post_all(url: str, bodies: Sequence[bytes], clients: int, rate: float | None, pid: int) -> Posted:
    """Posts from so many clients, each with a connection of its own; with a rate, so many a second in all.

    With a rate a request counts from when it was due, even where no client was free to send it. The clients speak HTTP
    themselves: a full client takes longer for a request than the service does, on the cores that both share.
    """
    host, _, port = url.removeprefix("http://").strip("/").partition(":")
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(clients)]
    await asyncio.gather(*(post(*one, host, bodies[0]) for one in connections))
    left, taken = iter(enumerate(bodies)), list[float]()
    start, used = time.perf_counter(), cpu_s(pid)

    async def one_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, body in left:
            due = time.perf_counter() if rate is None else start + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await post(reader, writer, host, body)
            taken.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(one_client(*one) for one in connections))
    return Posted(taken, time.perf_counter() - start, cpu_s(pid) - used)


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, body: bytes) -> None:
    """One evaluation over an open connection; ends the program where it is not accepted."""
    head = f"POST /v1/evaluations HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    answer = await reader.readexactly(length)
    if lines[0].split()[1] != b"202":
        raise SystemExit(answer.decode())


async def batch(
    client: httpx.AsyncClient, hearing: dict[str, Any], count: int, pid: int, key: str | None = None
) -> None:
    """A large file, made as it is sent; under an Idempotency-Key where one is given."""

    async def lines() -> Any:
        yield json.dumps({"batch": hearing}).encode() + b"\n"
        for start in range(0, count, 500):
            some = range(start, min(start + 500, count))
            yield b"".join(json.dumps({"custom_id": f"c{n}", "item": item(n)}).encode() + b"\n" for n in some)

    used, start = cpu_s(pid), time.perf_counter()
    headers = {"content-type": "application/x-ndjson"} | ({"idempotency-key": key} if key else {})
    made = (await client.post("/v1/batches", content=lines(), headers=headers)).raise_for_status()
    told = f"batch of {count} items accepted{', with an Idempotency-Key' if key else ''}"
    row(told, f"{time.perf_counter() - start:.1f} s, {cpu_s(pid) - used:.1f} s of CPU", "< 60 s")
    row("peak memory of the service", f"{memory_mb(pid):.0f} MB", "< 500 MB")
    await client.post(f"{made.headers['location']}/cancel")


async def measure(options: argparse.Namespace, url: str, pid: int) -> None:
    limits = httpx.Limits(max_connections=options.clients)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as client:
        rubric = (await client.post("/v1/rubrics", json=RUBRIC)).raise_for_status().json()["id"]
        hearing = await overhead(client, rubric, PERSONAS, options.runs, pid)
        await overhead(client, rubric, LARGE, max(1, options.runs // 4), pid)
        for key in (None, "bench"):
            await batch(client, hearing, options.items, pid, key)
        await posts(client, hearing, options.posts, options.clients, pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--posts", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument(
        "--workers", type=int, nargs="*", default=[], help="Then bench.workers with these, on Postgres."
    )
    parser.add_argument("--worker-runs", type=int, default=300)
    options = parser.parse_args()
    print("| figure | measured | aim |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as (url, pid):
        asyncio.run(measure(options, url, pid))
    if options.workers:
        sizes = ["--runs", str(options.worker_runs), "--workers", *map(str, options.workers)]
        subprocess.run([sys.executable, "-m", "bench.workers", *sizes], check=True)
    print(f"\nThis program itself peaked at {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB.")


if __name__ == "__main__":
    main()
