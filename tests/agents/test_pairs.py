"""Pairs: both orders, and a preference that follows the order is a tie."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import Arm, DebateProtocol, PairItem, hear, pair_rubric
from agents.pairs import position_bias, settle_orders, swapped
from llm import open_model

PANEL = DebateProtocol(arms=(Arm.PANEL,), synthesis=False)
grades = st.sampled_from([-1.0, 0.0, 1.0, None])


@given(grades, grades)
def test_settling_is_symmetric_and_prefers_only_what_both_orders_prefer(first, second):
    settled = settle_orders(first, second)
    assert settled == settle_orders(second, first)
    if settled not in (None, 0.0):
        assert first == second == settled
    assert (settled is None) == (first is None or second is None)


def test_position_bias_by_hand():
    assert position_bias({"a": 1.0, "b": 1.0}, {"a": -1.0, "b": 1.0}) == 0.5
    assert position_bias({"a": -1.0}, {"a": 1.0}) == -1.0
    assert position_bias({"a": 1.0}, {"a": None}) is None


def test_a_pair_is_graded_on_a_comparison(rubric):
    compared = pair_rubric(rubric)
    assert [level.value for level in compared.dimensions[0].levels] == [-1, 0, 1]
    assert compared.dimensions[0].question == rubric.dimensions[0].question
    assert compared.dimensions[0].pass_threshold is None


async def test_a_judge_who_takes_whatever_stands_first_gives_a_tie(pair, panel, rubric, ruled):
    model = ruled(lambda _: {"scores": {"clarity": 1, "faithfulness": 1}})
    result = await hear(pair, panel, rubric, PANEL, models=[model], repeat=0, seed=1)
    verdict = result.verdicts[Arm.PANEL]
    assert verdict.dimensions["clarity"].value == 0.0
    assert verdict.position_bias == {"clarity": 1.0, "faithfulness": 1.0}
    assert "order_following" in result.transcript.flags
    assert len(model.requests) == 10


async def test_a_judge_who_reads_prefers_the_same_output_in_both_orders(pair, panel, rubric, ruled):
    def rule(question):
        better_first = "short wavelengths" in question.section("output_a")[0].text
        return {"scores": {"clarity": 1 if better_first else -1, "faithfulness": 0}}

    result = await hear(pair, panel, rubric, PANEL, models=[ruled(rule)], repeat=0, seed=1)
    verdict = result.verdicts[Arm.PANEL]
    assert verdict.dimensions["clarity"].value == 1.0
    assert verdict.position_bias == {"clarity": 0.0, "faithfulness": 0.0}
    assert result.transcript.flags == ()
    mirrored = await hear(swapped(pair), panel, rubric, PANEL, models=[ruled(rule)], repeat=0, seed=1)
    assert mirrored.verdicts[Arm.PANEL].dimensions["clarity"].value == -1.0


async def test_scores_are_in_the_items_terms_and_shown_in_the_orders(pair, panel, rubric, ruled):
    shown = {}

    def rule(question):
        if question.task["turn"] in ("self_reflection/restated/nurse-1", "ba/self_reflection/restated/nurse-1"):
            shown[question.task["turn"]] = question.section("own")[0].text
        return {"scores": {"clarity": 1, "faithfulness": 0}}

    protocol = DebateProtocol(arms=(Arm.SELF_REFLECTION,), synthesis=False)
    result = await hear(pair, panel, rubric, protocol, models=[ruled(rule)], repeat=0, seed=1)
    turns = {turn.id: turn for turn in result.transcript.turns}
    assert turns["alone/nurse-1"].scores["clarity"] == 1.0
    assert turns["ba/alone/nurse-1"].scores["clarity"] == -1.0
    assert turns["ba/alone/nurse-1"].order == "ba"
    assert len(shown) == 2
    assert all('"clarity": 1' in text for text in shown.values()), "each order shows the grade as it was given there"


async def test_a_judge_lost_in_one_order_has_no_preference(pair, panel, rubric, ruled):
    def rule(question):
        lost = question.task["turn"] == "ba/alone/nurse-1"
        return {"scores": {"clarity": None if lost else 1, "faithfulness": None if lost else 0}}

    result = await hear(pair, panel, rubric, PANEL, models=[ruled(rule)], repeat=0, seed=1)
    part = result.verdicts[Arm.PANEL].dimensions["clarity"]
    assert part.by_persona["nurse-1"] is None
    assert (part.n_used, part.n_asked) == (4, 5)


@pytest.mark.parametrize(("bias", "positive"), [(1.5, True), (-1.5, False)])
async def test_a_planted_position_bias_is_reported(panel, rubric, bias, positive):
    item = PairItem(
        id="p", task="Say hello to my friend.", output_a="Hello, my good friend.", output_b="Good day, my friend."
    )
    model = open_model(f"simulated:position_bias={bias},run_sd=0.1,persona_sd=0,interaction_sd=0")
    result = await hear(item, panel, rubric, PANEL, models=[model], repeat=0, seed=1)
    found = result.verdicts[Arm.PANEL].position_bias
    assert all((value > 0.5) == positive and abs(value) > 0.5 for value in found.values())
    assert all(part.value == 0.0 for part in result.verdicts[Arm.PANEL].dimensions.values())


async def test_whoever_sums_up_is_told_of_both_orders(pair, panel, rubric, ruled):
    told = []

    def rule(question):
        if question.task["turn"] == "panel/synthesis":
            told.append(json.loads(question.section("verdict")[0].text))
        follows = question.task["turn"].endswith("alone/nurse-1")
        swapped_sides = question.task["turn"].startswith("ba/")
        return {"scores": {"clarity": 1 if follows or not swapped_sides else -1, "faithfulness": 0}}

    protocol = DebateProtocol(arms=(Arm.PANEL,))
    await hear(pair, panel, rubric, protocol, models=[ruled(rule)], repeat=0, seed=1)
    orders = {name: scores["clarity"] for name, scores in told[0]["both_orders"].items()}
    assert [scores for scores in orders.values() if scores[0] * scores[1] < 0] == [[1, -1]], (
        "one judge followed the order"
    )
    assert len(orders) == 5
