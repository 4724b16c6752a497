"""One hearing, end to end."""

from __future__ import annotations

import pytest

from agents import Arm, DebateProtocol, Outcome, Phase, hear
from llm import AskSettings, CallOutcome, MemoryLedger, RequestRejectedError, open_model

ALL = DebateProtocol(arms=tuple(Arm), turns_max=4)


@pytest.mark.parametrize("kind", ["summary", "dialogue", "text", "pair"])
async def test_every_kind_of_item_is_heard_to_a_verdict_in_every_arm(kind, request, panel, rubric):
    item = request.getfixturevalue(kind)
    result = await hear(item, panel, rubric, ALL, models=[open_model("simulated")], repeat=0, seed=7)
    assert result.outcome is Outcome.DECIDED
    assert set(result.verdicts) == set(Arm)
    for verdict in result.verdicts.values():
        assert [part.n_used for part in verdict.dimensions.values()] == [5, 5]
    assert result.simulated
    assert result.cost_usd == 0.0


async def test_a_verdict_costs_what_its_calls_do(summary, panel, rubric, ruled):
    protocol = DebateProtocol(arms=(Arm.DEBATE,))
    model = ruled(lambda question: {"scores": {"clarity": 3}})
    unpriced = await hear(summary, panel, rubric, protocol, models=[model], repeat=0, seed=7)
    assert [verdict.cost_usd for verdict in unpriced.verdicts.values()] == [None, None]
    model.spec = "openai:gpt-4o-mini"
    heard = await hear(summary, panel, rubric, protocol, models=[model], repeat=0, seed=7)
    alone, debate = (heard.verdicts[arm].cost_usd for arm in (Arm.PANEL, Arm.DEBATE))
    assert 0 < alone < debate == pytest.approx(heard.cost_usd)


async def test_phase_one_is_asked_once_and_does_not_depend_on_the_arms(summary, panel, rubric):
    keys = []
    for arms in [(Arm.PANEL,), (Arm.DEBATE,), tuple(Arm)]:
        protocol = DebateProtocol(arms=arms)
        result = await hear(summary, panel, rubric, protocol, models=[open_model("simulated")], repeat=2, seed=1)
        alone = [turn for turn in result.transcript.turns if turn.phase is Phase.ALONE]
        assert len(alone) == 5
        keys.append({turn.id: turn.call_keys for turn in alone})
        assert Arm.PANEL in result.verdicts
    assert keys[0] == keys[1] == keys[2]


async def test_repeats_and_seeds_ask_other_questions(summary, panel, rubric):
    async def keys(repeat, seed):
        result = await hear(summary, panel, rubric, ALL, models=[open_model("simulated")], repeat=repeat, seed=seed)
        return {key for turn in result.transcript.turns for key in turn.call_keys}

    first, other_repeat, other_seed = await keys(0, 0), await keys(1, 0), await keys(0, 1)
    assert not first & other_repeat
    assert not first & other_seed


async def test_a_second_hearing_takes_every_call_from_the_ledger_and_ends_alike(summary, panel, rubric, ruled):
    model, ledger = ruled(lambda question: {"scores": {"clarity": 1 + question.request.seed % 5}}), MemoryLedger()
    first = await hear(summary, panel, rubric, ALL, models=[model], repeat=0, seed=3, ledger=ledger)
    asked = len(model.requests)
    assert asked == first.calls == len(ledger.calls)
    again = await hear(summary, panel, rubric, ALL, models=[model], repeat=0, seed=3, ledger=ledger)
    assert again == first
    assert len(model.requests) == asked


async def test_the_order_in_which_calls_finish_changes_nothing(summary, panel, rubric, ruled):
    def rule(question):
        return {"scores": {"clarity": 1 + question.request.seed % 5}, "argument": f"Word {question.request.seed}."}

    results = [
        await hear(summary, panel, rubric, ALL, models=[ruled(rule, shuffled=shuffled)], repeat=0, seed=5)
        for shuffled in (False, True, True)
    ]
    assert results[0] == results[1] == results[2]


async def test_a_turn_was_said_by_the_calls_it_names_having_seen_exactly_what_it_names(summary, panel, rubric):
    ledger = MemoryLedger()
    protocol = DebateProtocol(arms=tuple(Arm), turns_max=6, spread_epsilon=0)
    result = await hear(
        summary, panel, rubric, protocol, models=[open_model("simulated")], repeat=0, seed=2, ledger=ledger
    )
    calls = {call.key: call for call in ledger.calls}
    turns = {turn.id: turn for turn in result.transcript.turns}
    for turn in turns.values():
        for key in turn.call_keys:
            contents = [message["content"] for message in calls[key].messages]
            shown = [
                content
                for content in contents[2:-1]
                if "<<own" in content or "<<peer" in content or "<<stance" in content
            ]
            for id_, content in zip(turn.seen, shown, strict=True):
                if "<<stance" not in content:
                    assert f'"turn": "{id_}"' in content
    assert any(turn.phase is Phase.DEBATE for turn in turns.values())
    assert [turn.index for turn in turns.values()] == sorted(turn.index for turn in turns.values())


