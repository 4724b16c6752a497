"""Who speaks next, at which table, and why a debate stops."""

from __future__ import annotations

import pytest

from agents import Arm, DebateProtocol, Phase, hear
from agents.protocol import Seating
from agents.seats import CROSS_GROUP_TABLE, set_tables, speaking_order, take_seats
from llm import MemoryLedger, Purpose, open_model


def scored(scores, **fields):
    """A rule that gives each persona its own clarity and says the same in every phase."""
    return lambda question: {"scores": {"clarity": scores[question.persona]}} | fields


async def debate(summary, panel, rubric, model, **options):
    protocol = DebateProtocol(arms=(Arm.DEBATE,), synthesis=False, **options)
    result = await hear(summary, panel, rubric, protocol, models=[model], repeat=0, seed=1)
    said = [turn for turn in result.transcript.turns if turn.phase is Phase.DEBATE]
    return result, said


APART = {"nurse-1": 1, "nurse-2": 3, "nurse-3": 5, "patient-1": 4, "patient-2": 4}


async def test_agreed_tables_have_nothing_to_debate(summary, panel, rubric, ruled):
    result, said = await debate(summary, panel, rubric, ruled(scored(dict.fromkeys(APART, 3))))
    assert result.transcript.stopped == {"nurse": "agreed", "patient": "agreed"}
    assert said == []


async def test_nobody_moving_for_a_round_ends_it(summary, panel, rubric, ruled):
    result, said = await debate(summary, panel, rubric, ruled(scored(APART)), turns_max=30)
    assert result.transcript.stopped == {"nurse": "unchanged", "patient": "agreed"}
    assert len(said) == 3
    assert {turn.round for turn in said} == {1}


async def test_a_debate_that_is_not_adaptive_uses_all_its_turns(summary, panel, rubric, ruled):
    model = ruled(scored(dict.fromkeys(APART, 3), kind="pass"))
    result, said = await debate(summary, panel, rubric, model, turns_max=4, adaptive=False)
    assert result.transcript.stopped == {"nurse": "turns_max", "patient": "turns_max"}
    assert len(said) == 8


async def test_everybody_passing_ends_it(summary, panel, rubric, ruled):
    def rule(question):
        moved = {"clarity": 1 + question.request.seed % 5} if question.persona == "nurse-3" else {}
        return {"kind": "pass", "scores": {"clarity": APART[question.persona]} | moved}

    result, said = await debate(summary, panel, rubric, ruled(rule), turns_max=30)
    assert result.transcript.stopped["nurse"] == "passed"
    assert len([turn for turn in said if turn.group_id == "nurse"]) == 3


async def test_turns_and_tokens_run_out(summary, panel, rubric, ruled):
    result, said = await debate(summary, panel, rubric, ruled(scored(APART)), turns_max=2)
    assert result.transcript.stopped["nurse"] == "turns_max"
    assert len(said) == 2
    result, said = await debate(summary, panel, rubric, ruled(scored(APART)), tokens_max=2)
    assert result.transcript.stopped["nurse"] == "tokens_max"
    assert len(said) == 1


async def test_the_farthest_from_the_median_speaks_first(summary, panel, rubric, ruled):
    scores = APART | {"nurse-1": 1, "nurse-2": 4, "nurse-3": 5}
    _, said = await debate(summary, panel, rubric, ruled(scored(scores)))
    assert [turn.persona_id for turn in said] == ["nurse-1", "nurse-3", "nurse-2"]


async def test_whoever_was_challenged_answers(summary, panel, rubric, ruled):
    rule = scored(APART | {"nurse-1": 1, "nurse-2": 4, "nurse-3": 5}, kind="question", reply_to="alone/nurse-2")
    _, said = await debate(summary, panel, rubric, ruled(rule))
    assert [turn.persona_id for turn in said] == ["nurse-1", "nurse-2", "nurse-3"]
    assert said[0].reply_to == "alone/nurse-2"


async def test_an_answer_to_a_turn_that_was_not_heard_is_an_answer_to_nobody(summary, panel, rubric, ruled):
    _, said = await debate(summary, panel, rubric, ruled(scored(APART, reply_to="alone/patient-1")))
    assert {turn.reply_to for turn in said} == {None}


async def test_round_robin_follows_the_seeded_order(summary, panel, rubric, ruled):
    result, said = await debate(summary, panel, rubric, ruled(scored(APART)), coordinator="round_robin")
    order = [id_ for id_ in result.transcript.speaking_order if id_.startswith("nurse")]
    assert [turn.persona_id for turn in said] == order


async def test_a_model_may_choose_and_code_chooses_where_it_names_nobody(summary, panel, rubric, ruled):
    def rule(question):
        if question.phase == "coordinate":
            assert not question.section("persona")
            assert not question.section("own")
            return {"speaker": "nurse-2"}
        return {"scores": {"clarity": APART[question.persona]}}

    model = ruled(rule)
    _, said = await debate(summary, panel, rubric, model, coordinator="model")
    assert said[0].persona_id == "nurse-2"
    assert said[0].coordination_keys
    assert said[1].persona_id in ("nurse-1", "nurse-3"), "nurse-2 has spoken in this round"


async def test_a_coordinating_model_is_paid_for_by_purpose(summary, panel, rubric):
    ledger = MemoryLedger()
    protocol = DebateProtocol(coordinator="model", spread_epsilon=0)
    model = open_model("simulated")
    result = await hear(summary, panel, rubric, protocol, models=[model], repeat=0, seed=1, ledger=ledger)
    chosen = [key for turn in result.transcript.turns for key in turn.coordination_keys]
    assert sorted(chosen) == sorted(call.key for call in ledger.calls if call.purpose is Purpose.COORDINATION)
    assert chosen
    assert result.verdicts[Arm.DEBATE].calls == result.calls


def seats(persona, *ids):
    return list(take_seats([persona(id_, id_.split("-")[0]) for id_ in ids], ["m"], Seating.IN_TURN))


@pytest.mark.parametrize(
    ("ids", "tables"),
    [
        (["a-1", "a-2", "b-1", "b-2"], {"a": ["a-1", "a-2"], "b": ["b-1", "b-2"]}),
        (["a-1", "b-1", "c-1"], {CROSS_GROUP_TABLE: ["a-1", "b-1", "c-1"]}),
        (["a-1", "a-2", "b-1", "c-1"], {"a": ["a-1", "a-2"], CROSS_GROUP_TABLE: ["b-1", "c-1"]}),
        (["a-1", "a-2", "a-3", "b-1", "b-2", "c-1"], {"a": ["a-1", "a-2", "a-3"], "b": ["b-1", "b-2", "c-1"]}),
        (["a-1"], {CROSS_GROUP_TABLE: ["a-1"]}),
        ([], {}),
    ],
)
def test_nobody_sits_alone_while_there_is_company(persona, ids, tables):
    assert {table.id: [seat.id for seat in table.seats] for table in set_tables(seats(persona, *ids))} == tables


def test_speaking_order_is_seeded(persona):
    seated = seats(persona, *(f"a-{number}" for number in range(6)))
    orders = {tuple(seat.id for seat in speaking_order(seated, seed, 0)) for seed in range(20)}
    assert len(orders) > 10
    assert speaking_order(seated, 1, 2) == speaking_order(seated[::-1], 1, 2)
