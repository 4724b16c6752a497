"""Real constrained decoding on a real server: every reply is of the schema, or counted under what it truly was."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from llm import AskSettings, CallOutcome, MemoryLedger, Message, Purpose, RenderedPrompt, ask, fence, open_model, probe

pytestmark = [pytest.mark.llama, pytest.mark.timeout(600)]


class Scores(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    accuracy: Literal[1, 2, 3, 4, 5]
    clarity: Literal[1, 2, 3, 4, 5] | None


class Quote(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    quote: str = Field(max_length=40)
    claimed_from: Literal["output", "source"]


class Judged(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    evidence: tuple[Quote, ...] = Field(max_length=2)
    reasoning: str = Field(max_length=80)
    scores: Scores
    certainty: int = Field(ge=1, le=100)


async def test_sixty_judgements_are_valid_or_truly_counted(llama_server):
    model = open_model("openai:random", base_url=llama_server.base_url)
    ledger = MemoryLedger()
    settings = AskSettings(output_tokens_max=400, timeout_s=600)

    async def judge(number):
        messages = (Message("system", "Judge."), Message("user", fence("output", f"Answer {number}.")))
        prompt = RenderedPrompt("judge", "0" * 64, messages)
        return await ask(model, prompt, Judged, purpose=Purpose.JUDGING, settings=settings, ledger=ledger)

    assert (await probe(model)).answers
    answers = await asyncio.gather(*(judge(number) for number in range(60)))
    await model.aclose()
    outcomes = Counter(answer.outcome for answer in answers)
    assert outcomes.total() == 60
    assert set(outcomes) <= {CallOutcome.OK, CallOutcome.TRUNCATED, CallOutcome.UNPARSEABLE}
    assert outcomes[CallOutcome.OK] >= 50
    for answer in answers:
        assert isinstance(answer.value, Judged) is (answer.outcome is CallOutcome.OK)
    assert len({answer.value.scores for answer in answers if answer.value}) > 5
    assert all(call.input_tokens and call.output_tokens for call in ledger.calls)
