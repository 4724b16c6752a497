"""Memory of a service whose queue is long.

    python -m bench.queued [--runs 10000] [--seconds 15]

Prints the process's resident memory before a batch is sent, when it is queued, and while as many runs are at work as
may be; the judges answer after an hour, so that the queue stays as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import yaml

from agents import Rubric
from clustering import Persona
from service.application import BatchRequest, PersonaSetRequest
from service.opening import open_service
from service.settings import Settings

EXAMPLES = Path(__file__).parents[1] / "examples"
OWNER = "bench"
REPEATS = 5


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def lines(items: int) -> AsyncIterator[bytes]:
    first = json.loads((EXAMPLES / "summaries.jsonl").read_text(encoding="utf-8").splitlines()[0])
    for number in range(items):
        item = {**first, "id": f"item-{number}", "human": {}}
        yield json.dumps({"custom_id": item["id"], "item": item}).encode() + b"\n"


async def measure(folder: Path, runs: int, seconds: float) -> None:
    rubric = Rubric.model_validate(yaml.safe_load((EXAMPLES / "rubrics" / "summary.yaml").read_text(encoding="utf-8")))
    people = tuple(
        Persona(id=f"p{n}", name=f"Person {n}", stakeholder="nurse", group_id="nurses", perspective="harm")
        for n in range(5)
    )
    settings = Settings(data_dir=folder, model="simulated:delay_s=3600", log_level="ERROR")
    async with open_service(settings, work=True) as application:
        made = await application.persona_sets.create(OWNER, PersonaSetRequest(personas=people))
        while not (await application.persona_sets.get(OWNER, made.id)).state.status.ended:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        print(f"before: {resident_mib():.0f} MiB")
        request = BatchRequest(name="bench", persona_set=made.id, rubric=rubric, repeats=REPEATS)
        await application.batches.create(OWNER, request, lines(runs // REPEATS))
        print(f"{runs} runs stored: {resident_mib():.0f} MiB")
        await asyncio.sleep(seconds)
        figures = await application.queue_figures()
        print(f"{figures.queued} queued, {figures.running} at work: {resident_mib():.0f} MiB", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # the hearings would go on for an hour


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), options.runs, options.seconds))


if __name__ == "__main__":
    main()
