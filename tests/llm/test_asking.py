"""One question: what is asked again, what is kept, what is never paid twice."""

from __future__ import annotations

import asyncio

import pytest

from llm import (
    AskSettings,
    Call,
    CallOutcome,
    GateSettings,
    MemoryLedger,
    Message,
    ModelConfigurationError,
    Purpose,
    RateLimitedError,
    RenderedPrompt,
    Reply,
    RequestRejectedError,
    ServerFaultError,
    TimedOutError,
    UnreachableError,
    Usage,
    ask,
    configure_gates,
)

FAST = AskSettings(backoff_s=0.0, attempts_max=3)
CUT = Reply('{"reasoning": "It cov', "scripted", Usage(100, 8), "length")
REFUSAL = Reply("I cannot help with that.", "scripted", Usage(100, 8), "refusal")


async def _ask(model, question, grade, ledger=None, settings=FAST):
    return await ask(model, question, grade, purpose=Purpose.JUDGING, settings=settings, ledger=ledger)


async def test_answer_carries_value_and_exact_record(scripted, question, grade, good):
    answer = await _ask(scripted(good), question, grade)
    assert answer.outcome is CallOutcome.OK
    assert answer.value.scores.accuracy == 4
    (call,) = answer.calls
    assert [message["content"] for message in call.messages] == ["You judge.", "Judge this."]
    assert (call.text, call.input_tokens, call.output_tokens) == (good, 100, 20)
    assert (call.model, call.model_answered, call.attempt) == ("openai:scripted", "scripted-2026", 1)
    assert call.cost_usd is None  # the price table does not know it: unknown, not zero


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "I would say 4.",
        "4",
        '{"reasoning": "x", "scores": {"accuracy": 6}}',
        '{"reasoning": "x", "scores": {"accuracy": 0}}',
        '{"reasoning": "x", "scores": {"accuracy": 4.5}}',
        '{"reasoning": "x", "scores": {"accuracy": "4"}}',
        '{"reasoning": "x", "scores": {"accuracy": true}}',
        '{"reasoning": "x", "scores": {"accuracy": null}}',
        '{"reasoning": "x", "scores": {"accuracy": 2, "accuracy": 4}}',
        '{"reasoning": "x", "scores": {"accuracy": 4, "style": 4}}',
        '{"reasoning": "I give 4", "scores": {}}',
        '{"reasoning": "x", "scores": {"accuracy": NaN}}',
        '{"reasoning": "x", "scores": {"accuracy": 4}} {"reasoning": "y", "scores": {"accuracy": 2}}',
        '[{"reasoning": "x", "scores": {"accuracy": 4}}]',
        "[" * 100_000,
    ],
)
async def test_an_unusable_reply_is_never_scored(scripted, question, grade, bad):
    answer = await _ask(scripted(bad, bad), question, grade)
    assert answer.value is None
    assert answer.outcome is CallOutcome.UNPARSEABLE
    assert len(answer.calls) == 2


async def test_repair_quotes_the_error_and_the_reply(scripted, question, grade, good):
    bad = '{"reasoning": "x", "scores": {"accuracy": 9}}'
    model = scripted(bad, good)
    answer = await _ask(model, question, grade)
    assert answer.outcome is CallOutcome.OK
    assert [call.outcome for call in answer.calls] == [CallOutcome.UNPARSEABLE, CallOutcome.OK]
    *_, reply, repair = model.requests[1].messages
    assert (reply.role, reply.content) == ("assistant", bad)
    assert "scores.accuracy" in repair.content
    assert "9" in repair.content
    assert answer.calls[0].key != answer.calls[1].key


async def test_truncated_is_asked_once_more_with_twice_the_tokens(scripted, question, grade, good):
    model = scripted(CUT, good)
    answer = await _ask(model, question, grade)
    assert answer.outcome is CallOutcome.OK
    assert [request.output_tokens_max for request in model.requests] == [2048, 4096]
    twice = await _ask(scripted(CUT, CUT), question, grade)
    assert (twice.value, twice.outcome) == (None, CallOutcome.TRUNCATED)


async def test_refusal_is_final(scripted, question, grade):
    answer = await _ask(scripted(REFUSAL), question, grade)
    assert (answer.value, answer.outcome, len(answer.calls)) == (None, CallOutcome.REFUSED, 1)
    assert answer.error


@pytest.mark.parametrize(
    "failure", [RateLimitedError("slow"), ServerFaultError("500"), TimedOutError("late"), UnreachableError("down")]
)
async def test_failures_of_the_provider_are_tried_again(scripted, question, grade, good, failure):
    answer = await _ask(scripted(failure, failure, good), question, grade)
    assert answer.outcome is CallOutcome.OK
    assert [call.attempt for call in answer.calls] == [1, 2, 3]
    given_up = await _ask(scripted(failure, failure, failure), question, grade)
    assert (given_up.value, given_up.outcome) == (None, failure.outcome)


