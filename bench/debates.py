"""What debates cost and how well they fill the wire.

    python -m bench.debates [--debates 200] [--latency 0.2] [--in-flight 64]

Prints: the share of prompt characters that a provider's prefix cache can serve; calls, tokens and dollars by purpose;
what adaptive stopping saves, and what it does to the verdicts' variance; wall time of many debates at once against
the ideal of their critical path; memory.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pvariance, quantiles

import yaml

from agents import Arm, DebateProtocol, Item, Phase, Rubric, RunResult, hear, item_adapter
from clustering import Excerpt, Persona, PersonaSet
from llm import Call, GateSettings, MemoryLedger, Usage, configure_gates, open_model, price, spending_by_purpose

EXAMPLES = Path(__file__).parents[1] / "examples"
PRICED_AS = "openai:gpt-4o-mini"


def personas(count: int = 5) -> PersonaSet:
    """Two groups of personas with cards of ordinary length."""
    members = []
    for number in range(count):
        group = "nurses" if number % 2 else "patients"
        members.append(
            Persona(
                id=f"{group}-{number}",
                name=f"Persona {number}",
                stakeholder=group,
                group_id=group,
                perspective="whether somebody who acts on it tonight would come to harm, and whether the words are plain",
                background="Has worked with or lived with home readings for eleven years.",
                excerpts=(Excerpt(quote="I want to know that somebody looks at the number I send.", span=None),) * 3,
            )
        )
    return PersonaSet(personas=tuple(members), groups=(), method="given")


def summaries(count: int) -> list[Item]:
    """The example summaries, over and over under new ids."""
    lines = (EXAMPLES / "summaries.jsonl").read_text(encoding="utf-8").splitlines()
    items = [item_adapter.validate_json(line) for line in lines]
    return [items[n % len(items)].model_copy(update={"id": f"item-{n}", "human": {}}) for n in range(count)]


def rubric() -> Rubric:
    return Rubric.model_validate(yaml.safe_load((EXAMPLES / "rubrics" / "summary.yaml").read_text(encoding="utf-8")))


def shareable(calls: Sequence[Call]) -> float:
    """Share of prompt characters that stand in a prefix of whole messages which an earlier call had sent already."""
    known: set[str] = set()
    shared = total = 0
    for call in calls:
        digest, prefixes = hashlib.sha256(call.model.encode()), []
        for message in call.messages:
            digest.update(f"\0{message['role']}\0{message['content']}".encode())
            length = len(message["content"])
            total += length
            shared += length if digest.hexdigest() in known else 0
            prefixes.append(digest.hexdigest())
        known.update(prefixes)
    return shared / total


async def print_prompt_sharing() -> None:
    item, ledger, model = summaries(1)[0], MemoryLedger(), open_model("simulated")
    for repeat in range(5):
        await hear(item, personas(), rubric(), DebateProtocol(), models=[model], repeat=repeat, seed=1, ledger=ledger)
    print(f"shareable share of prompt characters, 5 personas x 5 repeats: {shareable(ledger.calls):.1%} (aim 75 %)")
    dollars = 0.0
    for purpose, spent in spending_by_purpose(ledger.calls).items():
        cost = price(PRICED_AS, Usage(spent.input_tokens, spent.output_tokens)) or 0.0
        dollars += cost
        tokens = f"{spent.input_tokens:>8} tokens in {spent.output_tokens:>7} out"
        print(f"  {purpose:<13} {spent.calls:>4} calls {tokens}  ${cost:.4f} as {PRICED_AS}")
    print(f"  one run: ${dollars / 5:.4f}")


async def print_adaptive_stopping(items: int, repeats: int) -> None:
    """Turns, tokens and variance of verdicts over repeats, adaptive against fixed, and the ratio of their variances."""
    model, spread = open_model("simulated"), {}
    for name, protocol in {
        "adaptive": DebateProtocol(synthesis=False, turns_max=9),
        "fixed": DebateProtocol(synthesis=False, turns_max=9, adaptive=False),
    }.items():
        turns, tokens, variances = [], [], []
        for item in summaries(items):
            runs = [
                await hear(item, personas(), rubric(), protocol, models=[model], repeat=repeat, seed=1)
                for repeat in range(repeats)
            ]
            turns += [sum(turn.phase is Phase.DEBATE for turn in run.transcript.turns) for run in runs]
            tokens += [(run.input_tokens or 0) + (run.output_tokens or 0) for run in runs]
            variances.append(fmean(_variance(runs, part.name) for part in rubric().dimensions))
        spread[name] = variances
        print(
            f"{name:>9}: {fmean(turns):5.1f} turns, {fmean(tokens):8.0f} tokens a run, "
            f"variance of the verdict over runs {fmean(variances):.3f}"
        )
    drawn = random.Random(0)
    ratios = []
    for _ in range(2000):
        some = drawn.choices(range(items), k=items)
        ratios.append(sum(spread["adaptive"][one] for one in some) / sum(spread["fixed"][one] for one in some))
    ratio, cuts = fmean(spread["adaptive"]) / fmean(spread["fixed"]), quantiles(ratios, n=40)
    print(
        f"    ratio of the variances {ratio:.2f}, 95 % interval {cuts[0]:.2f} to {cuts[-1]:.2f} (bootstrap over {items} items)"
    )


def _variance(runs: Sequence[RunResult], name: str) -> float:
    values = [run.verdicts[Arm.DEBATE].dimensions[name].value for run in runs]
    return pvariance([value for value in values if value is not None])


async def print_wall_time(debates: int, latency_s: float, in_flight: int) -> None:
    server = _start_server(latency_s)
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    try:
        configure_gates(GateSettings(in_flight_max=in_flight))
        model = open_model("openai:bench", base_url=address, api_key="none")
        protocol = DebateProtocol(turns_max=4, adaptive=False)
        await _hear_all(summaries(4), protocol, model)  # warm: connections, compiled graph
        before, cpu = time.perf_counter(), time.process_time()
        results = await _hear_all(summaries(debates), protocol, model)
        wall, cpu = time.perf_counter() - before, time.process_time() - cpu
        await model.aclose()
    finally:
        server.kill()
        server.wait()
    calls = sum(result.calls for result in results)
    path = max(_critical_path(result) for result in results)
    ideal = max(calls * latency_s / in_flight, path * latency_s)
    print(
        f"{debates} debates of 5 personas, {in_flight} in flight: {wall:.2f} s, {ideal / wall:.2f} of the ideal "
        f"{ideal:.2f} s ({calls} calls, {path} on the critical path), client CPU {1000 * cpu / calls:.2f} ms a call"
    )


def _start_server(latency_s: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.model_server", "--latency", str(latency_s)],
        stdout=subprocess.PIPE,
        text=True,
    )


async def _hear_all(items: Sequence[Item], protocol: DebateProtocol, model: object) -> list[RunResult]:
    panel, scale, options = personas(), rubric(), {"models": [model], "repeat": 0, "seed": 1}
    return await asyncio.gather(*(hear(item, panel, scale, protocol, **options) for item in items))  # type: ignore[arg-type]


def _critical_path(result: RunResult) -> int:
    """Calls that must follow each other: alone, the longest table, restated, synthesis; repairs not counted."""
    tables: dict[str | None, int] = {}
    for turn in result.transcript.turns:
        if turn.phase is Phase.DEBATE:
            tables[turn.group_id] = tables.get(turn.group_id, 0) + 1
    return 3 + max(tables.values(), default=0)


async def _run(arguments: argparse.Namespace) -> None:
    await print_prompt_sharing()
    await print_adaptive_stopping(arguments.items, arguments.repeats)
    await print_wall_time(arguments.debates, arguments.latency, arguments.in_flight)
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--debates", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--items", type=int, default=6, help="items of the measure of adaptive stopping")
    parser.add_argument("--repeats", type=int, default=10)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
