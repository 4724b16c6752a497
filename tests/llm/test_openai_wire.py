"""The openai adapter on a real wire: every fault of the bench server ends in its true outcome, nothing is guessed."""

from __future__ import annotations

import asyncio

import pytest

from llm import (
    AskSettings,
    CallOutcome,
    GateSettings,
    MemoryLedger,
    Message,
    ModelConfigurationError,
    Purpose,
    RenderedPrompt,
    ask,
    configure_gates,
    open_model,
    probe,
)
from tests.servers.fixtures import dead_port, start_model_server

SETTINGS = AskSettings(backoff_s=0.001, backoff_max_s=0.01, timeout_s=120, attempts_max=6)


@pytest.fixture(scope="module")
def shared():
    """One server for the tests that do not look at its counts."""
    server = start_model_server()
    yield server
    server.stop()


def _prompt(number: int) -> RenderedPrompt:
    return RenderedPrompt("judge", "0" * 64, (Message("user", f"Judge item {number}."),))


async def _ask_many(base_url, grade, count, ledger=None, settings=SETTINGS, name="bench"):
    model = open_model(f"openai:{name}", base_url=base_url, api_key="k")
    ledger = ledger or MemoryLedger()
    try:
        return await asyncio.gather(
            *(
                ask(model, _prompt(number), grade, purpose=Purpose.JUDGING, settings=settings, ledger=ledger)
                for number in range(count)
            )
        )
    finally:
        await model.aclose()


async def test_a_clean_server_answers(shared, grade):
    shared.set_faults({})
    (answer,) = await _ask_many(shared.base_url, grade, 1)
    assert answer.outcome is CallOutcome.OK
    (call,) = answer.calls
    assert call.model_answered == "bench-1"
    assert call.input_tokens
    assert call.output_tokens
    assert call.model == f"openai:bench@{shared.base_url}"


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("429", CallOutcome.RATE_LIMITED),
        ("500", CallOutcome.SERVER_ERROR),
        ("truncated", CallOutcome.UNPARSEABLE),
        ("length", CallOutcome.TRUNCATED),
        ("off_scale", CallOutcome.UNPARSEABLE),
        ("prose", CallOutcome.UNPARSEABLE),
        ("refusal", CallOutcome.REFUSED),
        ("hang", CallOutcome.TIMED_OUT),
        ("disconnect", CallOutcome.UNREACHABLE),
    ],
)
async def test_each_fault_has_its_outcome(shared, grade, fault, outcome):
    shared.set_faults({fault: 1.0})
    settings = AskSettings(backoff_s=0.001, timeout_s=0.1 if fault == "hang" else 120, attempts_max=2)
    # a model of its own name has a gate of its own: what the other faults did to theirs stays there
    (answer,) = await _ask_many(shared.base_url, grade, 1, settings=settings, name=f"bench-{fault}")
    assert (answer.value, answer.outcome) == (None, outcome)
    assert answer.error


async def test_under_all_faults_together_nothing_is_lost_or_guessed_or_paid_twice(model_server, grade):
    shares = {"429": 0.05, "500": 0.02, "truncated": 0.03, "off_scale": 0.01, "disconnect": 0.01, "length": 0.02}
    server = model_server(faults=shares)
    ledger = MemoryLedger()
    answers = await _ask_many(server.base_url, grade, 300, ledger)
    assert len(answers) == 300
    assert all((answer.value is not None) == (answer.outcome is CallOutcome.OK) for answer in answers)
    assert sum(answer.outcome is CallOutcome.OK for answer in answers) >= 295
    stats = server.stats()
    assert stats["calls"] == len(ledger.calls)
    assert stats["finished_repeated"] == {}
    assert await _ask_many(server.base_url, grade, 300, ledger) == answers
    assert server.stats()["finished"] == stats["finished"]


