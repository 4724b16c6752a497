"""Prompts: their words, their order, and what stays the same between calls."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from agents import Arm, DebateProtocol, hear, prompt_files
from agents.replies import (
    CoordinationReply,
    SynthesisReply,
    judgement_reply,
    restated_reply,
    speech_reply,
)
from clustering import AnchorKind
from llm import MemoryLedger, estimate_tokens, open_model, reply_schema

SNAPSHOTS = Path(__file__).parent / "snapshots"


def _compare(name: str, text: str) -> None:
    """Compares with the stored text; REHEARING_UPDATE_SNAPSHOTS=1 stores it instead."""
    path = SNAPSHOTS / f"{name}.md"
    if os.environ.get("REHEARING_UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text + "\n", f"{name} changed: raise its version and store it anew"


@pytest.mark.parametrize("prompt", prompt_files(), ids=lambda prompt: prompt.id)
def test_every_prompt_file_reads_as_stored(prompt, prompt_text):
    filled = prompt.render(**{name: f"({name})" for name in prompt.variables})
    _compare(f"file-{prompt.id}-{prompt.version}", prompt_text(filled))


@pytest.mark.parametrize("kind", ["summary", "dialogue", "response", "text", "pair"])
async def test_a_whole_question_reads_as_stored(kind, request, panel, rubric, ruled, prompt_text):
    item = request.getfixturevalue("dialogue" if kind == "response" else kind)
    item = item.model_copy(update={"judge": "response"}) if kind == "response" else item
    model = ruled(lambda _: None)
    await hear(item, panel, rubric, DebateProtocol(arms=(Arm.PANEL,)), models=[model], repeat=0, seed=0)
    first = next(r for r in model.requests if '"turn": "alone/nurse-1"' in r.messages[-1].content)
    _compare(f"question-alone-{kind}", prompt_text(first.messages))


async def test_debate_and_restatement_read_as_stored(dialogue, panel, rubric, prompt_text):
    ledger = MemoryLedger()
    protocol = DebateProtocol(arms=tuple(Arm), turns_max=3, coordinator="model", spread_epsilon=0)
    model = open_model("simulated")
    result = await hear(dialogue, panel, rubric, protocol, models=[model], repeat=0, seed=4, ledger=ledger)
    calls = {call.key: call for call in ledger.calls}
    turns = {turn.id: turn for turn in result.transcript.turns}
    for name, id_ in {
        "speak": "debate/nurse/2",
        "stance": "stance/restated/nurse-1",
        "restate": "debate/restated/nurse-1",
        "synthesis": "debate/synthesis",
    }.items():
        messages = calls[turns[id_].call_keys[-1]].messages
        _compare_shape(name, [message["content"].splitlines()[0] for message in messages])
    coordinated = next(turn for turn in turns.values() if turn.coordination_keys)
    messages = calls[coordinated.coordination_keys[-1]].messages
    _compare_shape("coordinate", [message["content"].splitlines()[0] for message in messages])


def _compare_shape(name: str, lines: list[str]) -> None:
    _compare(f"shape-{name}", "\n".join(lines))


async def test_what_calls_share_stands_first_and_later_questions_only_append(summary, panel, rubric):
    ledger = MemoryLedger()
    protocol = DebateProtocol(arms=(Arm.DEBATE,), turns_max=12, spread_epsilon=0)
    model = open_model("simulated:conformity=0,persuasion=0,spontaneous=0.5")
    result = await hear(summary, panel, rubric, protocol, models=[model], repeat=0, seed=1, ledger=ledger)
    calls = {call.key: call for call in ledger.calls}
    openings = {tuple(m["content"] for m in call.messages[:2]) for call in calls.values()}
    assert len(openings) == 1, "system and item are the same in every call"
    spoken = [turn for turn in result.transcript.turns if turn.persona_id == "nurse-1"]
    questions = [calls[turn.call_keys[0]].messages[:-1] for turn in spoken]
    assert len(questions) >= 3
    for earlier, later in pairwise(questions):
        assert later[: len(earlier)] == earlier
    cards = {call.messages[2]["content"] for call in calls.values() if "<<persona" in call.messages[2]["content"]}
    assert len(cards) == 5


@pytest.mark.parametrize("anchor", list(AnchorKind))
async def test_anchor_kinds_change_the_card_alone(anchor, text, panel, rubric, ruled):
    model = ruled(lambda _: None)
    protocol = DebateProtocol(arms=(Arm.PANEL,), anchor=anchor, synthesis=False)
    await hear(text, panel, rubric, protocol, models=[model], repeat=0, seed=0)
    cards = {request.messages[2].content for request in model.requests}
    assert len(cards) == {AnchorKind.NONE: 1, AnchorKind.ROLE: 5}.get(anchor, 5)
    assert ("want to be asked first" in "".join(cards)) == (anchor is AnchorKind.EXCERPTS)


def test_replies_ask_for_reasons_before_grades_and_limit_every_text(rubric):
    for reply in (judgement_reply(rubric), speech_reply(rubric), restated_reply(rubric)):
        schema = reply_schema(reply)
        names = list(schema["properties"])
        reasons = "argument" if "argument" in names else "reasoning"
        assert names.index(reasons) < names.index("scores") < names.index("certainty")
        grades = schema["properties"]["scores"]["properties"]["clarity"]
        assert [branch.get("enum") for branch in grades["anyOf"] if "enum" in branch] == [[1, 2, 3, 4, 5]]
        _limited(schema)
    for reply in (SynthesisReply, CoordinationReply):
        _limited(reply_schema(reply))
    assert judgement_reply(rubric) is judgement_reply(rubric.model_copy())


def _limited(node):
    for part in node.get("properties", {}).values():
        for branch in part.get("anyOf", [part]):
            if branch.get("type") == "string" and "enum" not in branch:
                assert branch["maxLength"] <= 900
            if branch.get("type") == "array":
                assert branch["maxItems"] <= 5
                _limited(branch["items"])
            _limited(branch)


def test_instructions_stay_short(prompt_text):
    whole = sum(estimate_tokens(prompt_text(p.render(**dict.fromkeys(p.variables, "")))) for p in prompt_files())
    assert whole < 1600
