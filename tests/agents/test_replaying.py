"""A stored run is made again from its calls, and a frozen transcript is judged again."""

from __future__ import annotations

import pytest

from agents import (
    Arm,
    DebateProtocol,
    Phase,
    ReplayDifferedError,
    commitment,
    hear,
    measure_commitment,
    rejudge,
    replay,
)
from llm import Call, MemoryLedger, ReplayMissError, RequestRejectedError, ServerFaultError, open_model

ALL = DebateProtocol(arms=tuple(Arm), turns_max=4, coordinator="model")


@pytest.mark.parametrize("kind", ["summary", "dialogue", "pair"])
async def test_a_run_replays_bit_for_bit_without_a_model(kind, request, panel, rubric):
    item, ledger = request.getfixturevalue(kind), MemoryLedger()
    models = [open_model("simulated:malformed=0.2"), open_model("simulated:seed=3")]
    result = await hear(item, panel, rubric, ALL, models=models, repeat=1, seed=5, ledger=ledger, run_id="run-1")
    stored = [Call.model_validate_json(call.model_dump_json()) for call in ledger.calls]
    again = await replay(item, panel, rubric, ALL, result.run, stored, expected=result)
    assert again.model_dump_json() == result.model_dump_json()


async def test_a_run_with_lost_judges_replays_too(summary, panel, rubric, ruled):
    ledger = MemoryLedger()

    def rule(question):
        return RequestRejectedError("too long") if question.persona == "nurse-2" else None

    result = await hear(summary, panel, rubric, ALL, models=[ruled(rule)], repeat=1, seed=5, ledger=ledger)
    assert await replay(summary, panel, rubric, ALL, result.run, ledger.calls, expected=result) == result


async def test_changed_calls_and_other_input_are_noticed(summary, panel, rubric):
    ledger = MemoryLedger()
    result = await hear(summary, panel, rubric, ALL, models=[open_model("simulated")], repeat=0, seed=5, ledger=ledger)
    last = ledger.calls[-1]
    changed = last.model_copy(update={"input_tokens": (last.input_tokens or 0) + 1})
    with pytest.raises(ReplayDifferedError, match="input_tokens"):
        await replay(summary, panel, rubric, ALL, result.run, [*ledger.calls[:-1], changed], expected=result)
    other = summary.model_copy(update={"output": "Another output."})
    with pytest.raises(ReplayMissError):
        await replay(other, panel, rubric, ALL, result.run, ledger.calls)


async def test_resuming_asks_only_what_is_missing(summary, panel, rubric, ruled):
    ledger, model = MemoryLedger(), ruled(lambda question: {"scores": {"clarity": 1 + question.request.seed % 5}})
    whole = await hear(summary, panel, rubric, ALL, models=[model], repeat=0, seed=1, ledger=ledger)
    for kept in (0, 3, len(ledger.calls) // 2, len(ledger.calls) - 1):
        half, again = MemoryLedger(ledger.calls[:kept]), ruled(model.rule)
        resumed = await hear(summary, panel, rubric, ALL, models=[again], repeat=0, seed=1, ledger=half)
        assert resumed == whole
        assert len(again.requests) == len(ledger.calls) - kept


async def test_rejudging_draws_from_the_transcript_as_it_stood(dialogue, panel, rubric, ruled):
    model = ruled(
        lambda question: {
            "scores": {"clarity": 1 + sum(map(ord, question.persona)) % 5},
            "argument": f"Said in {question.task['turn']}.",
        }
    )
    protocol = DebateProtocol(spread_epsilon=0, turns_max=3, synthesis=False)
    result = await hear(dialogue, panel, rubric, protocol, models=[model], repeat=0, seed=1)
    transcript = result.transcript
    said = [turn.id for turn in transcript.turns if turn.phase is Phase.DEBATE and turn.group_id == "nurse"]
    model.requests.clear()
    draws = await rejudge(dialogue, panel, rubric, protocol, transcript, models=[model], after=1, times=4, repeat=0, seed=9)  # fmt: skip
    assert len(draws) == 4
    assert len(model.requests) == 20
    assert len({request.seed for request in model.requests}) == 20
    for request in model.requests:
        words = "\n".join(message.content for message in request.messages[:-1])
        assert f'"turn": "{said[1]}"' not in words
    told = []
    known = await commitment(
        dialogue, panel, rubric, protocol, transcript, models=[model], times=3, repeat=0, seed=9,
        progress=lambda *done: told.append(done),
    )  # fmt: skip
    assert [part.after for part in known["clarity"]] == [0, 1, 2, 3]
    assert {part.n_asked for part in known["clarity"]} == {3}
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


async def test_who_is_judged_again_hears_its_peers_in_the_order_of_the_run(dialogue, panel, rubric, ruled, ask_of):
    protocol, model = DebateProtocol(turns_max=2, synthesis=False), ruled(lambda _: None)
    orders = set()
    for repeat in (0, 1, 2):
        result = await hear(dialogue, panel, rubric, protocol, models=[model], repeat=repeat, seed=1)
        model.requests.clear()
        await rejudge(
            dialogue,
            panel,
            rubric,
            protocol,
            result.transcript,
            models=[model],
            after=0,
            times=1,
            repeat=repeat,
            seed=1,
        )
        heard = {q.persona: [part.name for part in q.section("peer")] for q in map(ask_of, model.requests)}
        order = [seat for seat in result.transcript.speaking_order if seat.startswith("nurse")]
        assert heard["nurse-1"] == [seat for seat in order if seat != "nurse-1"]
        orders.add(tuple(order))
    assert len(orders) > 1, "one order for all repeats would show nothing"


def test_commitment_by_hand():
    known = measure_commitment(2, [4.0, 4.2, 3.5, 2.0, None])
    assert (known.n_used, known.n_asked, known.modal_share) == (4, 5, 0.75)
    assert known.entropy == pytest.approx(0.8112781)
    assert measure_commitment(0, [3.0, 3.0]).entropy == 0.0
    nothing = measure_commitment(0, [None])
    assert (nothing.modal_share, nothing.entropy) == (None, None)


async def test_a_provider_that_comes_back_changes_nothing_but_the_attempts(summary, panel, rubric, ruled):
    failed = set()

    def rule(question):
        if question.task["turn"] == "alone/nurse-1" and not failed:
            failed.add(1)
            return ServerFaultError("down")
        return None

    steady = await hear(summary, panel, rubric, ALL, models=[ruled(lambda _: None)], repeat=0, seed=1)
    shaken = await hear(summary, panel, rubric, ALL, models=[ruled(rule)], repeat=0, seed=1)
    assert shaken.calls == steady.calls + 1
    assert {a: v.dimensions for a, v in shaken.verdicts.items()} == {
        a: v.dimensions for a, v in steady.verdicts.items()
    }