async def test_arms_show_what_they_may_and_nothing_else(summary, panel, rubric, ruled):
    model = ruled(
        lambda question: {
            "reasoning": "A secret reason.",
            "argument": "An argument.",
            "scores": {"clarity": 1 + question.request.seed % 5},
        }
    )
    await hear(summary, panel, rubric, DebateProtocol(arms=tuple(Arm)), models=[model], repeat=0, seed=1)
    seen: dict[str, str] = {}
    for request in model.requests:
        turn = request.messages[-1].content
        for arm in ("self_reflection", "stance", "debate"):
            if f'"turn": "{arm}/restated/nurse-1"' in turn:
                seen[arm] = "\n".join(message.content for message in request.messages)
    assert "<<own" in seen["self_reflection"]
    assert "<<peer" not in seen["self_reflection"]
    assert "<<stance" not in seen["self_reflection"]
    assert seen["stance"].count("<<stance") == 2
    assert seen["stance"].count("A secret reason.") == 1, "its own reasons only"
    assert "<<peer" in seen["debate"]
    assert "An argument." in seen["debate"]


async def test_groups_hear_themselves_alone_unless_told_otherwise(summary, panel, rubric, ruled):
    for cross_group in (False, True):
        model = ruled(lambda question: {"scores": {"clarity": 1 + question.request.seed % 5}})
        protocol = DebateProtocol(cross_group=cross_group, spread_epsilon=0)
        await hear(summary, panel, rubric, protocol, models=[model], repeat=0, seed=1)
        restated = [r for r in model.requests if '"turn": "debate/restated/nurse-1"' in r.messages[-1].content]
        said = "\n".join(message.content for message in restated[0].messages)
        assert ("<<peer patient-1" in said) == cross_group
        debated = [r for r in model.requests if '"turn": "debate/nurse/1"' in r.messages[-1].content]
        assert not any("<<peer patient" in message.content for message in debated[0].messages)


async def test_one_lost_persona_does_not_lose_the_run(summary, panel, rubric, ruled):
    def rule(question):
        return RequestRejectedError("too long") if question.persona == "nurse-2" else None

    result = await hear(summary, panel, rubric, ALL, models=[ruled(rule)], repeat=0, seed=1)
    lost = next(turn for turn in result.transcript.turns if turn.id == "alone/nurse-2")
    assert lost.outcome is Outcome.FAILED
    assert lost.flags == (f"call_{CallOutcome.REJECTED}",)
    assert set(lost.scores.values()) == {None}
    part = result.verdicts[Arm.DEBATE].dimensions["clarity"]
    assert (part.n_used, part.n_asked, part.by_persona["nurse-2"]) == (4, 5, None)
    assert result.outcome is Outcome.DECIDED


async def test_too_few_judgements_fail_the_run_and_give_no_value(summary, panel, rubric, ruled):
    def rule(question):
        return RequestRejectedError("too long") if question.persona != "nurse-2" else None

    protocol = DebateProtocol(personas_min=2)
    result = await hear(summary, panel, rubric, protocol, models=[ruled(rule)], repeat=0, seed=1)
    assert result.outcome is Outcome.FAILED
    part = result.verdicts[Arm.PANEL].dimensions["clarity"]
    assert (part.value, part.outcome, part.n_used) == (None, Outcome.FAILED, 1)


async def test_abstaining_is_no_score(summary, panel, rubric, ruled):
    def rule(question):
        if question.persona == "nurse-1":
            return {"abstain": True, "abstain_reason": "I know nothing of pharmacies.", "scores": {"clarity": 4}}
        return {"scores": {"faithfulness": None}}

    result = await hear(
        summary, panel, rubric, DebateProtocol(arms=(Arm.PANEL,)), models=[ruled(rule)], repeat=0, seed=1
    )
    turn = next(turn for turn in result.transcript.turns if turn.id == "alone/nurse-1")
    assert turn.outcome is Outcome.ABSTAINED
    assert "I know nothing of pharmacies." in turn.text
    parts = result.verdicts[Arm.PANEL].dimensions
    assert (parts["clarity"].n_used, parts["clarity"].by_persona["nurse-1"]) == (4, None)
    assert (parts["faithfulness"].value, parts["faithfulness"].outcome) == (None, Outcome.ABSTAINED)
    assert parts["faithfulness"].passed is None


