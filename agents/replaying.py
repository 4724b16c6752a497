"""A stored run heard again from its calls, without a model, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence

from agents.errors import ReplayDifferedError
from agents.hearing import hear
from agents.item import Item
from agents.protocol import DebateProtocol
from agents.rubric import Rubric
from agents.transcript import Run, RunResult
from clustering import PersonaSet
from llm import Call, MemoryLedger, ReplayModel


async def replay(
    item: Item,
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    run: Run,
    calls: Sequence[Call],
    *,
    expected: RunResult | None = None,
) -> RunResult:
    """The run's result once more, made from its recorded calls alone.

    expected: the stored result. Raises `ReplayDifferedError` where the replay gives another one, and
    `llm.ReplayMissError` where the recording lacks a question that this input asks: then the input is not the run's.
    """
    models = [ReplayModel(spec, calls) for spec in run.models]
    result = await hear(
        item,
        persona_set,
        rubric,
        protocol,
        models=models,
        repeat=run.repeat,
        seed=run.seed,
        run_id=run.id,
        ledger=MemoryLedger(list(calls)),
    )
    if expected is not None and result != expected:
        raise ReplayDifferedError(f"the replay of run {run.id!r} differs in {_difference(expected, result)}")
    return result


def _difference(expected: RunResult, found: RunResult) -> str:
    old, new = expected.model_dump(mode="json"), found.model_dump(mode="json")
    return ", ".join(name for name in old if old[name] != new[name])
