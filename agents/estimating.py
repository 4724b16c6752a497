"""What a hearing will cost, found out by holding it with the simulated judge first: same graph, same prompts, no model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from agents.chance import derive_seed
from agents.checking import check_hearing
from agents.expanding import expand
from agents.hearing import hear
from agents.item import Item, PairItem
from agents.protocol import Arm, Coordinator, DebateProtocol, Seating
from agents.rubric import Rubric
from clustering import PersonaSet
from llm import (
    Call,
    MemoryLedger,
    Model,
    Purpose,
    Reply,
    Request,
    SimulatedJudge,
    SimulatedParameters,
    Spending,
    spending_by_purpose,
)

REHEARSALS = 24
"""Runs rehearsed: about 0.1 s each. A debate's tokens vary by about a third from run to run, their mean by a fifteenth."""
REHEARSALS_WITHOUT_DEBATE = 6
"""Only words vary there, not turns."""


class PurposeEstimate(BaseModel):
    """Calls of one purpose, over all runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None where a model's price is unknown."""


class HearingEstimate(BaseModel):
    """What all runs together are expected to come to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: int
    calls: int
    calls_max: int
    """If every debate goes on for all its turns, nothing is asked twice for an unusable reply."""
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    by_purpose: dict[Purpose, PurposeEstimate]
    rehearsed: int
    """Runs that were rehearsed; the others are assumed to be like them, item by item of the same length."""


def estimate_hearing(
    items: Sequence[Item],
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    models: Sequence[Model],
    *,
    repeats: int = 1,
    seed: int = 0,
    rehearsals: int | None = None,
) -> HearingEstimate:
    """Calls, tokens and dollars of `repeats` runs of every item, without asking any of the models.

    Runs of draws of their own, spread over items short and long, are held by the simulated judge in the models' place, as
    many as steady the mean even where a single run is asked for (rehearsals; by default `REHEARSALS`, fewer without a
    debate). Its calls are counted with `llm.estimate_tokens`, priced as the models', and scaled to all runs. For many
    runs of the simulated judge that is within 15 %; a single debate may be a third longer or shorter; real models write longer or shorter and debate for longer or shorter than it does. Blocks for
    the time of the rehearsal, about 0.1 s an item. Raises `HearingInputError` as `check_hearing` does.
    """
    expanded = [part for item in items for part in expand(item)]
    check_hearing(expanded, persona_set, rubric, protocol, models)
    if rehearsals is None:
        rehearsals = REHEARSALS if Arm.DEBATE in protocol.arms else REHEARSALS_WITHOUT_DEBATE
    chosen = _spread(expanded, rehearsals)
    stand_ins = [_Rehearsing(model) for model in models]
    calls = _in_a_loop_of_its_own(chosen, persona_set, rubric, protocol, stand_ins, derive_seed(seed, 0, "rehearsal"))
    scale = repeats * len(expanded) / len(chosen)
    by_purpose = {purpose: _scaled(part, scale) for purpose, part in spending_by_purpose(calls).items()}
    costs = [part.cost_usd for part in by_purpose.values()]
    return HearingEstimate(
        runs=repeats * len(expanded),
        calls=sum(part.calls for part in by_purpose.values()),
        calls_max=repeats * sum(_calls_max(item, persona_set, protocol, len(models)) for item in expanded),
        input_tokens=sum(part.input_tokens for part in by_purpose.values()),
        output_tokens=sum(part.output_tokens for part in by_purpose.values()),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
        by_purpose=by_purpose,
        rehearsed=len(chosen),
    )


class _Rehearsing:
    """The simulated judge under another model's name, so that calls are priced as that model's."""

    context_tokens: int | None = None

    def __init__(self, model: Model) -> None:
        self.spec = model.spec
        told = model.parameters if isinstance(model, SimulatedJudge) else SimulatedParameters()
        self._judge = SimulatedJudge(replace(told, delay_s=0.0))

    async def complete(self, request: Request) -> Reply:
        return await self._judge.complete(request)

    async def aclose(self) -> None:
        """Nothing to give back."""


def _in_a_loop_of_its_own(
    runs: Sequence[tuple[Item, int]],
    persona_set: PersonaSet,
    rubric: Rubric,
    protocol: DebateProtocol,
    models: Sequence[Model],
    seed: int,
) -> list[Call]:
    """The calls of some runs, each an item and a repeat. In a thread, as the caller may be inside an event loop already."""
    calls: list[Call] = []
    failures: list[BaseException] = []

    async def rehearse() -> None:
        for item, repeat in runs:
            ledger = MemoryLedger()
            await hear(item, persona_set, rubric, protocol, models=models, repeat=repeat, seed=seed, ledger=ledger)
            calls.extend(ledger.calls)

    def run() -> None:
        try:
            asyncio.run(rehearse())
        except BaseException as error:  # carried over to the thread that waits
            failures.append(error)

    thread = threading.Thread(target=run, name="rehearsal")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return calls


def _spread(items: Sequence[Item], rehearsals: int) -> list[tuple[Item, int]]:
    """Items at even distances in the order of their length, so that long and short ones are met, each with its repeat.

    Where there are fewer items than rehearsals, every item is heard equally often, at least `rehearsals` in all.
    """
    ranked = sorted(items, key=lambda item: len(item.model_dump_json()))
    if len(ranked) <= rehearsals:
        return [(item, repeat) for item in ranked for repeat in range(-(-rehearsals // len(ranked)))]
    return [(ranked[int((place + 0.5) * len(ranked) / rehearsals)], 0) for place in range(rehearsals)]


def _scaled(part: Spending, scale: float) -> PurposeEstimate:
    return PurposeEstimate(
        calls=round(part.calls * scale),
        input_tokens=round((part.input_tokens or 0) * scale),
        output_tokens=round((part.output_tokens or 0) * scale),
        cost_usd=None if part.cost_usd is None else part.cost_usd * scale,
    )


def _calls_max(item: Item, persona_set: PersonaSet, protocol: DebateProtocol, models: int) -> int:
    seats = len(persona_set.personas) * (models if protocol.seating is Seating.CROSSED else 1)
    sides = 2 if isinstance(item, PairItem) else 1
    tables = len({persona.group_id for persona in persona_set.personas})
    restated = seats * sum(arm is not Arm.PANEL for arm in protocol.arms)
    spoken = tables * protocol.turns_max * (2 if protocol.coordinator is Coordinator.MODEL else 1)
    debated = spoken if Arm.DEBATE in protocol.arms else 0
    return sides * (seats + restated + debated) + (len(protocol.arms) if protocol.synthesis else 0)
