"""What code notices about a turn."""

from __future__ import annotations

import pytest

from agents import Arm, Evidence, Outcome, Phase, Turn
from agents.noticing import cause_of_change, changed, contradictions, is_capitulation, is_repetition


def turn(scores=None, text="I say so.", quotes=(), status="exact", id_="alone/a"):
    evidence = tuple(Evidence(quote=quote, claimed_from="output", status=status) for quote in quotes)
    return Turn(
        id=id_,
        phase=Phase.DEBATE,
        arm=Arm.DEBATE,
        index=0,
        persona_id="a",
        model="m",
        kind="claim",
        text=text,
        evidence=evidence,
        scores=scores or {"clarity": 3.0},
        outcome=Outcome.DECIDED,
    )


def test_a_grade_given_or_withdrawn_is_no_move():
    assert changed({"a": 1.0, "b": None, "c": 2.0}, {"a": 2.0, "b": 3.0, "c": None}) == ["a"]
    assert changed(None, {"a": 1.0}) == []


@pytest.mark.parametrize(
    ("claimed", "own", "heard", "cause"),
    [
        ("evidence", {"a new quote"}, [], "evidence"),
        ("evidence", set(), [turn(quotes=["a new quote"])], "evidence"),
        ("evidence", set(), [turn(quotes=["a made up quote"], status="unverified")], "argument"),
        ("evidence", {"an old quote"}, [turn()], "argument"),
        ("evidence", {"an old quote"}, [], "nothing"),
        ("argument", set(), [turn()], "argument"),
        ("argument", set(), [turn(text="")], "nothing"),
        ("nothing", {"a new quote"}, [turn()], "nothing"),
    ],
)
def test_a_cause_must_hold(claimed, own, heard, cause):
    before = turn({"clarity": 2.0})
    found = cause_of_change(claimed, before, {"clarity": 4.0}, own=own, heard=heard, known={"an old quote"})
    assert found == cause
    assert cause_of_change(claimed, before, {"clarity": 2.0}, own=own, heard=heard, known=set()) is None


@pytest.mark.parametrize(
    ("after", "own", "peers", "capitulates"),
    [
        (4.0, set(), [{"clarity": 5.0}], True),
        (1.0, set(), [{"clarity": 5.0}], False),
        (4.0, {"a new quote"}, [{"clarity": 5.0}], False),
        (2.0, set(), [{"clarity": 5.0}], False),
        (4.0, set(), [], False),
    ],
)
def test_capitulation_is_moving_to_the_others_without_new_evidence(after, own, peers, capitulates):
    before = turn({"clarity": 2.0})
    assert is_capitulation(before, {"clarity": after}, own=own, heard=[turn()], known=set(), peers=peers) == capitulates


@pytest.mark.parametrize(
    ("text", "before", "after", "contradicts"),
    [
        ("So I give clarity 4 (good), faithfulness 5.", None, 4.0, False),
        ("So I give clarity 4 (good), faithfulness 5.", None, 2.0, True),
        ("Clarity: 2, it is muddled.", None, 5.0, True),
        ("I change clarity from 2 to 4.", 2.0, 4.0, False),
        ("I change clarity from 2 to 4.", 2.0, 1.0, True),
        ("You gave clarity 1, but I stay with clarity 4.", 4.0, 4.0, False),
        ("I lower my grade for clarity.", 3.0, 2.0, False),
        ("I lower my grade for clarity.", 3.0, 4.0, True),
        ("I raise clarity after all.", 3.0, 3.0, True),
        ("It is clear in 3 places.", None, 5.0, False),
        ("Clarity 4.5 would be fair.", None, 5.0, False),
    ],
)
def test_words_against_grades(text, before, after, contradicts, rubric):
    stood = None if before is None else {"clarity": before, "faithfulness": 5.0}
    assert contradictions(text, stood, {"clarity": after, "faithfulness": 5.0}, rubric) == contradicts


def test_repetition():
    said = turn(text="The clinic opens at eight, and that is what people must know.")
    assert is_repetition("And that is what people must know, the clinic opens at eight.", [said])
    assert not is_repetition("The pharmacy closes at noon on Saturdays, which nobody mentions here.", [said])
    assert not is_repetition("Yes.", [turn(text="Yes.")])