async def test_unusable_replies_are_never_scored(summary, panel, rubric, ruled):
    result = await hear(
        summary, panel, rubric, DebateProtocol(), models=[ruled(lambda _: {"scores": {"clarity": 6}})], repeat=0, seed=1
    )
    assert {turn.outcome for turn in result.transcript.turns if turn.persona_id} == {Outcome.UNPARSEABLE}
    assert result.outcome is Outcome.UNPARSEABLE
    assert result.verdicts[Arm.DEBATE].dimensions["clarity"].value is None


async def test_a_cancelled_run_asks_nothing_more(summary, panel, rubric, ruled):
    model = ruled(lambda question: {"scores": {"clarity": 1 + question.request.seed % 5}})
    protocol = DebateProtocol(spread_epsilon=0)
    result = await hear(
        summary, panel, rubric, protocol, models=[model], repeat=0, seed=1, cancelled=lambda: len(model.requests) >= 6
    )
    assert len(model.requests) <= 7, "at most one per table after the cancellation"
    assert "cancelled" in result.transcript.stopped.values()
    assert result.verdicts[Arm.PANEL].dimensions["clarity"].value is not None, "what was done stays"
    assert result.verdicts[Arm.DEBATE].dimensions["clarity"].outcome is Outcome.FAILED


async def test_turns_are_told_as_they_are_finished(summary, panel, rubric):
    told = []

    async def listen(turn):
        told.append(turn)

    model = open_model("simulated")
    result = await hear(summary, panel, rubric, ALL, models=[model], repeat=0, seed=1, on_turn=listen)
    assert {turn.id: turn for turn in told} == {turn.id: turn for turn in result.transcript.turns}
    assert len(told) == len(result.transcript.turns)


async def test_costs_are_the_sum_of_every_call(summary, panel, rubric):
    ledger = MemoryLedger()
    model = open_model("simulated:malformed=0.3")
    result = await hear(summary, panel, rubric, ALL, models=[model], repeat=0, seed=1, ledger=ledger)
    assert result.calls == len(ledger.calls) > len(result.transcript.turns)
    assert result.input_tokens == sum(call.input_tokens for call in ledger.calls)
    keys = [key for turn in result.transcript.turns for key in turn.call_keys]
    assert sorted(keys) == sorted(call.key for call in ledger.calls)


async def test_models_take_turns_or_play_every_persona(summary, panel, rubric, ruled):
    models = [ruled(lambda _: None, spec=f"openai:m{number}") for number in (0, 1)]
    result = await hear(summary, panel, rubric, DebateProtocol(), models=models, repeat=0, seed=1)
    alone = {turn.persona_id: turn.model for turn in result.transcript.turns if turn.phase is Phase.ALONE}
    assert [alone[persona.id] for persona in panel.personas] == [f"openai:m{n}" for n in (0, 1, 0, 1, 0)]
    crossed = DebateProtocol(seating="crossed", arms=(Arm.PANEL,))
    result = await hear(summary, panel, rubric, crossed, models=models, repeat=0, seed=1)
    part = result.verdicts[Arm.PANEL].dimensions["clarity"]
    assert part.n_asked == 10
    assert set(part.by_persona) == {f"{p.id}@{n}" for p in panel.personas for n in (0, 1)}
    assert {(t.seat_id, t.model) for t in result.transcript.turns if t.persona_id == "nurse-1"} == {
        ("nurse-1@0", "openai:m0"),
        ("nurse-1@1", "openai:m1"),
    }


async def test_one_persona_alone_has_nobody_to_debate_with(summary, panel, rubric):
    lone = panel.model_copy(update={"personas": panel.personas[:1]})
    result = await hear(summary, lone, rubric, ALL, models=[open_model("simulated")], repeat=0, seed=1)
    assert result.transcript.stopped == {"cross-group": "alone"}
    assert result.outcome is Outcome.DECIDED
    assert result.verdicts[Arm.DEBATE].dimensions["clarity"].dissent is None


async def test_attempts_last_as_long_as_the_caller_says(summary, panel, rubric, ruled):
    model = ruled(lambda question: {"scores": {"clarity": 1 + question.request.seed % 5}})
    settings = AskSettings(timeout_s=7, seed=5)
    await hear(summary, panel, rubric, DebateProtocol(), models=[model], repeat=0, seed=1, settings=settings)
    assert {request.timeout_s for request in model.requests} == {7}
    assert len({request.seed for request in model.requests}) > 1, "the hearing's own seeds stay"
