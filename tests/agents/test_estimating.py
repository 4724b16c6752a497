"""Estimates hold against what is then spent."""

from __future__ import annotations

import pytest

from agents import Arm, DebateProtocol, HearingInputError, Seating, estimate_hearing, hear
from clustering import PersonaSet
from llm import MemoryLedger, open_model, spending_by_purpose


@pytest.mark.parametrize(
    "protocol",
    [DebateProtocol(), DebateProtocol(arms=(Arm.STANCE, Arm.DEBATE), turns_max=3, coordinator="model")],
    ids=["default", "two-arms"],
)
async def test_within_15_percent_of_what_other_seeds_then_spend(protocol, summary, text, panel, rubric):
    items, repeats, model = [summary, text], 16, open_model("simulated")
    two = PersonaSet(personas=panel.personas[2:4], groups=(), method="given")
    estimate = estimate_hearing(items, two, rubric, protocol, [model], repeats=repeats, seed=1)
    calls = await _spent(items, two, rubric, protocol, [model], repeats)
    assert estimate.runs == 32
    assert estimate.calls == pytest.approx(len(calls), rel=0.15)
    assert estimate.input_tokens == pytest.approx(sum(call.input_tokens for call in calls), rel=0.15)
    assert estimate.output_tokens == pytest.approx(sum(call.output_tokens for call in calls), rel=0.15)
    assert set(estimate.by_purpose) == set(spending_by_purpose(calls))
    assert len(calls) <= estimate.calls_max
    assert estimate.cost_usd == 0.0


def test_a_priced_model_is_priced_and_never_asked(summary, panel, rubric, ruled):
    protocol = DebateProtocol(arms=(Arm.STANCE,))
    dear, unknown = ruled(lambda _: None, spec="openai:gpt-4o"), ruled(lambda _: None, spec="openai:nobody-knows-this")
    free = estimate_hearing([summary], panel, rubric, protocol, [open_model("simulated")])
    priced = estimate_hearing([summary], panel, rubric, protocol, [dear])
    assert priced.cost_usd > 0.001
    assert priced.calls == free.calls
    assert priced.cost_usd == pytest.approx(sum(part.cost_usd for part in priced.by_purpose.values()))
    assert estimate_hearing([summary], panel, rubric, protocol, [unknown]).cost_usd is None
    assert dear.requests == unknown.requests == []


async def test_it_may_be_asked_from_inside_an_event_loop(dialogue, panel, rubric):
    each = dialogue.model_copy(update={"judge": "each_turn"})
    estimate = estimate_hearing([each], panel, rubric, DebateProtocol(arms=(Arm.PANEL,)), [open_model("simulated")])
    assert (estimate.runs, estimate.calls, estimate.calls_max) == (4, 24, 24)


def test_bad_input_is_found_first(panel, rubric):
    with pytest.raises(HearingInputError, match="/items"):
        estimate_hearing([], panel, rubric, DebateProtocol(), [open_model("simulated")])


async def _spent(items, personas, rubric, protocol, models, repeats):
    ledgers = []
    for item in items:
        for repeat in range(repeats):
            ledgers.append(MemoryLedger())
            await hear(item, personas, rubric, protocol, models=models, repeat=repeat, seed=77, ledger=ledgers[-1])
    return [call for ledger in ledgers for call in ledger.calls]


@pytest.mark.parametrize("what", ["all arms", "pair", "models crossed"])
async def test_within_15_percent_for_arms_pairs_and_crossed_models(what, summary, pair, panel, rubric):
    crossed = what == "models crossed"
    protocol = DebateProtocol(
        arms=tuple(Arm) if what == "all arms" else (Arm.DEBATE,),
        seating=Seating.CROSSED if crossed else Seating.IN_TURN,
    )
    models = [open_model("simulated"), open_model("simulated:seed=5,run_sd=1")][: 2 if crossed else 1]
    items, repeats = [pair if what == "pair" else summary], 8
    two = PersonaSet(personas=panel.personas[2:4], groups=(), method="given")
    estimate = estimate_hearing(items, two, rubric, protocol, models, repeats=repeats, seed=1)
    calls = await _spent(items, two, rubric, protocol, models, repeats)
    assert estimate.calls == pytest.approx(len(calls), rel=0.15)
    assert estimate.input_tokens == pytest.approx(sum(call.input_tokens for call in calls), rel=0.15)
    assert estimate.output_tokens == pytest.approx(sum(call.output_tokens for call in calls), rel=0.15)
