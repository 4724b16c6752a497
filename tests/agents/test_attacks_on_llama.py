"""Every attack string before a real model server: the prompt's structure holds, and what comes back parses."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from agents import Dimension, Level, Rubric
from agents.replies import judgement_reply
from llm import AskSettings, CallOutcome, Message, Purpose, RenderedPrompt, ask, fence, open_model, sections

pytestmark = [pytest.mark.llama, pytest.mark.timeout(600)]

ATTACKS = json.loads((Path(__file__).parent / "attacks.json").read_text(encoding="utf-8"))
AT_ONCE = 4
"""Attacks in one prompt: a random model reads a token a character."""
RUBRIC = Rubric(
    name="Plain",
    dimensions=(
        Dimension(
            name="clarity",
            question="Is it clear?",
            levels=tuple(Level(value=value, label=f"grade {value}") for value in range(1, 6)),
        ),
    ),
)


async def test_no_attack_breaks_a_prompt_or_a_reply(llama_server):
    model = open_model("openai:random", base_url=llama_server.base_url)
    settings = AskSettings(output_tokens_max=900, timeout_s=600)

    async def judge(attacks):
        parts = [
            *(fence("output", attack, str(place)) for place, attack in enumerate(attacks)),
            fence("task", '{"phase": "alone", "turn": "alone/p"}'),
        ]
        prompt = RenderedPrompt("judge", "0" * 64, tuple(Message("user", part) for part in parts))
        return await ask(model, prompt, judgement_reply(RUBRIC), purpose=Purpose.JUDGING, settings=settings)

    batches = [ATTACKS[place : place + AT_ONCE] for place in range(0, len(ATTACKS), AT_ONCE)]
    answers = await asyncio.gather(*(judge(batch) for batch in batches))
    await model.aclose()
    outcomes = Counter(answer.outcome for answer in answers)
    assert set(outcomes) <= {CallOutcome.OK, CallOutcome.TRUNCATED, CallOutcome.UNPARSEABLE}
    assert outcomes[CallOutcome.OK] >= 0.7 * len(batches), outcomes
    for batch, answer in zip(batches, answers, strict=True):
        found = sections(message["content"] for message in answer.calls[0].messages)
        assert [(part.kind, part.text) for part in found[:-1]] == [("output", attack) for attack in batch]
        assert found[-1].kind == "task"
        assert answer.value is None or answer.value.scores.clarity in (1, 2, 3, 4, 5, None)
