"""A recording answers bit for bit, failures included, and nothing but what it holds."""

from __future__ import annotations

import pytest

from llm import (
    AskSettings,
    CallOutcome,
    MemoryLedger,
    Purpose,
    ReplayMissError,
    ReplayModel,
    RequestRejectedError,
    ServerFaultError,
    ask,
)

FAST = AskSettings(backoff_s=0.0, attempts_max=3)


async def _ask(model, question, grade, ledger, settings=FAST):
    return await ask(model, question, grade, purpose=Purpose.JUDGING, settings=settings, ledger=ledger)


@pytest.mark.parametrize(
    "script",
    [
        ["GOOD"],
        [ServerFaultError("500"), "not json", "GOOD"],
        ["not json", "nor this"],
        [ServerFaultError("500")] * 3,
        [RequestRejectedError("too long")],
        ["not json", ServerFaultError("500"), ServerFaultError("500"), ServerFaultError("500")],
    ],
)
async def test_a_replay_equals_the_recorded_answer(scripted, question, grade, good, script):
    ledger = MemoryLedger()
    recorded = await _ask(scripted(*[good if line == "GOOD" else line for line in script]), question, grade, ledger)
    (replay,) = ReplayModel.each(ledger.calls)
    assert await _ask(replay, question, grade, replay.ledger) == recorded


async def test_without_its_ledger_it_gives_the_recorded_text(scripted, question, grade, good):
    ledger = MemoryLedger()
    recorded = await _ask(scripted(good), question, grade, ledger)
    answer = await _ask(ReplayModel("openai:scripted", ledger.calls), question, grade, None)
    assert answer.value == recorded.value


async def test_anything_else_is_refused(scripted, question, grade, good):
    ledger = MemoryLedger()
    await _ask(scripted(good), question, grade, ledger)
    replay = ReplayModel("openai:scripted", ledger.calls)
    with pytest.raises(ReplayMissError, match="Judge this"):
        await _ask(replay, question, grade, replay.ledger, AskSettings(seed=1))
    with pytest.raises(ReplayMissError, match="another"):
        ReplayModel("openai:another", ledger.calls)


async def test_outcomes_of_a_replay_are_final(scripted, question, grade):
    ledger = MemoryLedger()
    await _ask(scripted(*[ServerFaultError("500")] * 3), question, grade, ledger)
    (replay,) = ReplayModel.each(ledger.calls)
    answer = await _ask(replay, question, grade, replay.ledger)
    assert (answer.outcome, len(answer.calls)) == (CallOutcome.SERVER_ERROR, 3)