async def test_a_provider_that_bears_little_is_not_overrun(model_server, grade):
    server = model_server(latency=0.02, capacity=6)
    answers = await _ask_many(server.base_url, grade, 200, settings=AskSettings(backoff_s=0.01))
    assert [answer.outcome for answer in answers] == [CallOutcome.OK] * 200
    stats = server.stats()
    assert stats["calls"] < 400


async def test_resume_in_another_order_after_a_crash_repeats_no_finished_call(model_server, grade):
    server = model_server(latency=0.01, faults={"500": 0.1, "truncated": 0.1})
    ledger = MemoryLedger()
    model = open_model("openai:bench", base_url=server.base_url)

    async def one(number):
        return await ask(model, _prompt(number), grade, purpose=Purpose.JUDGING, settings=SETTINGS, ledger=ledger)

    tasks = [asyncio.create_task(one(number)) for number in range(60)]
    await asyncio.wait(tasks[:30], return_when=asyncio.ALL_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    in_flight = server.stats()["calls"] - len(ledger.calls)
    recorded = {call.key: call for call in ledger.calls}
    answers = await asyncio.gather(*(one(number) for number in reversed(range(60))))
    await model.aclose()
    assert {answer.outcome for answer in answers} <= {CallOutcome.OK, CallOutcome.UNPARSEABLE}
    told = {call.key: call for answer in answers for call in answer.calls}
    assert all(told[key] is call for key, call in recorded.items())
    assert sum(count - 1 for count in server.stats()["finished_repeated"].values()) <= in_flight


async def test_a_server_that_is_down_is_waited_for(model_server, grade):
    with dead_port() as port:
        address, ledger = f"http://127.0.0.1:{port}/v1", MemoryLedger()
        gates = GateSettings(failures_to_open=2, probe_after_s=0.001, probe_after_max_s=0.002)
        configure_gates(gates, f"openai:bench@{address}")
        settings = AskSettings(attempts_max=3, backoff_s=0.001)
        task = asyncio.create_task(_ask_many(address, grade, 12, ledger, settings))
        while len(ledger.calls) <= 12 * settings.attempts_max:  # more than all of them may ask of one that is there
            await asyncio.sleep(0.01)
            assert not task.done()
        model_server(port=port)
        answers = await task
    assert [answer.outcome for answer in answers] == [CallOutcome.OK] * 12


async def test_patience_ends(grade):
    with dead_port() as port:
        address = f"http://127.0.0.1:{port}/v1"
        settings = GateSettings(failures_to_open=2, probe_after_s=0.02, probe_after_max_s=0.02, patience_s=0.1)
        configure_gates(settings, f"openai:bench@{address}")
        answers = await _ask_many(address, grade, 12)
    assert [answer.outcome for answer in answers] == [CallOutcome.UNREACHABLE] * 12
    assert all("openai:bench" in answer.error or "down" in answer.error for answer in answers)


async def test_probe_tells_whether_it_answers(shared):
    shared.set_faults({})
    model = open_model("openai:bench", base_url=shared.base_url)
    assert (await probe(model, timeout_s=120)).model_answered == "bench-1"
    await model.aclose()
    with dead_port() as port:
        model = open_model("openai:bench", base_url=f"http://127.0.0.1:{port}/v1")
        failed = await probe(model, timeout_s=120)
        await model.aclose()
    assert failed.answers is False
    assert "cannot be reached" in failed.error


def test_a_hosted_model_needs_its_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ModelConfigurationError, match="OPENAI_API_KEY"):
        open_model("openai:gpt-5-mini")


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host/v1", "http://user:secret@host/v1"])
def test_bad_addresses_are_told(url):
    with pytest.raises(ModelConfigurationError, match="base URL"):
        open_model("openai:x", base_url=url)


@pytest.mark.parametrize("spec", ["", "gpt-5", "openai:", ":x"])
def test_bad_specs_are_told(spec):
    with pytest.raises(ModelConfigurationError, match="not a spec"):
        open_model(spec)
