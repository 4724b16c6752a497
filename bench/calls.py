"""1,000 schema-constrained, metered, recorded judgements against a local server of fixed latency.

    python -m bench.calls [--calls 1000] [--latency 0.2]

Prints, per number in flight: wall time, its share of the ideal (calls / in flight x latency), client CPU a call; the
same from two processes; the same under faults, with what became of every judgement; and where the CPU goes. The server
runs in a process of its own on the same machine, so on two cores a saturated client competes with it. Both use uvloop
where it is installed, as uvicorn does.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from bench.model_server import fast_loop
from llm import (
    AskSettings,
    CallOutcome,
    GateSettings,
    MemoryLedger,
    Message,
    Purpose,
    RenderedPrompt,
    ask,
    configure_gates,
    fence,
    open_model,
    probe,
)

FAULTS = "429=0.05,500=0.02,truncated=0.03,off_scale=0.01,hang=0.005"
SOURCE = "The node drains its pods before it is shut down, and the operator sets how long that may take. " * 40


class Evidence(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    quote: str = Field(max_length=120)
    claimed_from: Literal["output", "source"]


class Scores(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    faithful: Literal[1, 2, 3, 4, 5]
    complete: Literal[1, 2, 3, 4, 5]
    clear: Literal[1, 2, 3, 4, 5]


class Judged(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    evidence: tuple[Evidence, ...] = Field(max_length=3)
    reasoning: str = Field(max_length=400)
    scores: Scores
    certainty: int = Field(ge=1, le=100)


class Measured(NamedTuple):
    """One process's share of a run."""

    outcomes: Counter[str]
    attempts: int
    wall_s: float
    cpu_s: float


def prompt(number: int) -> RenderedPrompt:
    """About 1,000 tokens, as a judge's prompt has, different for every call."""
    texts = [fence("source", SOURCE), fence("output", f"Output {number}: it drains."), fence("persona", "Name: Ada")]
    return RenderedPrompt("bench", "0" * 64, tuple(Message("user", text) for text in texts))


async def judge_all(base_url: str, numbers: range, in_flight: int, timeout_s: float) -> Measured:
    """Asks them all; the gate alone bounds how many are in flight."""
    spec = f"openai:bench@{base_url}"
    configure_gates(GateSettings(in_flight_max=in_flight), spec)
    model, ledger = open_model(spec, api_key="none"), MemoryLedger()
    await probe(model)  # warm: the client is made once
    settings = AskSettings(timeout_s=timeout_s, backoff_s=0.1)
    started, cpu = time.perf_counter(), time.process_time()
    answers = await asyncio.gather(
        *(
            ask(model, prompt(number), Judged, purpose=Purpose.JUDGING, settings=settings, ledger=ledger)
            for number in numbers
        )
    )
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    await model.aclose()
    wrong = sum((answer.value is None) != (answer.outcome is not CallOutcome.OK) for answer in answers)
    outcomes = Counter(answer.outcome.value for answer in answers)
    outcomes["scored by guess"] = wrong
    outcomes["lost"] = len(numbers) - len(answers)
    return Measured(outcomes, len(ledger.calls), wall_s, cpu_s)


def in_process(base_url: str, numbers: range, in_flight: int, timeout_s: float) -> Measured:
    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        return runner.run(judge_all(base_url, numbers, in_flight, timeout_s))


@contextmanager
def server(latency_s: float, faults: str = "") -> Iterator[str]:
    """The bench server's base URL."""
    command = [sys.executable, "-m", "bench.model_server", "--latency", str(latency_s), "--faults", faults]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def run(calls: int, latency_s: float, in_flight: int, processes: int = 1, faults: str = "") -> Measured:
    """The slowest process's wall time, everyone's CPU."""
    timeout_s = 5 * latency_s if faults else 60.0
    with server(latency_s, faults) as base_url:
        share, step = in_flight // processes, calls // processes
        ranges = [range(start, start + step) for start in range(0, step * processes, step)]
        work = partial(in_process, base_url, in_flight=share, timeout_s=timeout_s)
        if processes == 1:
            parts = [work(ranges[0])]
        else:
            with ProcessPoolExecutor(processes) as pool:
                parts = list(pool.map(work, ranges))
        with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as response:
            print(f"    server: {response.read().decode()}", file=sys.stderr)
    outcomes: Counter[str] = Counter()
    for part in parts:
        outcomes.update(part.outcomes)
    return Measured(
        outcomes,
        sum(part.attempts for part in parts),
        max(part.wall_s for part in parts),
        sum(part.cpu_s for part in parts),
    )


def row(name: str, calls: int, latency_s: float, in_flight: int, measured: Measured) -> str:
    ideal_s = calls / in_flight * latency_s
    return (
        f"{name:<34}{in_flight:>5}{measured.wall_s:>9.2f}{ideal_s / measured.wall_s:>12.2f}"
        f"{1000 * measured.cpu_s / calls:>13.2f}{measured.attempts:>10}   "
        + ", ".join(f"{outcome} {count}" for outcome, count in measured.outcomes.items())
    )


def profile(calls: int, latency_s: float) -> None:
    """Where the client's CPU goes, by module."""
    profiler = cProfile.Profile()
    with server(latency_s) as base_url:
        profiler.enable()
        in_process(base_url, range(calls), 64, 60.0)
        profiler.disable()
    stats = pstats.Stats(profiler)
    shares: Counter[str] = Counter()
    for (file, _, name), (_, _, own_s, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        parts = Path(file).parts
        package = parts[parts.index("site-packages") + 1] if "site-packages" in parts else Path(file).parent.name
        shares["waiting" if "poll" in name else package or "built in"] += own_s
    total = sum(own_s for package, own_s in shares.items() if package != "waiting")
    print("\nclient CPU by package (profiled, so slower than it is)")
    for package, own_s in shares.most_common(12):
        if package != "waiting":
            print(f"  {package:<28}{own_s / total:>6.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds of every answer")
    parser.add_argument("--profile", action="store_true", help="print where the CPU goes, too")
    options = parser.parse_args()
    print(f"{'':<34}{'in':>5}{'wall':>9}{'share of':>12}{'client CPU':>13}")
    print(f"{'':<34}{'flight':>5}{'s':>8}{'the ideal':>12}{'ms a call':>13}{'attempts':>10}   outcomes")
    plan = [("one process", 64, 1, ""), ("one process", 256, 1, ""), ("two processes", 256, 2, "")]
    for name, in_flight, processes, faults in [*plan, ("one process, with faults", 64, 1, FAULTS)]:
        measured = run(options.calls, options.latency, in_flight, processes, faults)
        print(row(name, options.calls, options.latency, in_flight, measured), flush=True)
    if options.profile:
        profile(options.calls, options.latency)


if __name__ == "__main__":
    main()