async def test_a_request_that_cannot_be_answered_is_not_repeated(scripted, question, grade):
    answer = await _ask(scripted(RequestRejectedError("prompt of 9000 tokens, limit 4096")), question, grade)
    assert (answer.outcome, len(answer.calls)) == (CallOutcome.REJECTED, 1)
    assert "9000" in answer.error


async def test_configuration_errors_raise_and_are_recorded(scripted, question, grade):
    ledger = MemoryLedger()
    with pytest.raises(ModelConfigurationError, match="key"):
        await _ask(scripted(ModelConfigurationError("wrong key")), question, grade, ledger)
    assert [call.outcome for call in ledger.calls] == [CallOutcome.REJECTED]


async def test_a_finished_call_is_never_paid_again(scripted, question, grade, good):
    ledger = MemoryLedger()
    first = await _ask(scripted(ServerFaultError("500"), "not json", CUT, good), question, grade, ledger)
    silent = scripted()
    again = await _ask(silent, question, grade, ledger)
    assert silent.requests == []
    assert again == first
    assert again.outcome is CallOutcome.OK


@pytest.mark.parametrize("survivors", range(5))
async def test_resume_after_any_crash_pays_only_for_what_is_missing(scripted, question, grade, good, survivors):
    script = [ServerFaultError("500"), "not json", CUT, good]
    whole = MemoryLedger()
    first = await _ask(scripted(*script), question, grade, whole)
    left = MemoryLedger(whole.calls[:survivors])
    model = scripted(*script[survivors:])
    resumed = await _ask(model, question, grade, left)
    assert len(model.requests) == len(script) - survivors
    assert resumed.value == first.value
    assert [call.key for call in resumed.calls] == [call.key for call in first.calls]


async def test_a_run_of_failures_is_asked_again_on_resume(scripted, question, grade, good):
    ledger = MemoryLedger()
    failed = await _ask(scripted(*[ServerFaultError("500")] * 3), question, grade, ledger)
    assert failed.outcome is CallOutcome.SERVER_ERROR
    resumed = await _ask(scripted(good), question, grade, ledger)
    assert resumed.outcome is CallOutcome.OK
    assert [call.attempt for call in resumed.calls] == [1, 2, 3, 4]


async def test_seed_model_and_settings_are_part_of_the_key(scripted, question, grade, good):
    ledger = MemoryLedger()
    for seed, temperature in [(0, 1.0), (1, 1.0), (0, 0.0)]:
        settings = AskSettings(seed=seed, temperature=temperature)
        await _ask(scripted(good), question, grade, ledger, settings)
    other = scripted(good)
    other.spec = "openai:another"
    await _ask(other, question, grade, ledger)
    assert len(ledger.calls) == 4


async def test_a_hanging_model_times_out(scripted, question, grade):
    model = scripted()

    async def hang(request):
        await asyncio.Event().wait()

    model.complete = hang
    answer = await _ask(model, question, grade, settings=AskSettings(timeout_s=0.01, attempts_max=2, backoff_s=0))
    assert answer.outcome is CallOutcome.TIMED_OUT
    assert len(answer.calls) == 2


async def test_lone_surrogates_are_replaced_in_and_out(scripted, grade):
    prompt = RenderedPrompt("judge", "0" * 64, (Message("user", "Judge \ud800 and 😀."),))
    reply = '{"reasoning": "\udfff", "scores": {"accuracy": 4}}'
    model = scripted(reply, reply)
    answer = await _ask(model, prompt, grade)
    assert model.requests[0].messages[0].content == "Judge \ufffd and 😀."
    assert answer.value.reasoning == "\ufffd"
    assert Call.model_validate_json(answer.calls[0].model_dump_json()) == answer.calls[0]


async def test_a_refused_caller_waits_as_long_as_it_was_asked_to(scripted, question, grade, good):
    loop = asyncio.get_running_loop()
    before = loop.time()
    await _ask(scripted(RateLimitedError("429", retry_after_s=0.06), good), question, grade)
    assert loop.time() - before >= 0.05


async def test_a_wait_beyond_all_patience_is_not_begun(scripted, question, grade):
    answer = await _ask(scripted(RateLimitedError("429", retry_after_s=86_400)), question, grade)
    assert (answer.outcome, len(answer.calls)) == (CallOutcome.RATE_LIMITED, 1)


async def test_who_is_alone_with_a_dead_provider_waits_for_it(scripted, question, grade, good):
    model = scripted(*[ServerFaultError("503")] * 12, good)
    model.spec = "openai:asked-by-one-alone"
    configure_gates(GateSettings(probe_after_s=0.01, probe_after_max_s=0.02), model.spec)
    answer = await _ask(model, question, grade, settings=AskSettings(backoff_s=0.0))
    assert (answer.outcome, len(answer.calls)) == (CallOutcome.OK, 13)
