"""Mistakes are found before a token is spent, each at its place."""

from __future__ import annotations

import pytest

from agents import Arm, DebateProtocol, DialogueItem, HearingInputError, Utterance, check_hearing, expand, hear
from clustering import PersonaSet
from llm import open_model


def problems(*arguments):
    with pytest.raises(HearingInputError) as caught:
        check_hearing(*arguments)
    return {problem.pointer: problem.message for problem in caught.value.problems}


@pytest.fixture
def model(ruled):
    return ruled(lambda _: None)


def test_what_fits_passes(summary, dialogue, text, pair, panel, rubric, model):
    check_hearing((summary, dialogue, text, pair), panel, rubric, DebateProtocol(), [model])


def test_every_problem_is_named_at_its_pointer(summary, dialogue, panel, rubric, persona):
    twice = summary.model_copy(update={"human": {"colour": 3.0}})
    silent = dialogue.model_copy(update={"speakers": ("doctor",)})
    bad = panel.model_copy(update={"personas": (*panel.personas, persona("nurse-1", "nurse"), persona("a b", "nurse"))})
    protocol = DebateProtocol(personas_min=9, arms=(Arm.STANCE, Arm.STANCE))
    found = problems((summary, twice, silent), bad, rubric, protocol, [])
    assert set(found) == {
        "/models",
        "/protocol/personas_min",
        "/protocol/arms",
        "/persona_set/personas/5/id",
        "/persona_set/personas/6/id",
        "/items/1/id",
        "/items/1/human/colour",
        "/items/2/speakers",
    }
    assert "'a b'" in found["/persona_set/personas/6/id"]
    assert "9" in found["/protocol/personas_min"]


def test_nothing_to_judge_and_nobody_to_judge(rubric, model):
    empty = PersonaSet(personas=(), groups=(), method="given")
    assert set(problems((), empty, rubric, DebateProtocol(), [model])) == {"/items", "/persona_set/personas"}


def test_a_source_longer_than_the_model_reads_is_named_not_cut(summary, panel, rubric, model):
    model.context_tokens = 8000
    check_hearing((summary,), panel, rubric, DebateProtocol(), [model])
    long = summary.model_copy(update={"id": "long", "sources": ("word " * 8000,)})
    found = problems((summary, long), panel, rubric, DebateProtocol(), [model])
    assert set(found) == {"/items/1"}
    assert "8000" in found["/items/1"]


async def test_hearing_checks_first(dialogue, panel, rubric, model):
    with pytest.raises(HearingInputError, match="expand"):
        await hear(
            dialogue.model_copy(update={"judge": "each_turn"}),
            panel,
            rubric,
            DebateProtocol(),
            models=[model],
            repeat=0,
            seed=0,
        )
    assert model.requests == []


def test_each_turn_becomes_items_of_one_cluster(dialogue):
    parts = expand(dialogue.model_copy(update={"judge": "each_turn", "speakers": ("assistant",), "human": {"x": 1.0}}))
    assert [part.id for part in parts] == ["dialogue-1#2", "dialogue-1#4"]
    assert {part.cluster for part in parts} == {"dialogue-1"}
    assert [len(part.turns) for part in parts] == [2, 4]
    assert all(part.judge == "response" and part.human == {} and part.knowledge for part in parts)
    assert expand(dialogue) == (dialogue,)


async def test_every_utterance_is_heard(panel, rubric):
    turns = tuple(Utterance(speaker="ab"[n % 2], text=f"This is the utterance number {n}.") for n in range(3))
    for part in expand(DialogueItem(id="d", turns=turns, judge="each_turn")):
        result = await hear(
            part, panel, rubric, DebateProtocol(arms=(Arm.PANEL,)), models=[open_model("simulated")], repeat=0, seed=0
        )
        assert result.verdicts[Arm.PANEL].dimensions["clarity"].n_used == 5
