"""The simulated judge answers every kind of question of the project, in the asked schema, with verbatim quotes."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from llm import CallOutcome, Message, Purpose, RenderedPrompt, ask, fence, open_model

SOURCE = (
    "The kubelet drains pods before a node is shut down. Operators set a grace period for each priority class. "
    "Pods without a class get thirty seconds. A metric counts the pods that were killed before they finished."
)
OUTPUT = "Operators set a grace period per class. Pods are moved to another cloud for free."
CARD = "Name: Ada\nStakeholder: cluster operators\nLooks at: whether a drain can be trusted\nIn their own words:\n- “I want to know what was killed last night.”"
RUBRIC = {
    "name": "summary",
    "instructions": "",
    "dimensions": [
        {
            "name": name,
            "question": f"How {name} is it?",
            "levels": [{"value": v, "label": f"level {v}", "anchor": ""} for v in range(1, 6)],
        }
        for name in ("faithful", "clear")
    ],
}


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quoted(Strict):
    quote: str = Field(max_length=300)
    claimed_from: Literal["output", "source", "persona", "transcript"]


class Scores(Strict):
    faithful: Literal[1, 2, 3, 4, 5] | None
    clear: Literal[1, 2, 3, 4, 5] | None


class Judged(Strict):
    evidence: tuple[Quoted, ...] = Field(max_length=4)
    reasoning: str = Field(max_length=800)
    scores: Scores
    certainty: int = Field(ge=1, le=100)
    abstain: bool
    abstain_reason: str | None = Field(max_length=200)


class Spoken(Strict):
    reply_to: str | None
    kind: Literal["claim", "rebuttal", "concession", "question", "pass"]
    argument: str = Field(max_length=500)
    evidence: tuple[Quoted, ...]
    changed_because: Literal["evidence", "argument", "nothing"]
    scores: Scores
    certainty: int = Field(ge=1, le=100)


class Next(Strict):
    speaker: Literal["ada", "bob"]


class Named(Strict):
    reason: str = Field(max_length=200)
    speaker: str = Field(max_length=120)


class Observed(Strict):
    reasons: str = Field(max_length=300)
    role: Literal[0, 1, 2, 3]
    consistency: Literal[1, 2, 3, 4, 5]


class Synthesis(Strict):
    synthesis: str = Field(max_length=900)


class Rated(Strict):
    in_role: int = Field(ge=0, le=3)
    consistency: int = Field(ge=1, le=5)
    something_else: str = Field(max_length=20)


class Perspective(Strict):
    perspective: str = Field(max_length=200)
    evidence: str = Field(max_length=400)


class Stakeholder(Strict):
    name: str = Field(max_length=80)
    characteristics: str = Field(max_length=300)
    perspectives: tuple[Perspective, ...] = Field(max_length=3)


class Extracted(Strict):
    stakeholders: tuple[Stakeholder, ...] = Field(max_length=5)


def _prompt(*more: str, card: str = CARD) -> RenderedPrompt:
    shared = [fence("rubric", json.dumps(RUBRIC)), fence("source", SOURCE, "0"), fence("output", OUTPUT)]
    texts = [*shared, fence("persona", card, "ada"), *more]
    return RenderedPrompt("test", "0" * 64, tuple(Message("user", text) for text in texts))


def _task(phase: str, turn: str = "t") -> str:
    return fence("task", json.dumps({"phase": phase, "turn": turn}))


def _peer(name: str, score: int, argument: str = "") -> str:
    content = {"turn": f"alone/{name}", "kind": "claim", "scores": {"faithful": score, "clear": score}}
    return fence("peer" if argument else "stance", json.dumps(content | {"argument": argument}), name)


def _own(score: int) -> str:
    return fence("own", json.dumps({"scores": {"faithful": score, "clear": score}, "reasoning": "x"}))


async def _ask(prompt, schema, spec="simulated"):
    answer = await ask(open_model(spec), prompt, schema, purpose=Purpose.JUDGING)
    assert answer.outcome is CallOutcome.OK, answer.error
    return answer.value


async def test_judgement_quotes_verbatim_and_speaks_as_its_persona():
    judged = await _ask(_prompt(_task("alone")), Judged)
    quotes = {quote.claimed_from: quote.quote for quote in judged.evidence}
    assert quotes["output"] in OUTPUT
    assert quotes["source"] in SOURCE
    assert "operators" in judged.reasoning
    assert judged.abstain is False
    assert judged.abstain_reason is None


async def test_abstaining_gives_no_scores():
    judged = await _ask(_prompt(_task("alone")), Judged, "simulated:abstention=1")
    assert judged.abstain is True
    assert judged.abstain_reason
    assert judged.scores.faithful is None


async def test_a_turn_answers_the_farthest_peer():
    firm = "simulated:conformity=0,persuasion=0,spontaneous=0"
    peers = _peer("bob", 4, "It is fine."), _peer("eve", 1, "It invents a cloud.")
    turn = await _ask(_prompt(_own(5), *peers, _task("debate")), Spoken, firm)
    assert turn.kind in ("rebuttal", "question")
    assert turn.reply_to == "alone/eve"
    assert "Eve" in turn.argument
    assert turn.scores == Scores(faithful=5, clear=5)
    assert turn.changed_because == "nothing"


async def test_nothing_left_to_say_is_a_pass():
    firm = "simulated:conformity=0,persuasion=0,spontaneous=0"
    turn = await _ask(_prompt(_own(4), _peer("bob", 4, "It is fine."), _task("debate")), Spoken, firm)
    assert (turn.kind, turn.reply_to) == ("pass", None)


async def test_full_conformity_concedes_to_the_mean():
    turn = await _ask(
        _prompt(_own(5), _peer("bob", 2, "No."), _peer("eve", 2, "No!"), _task("debate")),
        Spoken,
        "simulated:conformity=1,spontaneous=0",
    )
    assert turn.kind == "concession"
    assert turn.scores == Scores(faithful=2, clear=2)
    assert turn.changed_because in ("argument", "evidence")


@pytest.mark.parametrize(("phase", "schema"), [("coordinate", Next), ("synthesis", Synthesis), ("observe", Rated)])
async def test_other_questions_are_answered(phase, schema):
    prompt = _prompt(_own(5), _peer("bob", 2, "It leaves out the metric."), _task(phase))
    assert await _ask(prompt, schema)


async def test_a_coordinator_chooses_who_stands_alone():
    speakers = fence("speakers", json.dumps(["bob", "eve", "kim"]))
    peers = [_peer(name, score, "So.") for name, score in (("bob", 4), ("eve", 1), ("kim", 4))]
    chosen = await _ask(_prompt(*peers, speakers, _task("coordinate")), Named)
    assert chosen.speaker == "eve"
    assert "Eve" in chosen.reason


async def test_an_observer_rates_with_reasons():
    ratings = []
    for turn in range(20):
        prompt = _prompt(_peer("ada", 4, "Operators need to trust a drain."), _task("observe", str(turn)))
        observed = await _ask(prompt, Observed)
        assert "Operators need" in observed.reasons
        ratings.append(observed.consistency)
    assert 3 < sum(ratings) / 20 <= 5
    assert len(set(ratings)) > 1


async def test_a_dialogue_is_quoted_without_its_speakers():
    dialogue = "[1] Ann: Do you like to hike in the hills?\n[2] Bob B.: I hike every Sunday with my two dogs."
    texts = [fence("rubric", json.dumps(RUBRIC)), fence("dialogue", dialogue), fence("persona", CARD, "ada")]
    prompt = RenderedPrompt("test", "0" * 64, tuple(Message("user", text) for text in texts))
    judged = await _ask(prompt, Judged)
    assert judged.evidence
    assert all(quote.quote in dialogue and "[" not in quote.quote for quote in judged.evidence)


async def test_extraction_is_verbatim():
    text = "As a cluster operator, I want to drain nodes safely. Developers fear that their jobs are lost at night."
    messages = (Message("user", fence("document", text)), Message("user", _task("extract")))
    found = await _ask(RenderedPrompt("extract", "0" * 64, messages), Extracted)
    assert {who.name for who in found.stakeholders} >= {"cluster operator"}
    for who in found.stakeholders:
        assert who.perspectives
        assert all(perspective.evidence in text for perspective in who.perspectives)


async def test_malformed_replies_are_never_scored():
    outcomes = []
    for seed in range(60):
        prompt = _prompt(_task("alone", str(seed)))
        model = open_model("simulated:malformed=0.7")
        answer = await ask(model, prompt, Judged, purpose=Purpose.JUDGING)
        outcomes.append(answer.outcome)
        assert (answer.value is None) == (answer.outcome is not CallOutcome.OK)
    assert {CallOutcome.OK, CallOutcome.UNPARSEABLE, CallOutcome.TRUNCATED} == set(outcomes)


FIRM = "simulated:conformity=0,persuasion=0,spontaneous=0"


async def test_a_rebuttal_takes_up_what_the_peer_quoted_and_gives_a_reason_of_its_own():
    kinds = set()
    for number in range(12):
        heard = _peer(
            "eve", 1, "“Operators set a grace period per class” is beside the point. So I stay at 1 for faithful."
        )
        turn = await _ask(_prompt(_own(5), heard, _task("debate", str(number))), Spoken, FIRM)
        kinds.add(turn.kind)
        assert "Eve" in turn.argument
        assert len(turn.argument) > 60
        for quote in turn.evidence:
            assert quote.quote in (SOURCE if quote.claimed_from == "source" else OUTPUT)
            assert quote.quote[:20] in turn.argument, "evidence is what the words quote"
        if turn.kind == "rebuttal":
            assert "Operators set a grace period" in turn.argument
    assert kinds == {"rebuttal", "question"}


async def test_words_are_drawn_from_the_turn_and_the_same_for_the_same_request():
    said = [await _ask(_prompt(_own(4), _task("restated", str(n % 8))), Judged) for n in range(16)]
    assert said[:8] == said[8:]
    assert len({one.reasoning for one in said[:8]}) >= 3


async def test_a_concession_says_whom_it_follows_and_why():
    heard = _peer("bob", 2, "Nothing that I was given carries “Pods are moved to another cloud for free”.")
    turn = await _ask(_prompt(_own(5), heard, _task("debate")), Spoken, "simulated:conformity=1,spontaneous=0")
    assert turn.kind == "concession"
    assert "Bob" in turn.argument
    assert "Pods are moved to another cloud" in turn.argument
    assert "faithful from 5 to 2" in turn.argument


async def test_of_a_pair_it_speaks_by_the_letters():
    levels = [{"value": v, "label": label, "anchor": ""} for v, label in ((-1, "b"), (0, "tie"), (1, "a"))]
    compared = {**RUBRIC, "dimensions": [{**one, "levels": levels} for one in RUBRIC["dimensions"]]}
    texts = [
        fence("rubric", json.dumps(compared)),
        fence("instruction", SOURCE),
        fence("output_a", "Operators set a grace period for each class. A metric counts what was killed."),
        fence("output_b", "Operators set a grace period for each cloud. Pods are moved elsewhere for free."),
        fence("persona", CARD, "ada"),
    ]

    class Both(Strict):
        faithful: Literal[-1, 0, 1] | None
        clear: Literal[-1, 0, 1] | None

    class Compared(Strict):
        reasoning: str = Field(max_length=700)
        scores: Both

    preferred = {-1: "B", 0: "a tie", 1: "A"}
    for number in range(8):
        prompt = RenderedPrompt(
            "test", "0" * 64, tuple(Message("user", text) for text in (*texts, _task("alone", str(number))))
        )
        judged = await _ask(prompt, Compared)
        for grade in (judged.scores.faithful, judged.scores.clear):
            assert preferred[grade] in judged.reasoning
        assert "faithful 1" not in judged.reasoning


async def test_braces_and_quotes_of_a_text_stay_as_they_are():
    odd = "The {quote} of {0} is “set” per class {. Pods {name} are moved to another } cloud."
    texts = [
        fence("rubric", json.dumps(RUBRIC)),
        fence("source", SOURCE),
        fence("output", odd),
        fence("persona", CARD, "ada"),
    ]
    for number in range(6):
        for more in (
            (_task("alone", str(number)),),
            (_own(5), _peer("bob", 2, "No {dimension}."), _task("debate", str(number))),
        ):
            prompt = RenderedPrompt("test", "0" * 64, tuple(Message("user", text) for text in (*texts, *more)))
            judged = await _ask(prompt, Spoken if len(more) > 1 else Judged)
            assert all(quote.quote in odd or quote.quote in SOURCE for quote in judged.evidence)
