"""The gate in front of a model: how many may go, who waits, when it opens again."""

from __future__ import annotations

import asyncio

import pytest

from llm.errors import RateLimitedError, RequestRejectedError, ServerFaultError, UnreachableError
from llm.gate import Gate, GateSettings, configure_gates, gate_for, troubles


async def _pass(gate, failure=None, hold_s=0.0):
    try:
        async with gate.admit():
            await asyncio.sleep(hold_s)
            if failure is not None:
                raise failure
    except (RateLimitedError, ServerFaultError, UnreachableError, RequestRejectedError) as error:
        return error
    return None


async def test_never_more_in_flight_than_the_limit():
    gate, most = Gate(GateSettings(in_flight_max=5)), 0

    async def one():
        nonlocal most
        async with gate.admit():
            most = max(most, gate.in_flight)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(one() for _ in range(50)))
    assert (most, gate.in_flight) == (5, 0)


async def test_one_burst_of_refusals_halves_once_and_successes_raise_it_again():
    gate = Gate(GateSettings(in_flight_max=16, refusals_window=1000))
    await asyncio.gather(*(_pass(gate, RateLimitedError("429"), 0.001) for _ in range(16)))
    assert gate.limit == 8
    for _ in range(4):
        await _pass(gate)
    assert 8 < gate.limit < 10  # slowly at first: a limit of the provider's is more likely than chance
    for _ in range(100):
        await _pass(gate)
    assert gate.limit == 16


async def test_the_limit_never_falls_below_one():
    gate = Gate(GateSettings(in_flight_max=4, refusals_window=1000))
    for _ in range(10):
        await _pass(gate, RateLimitedError("429"))
    assert gate.limit == 1
    assert await _pass(gate) is None


async def test_a_lone_refusal_does_not_stop_the_others():
    gate = Gate(GateSettings())
    for _ in range(10):
        await _pass(gate)
    await _pass(gate, RateLimitedError("429", retry_after_s=3600))
    assert gate.troubled is False


async def test_being_shut_out_pauses_everyone_for_as_long_as_asked():
    gate, loop = Gate(GateSettings(refusals_window=4)), asyncio.get_running_loop()
    before = loop.time()
    for _ in range(2):
        await _pass(gate, RateLimitedError("429", retry_after_s=0.05))
    await asyncio.gather(*(_pass(gate) for _ in range(5)))
    assert loop.time() - before >= 0.05
    assert gate.troubled is False


async def test_being_shut_out_is_trouble():
    gate = Gate(GateSettings(refusals_window=4))
    for _ in range(2):
        assert gate.troubled is False
        await _pass(gate, RateLimitedError("429", retry_after_s=3600))
    assert gate.troubled


async def test_an_open_circuit_lets_one_probe_through_at_a_time():
    gate = Gate(GateSettings(failures_to_open=3, probe_after_s=0.02, probe_after_max_s=0.02))
    for _ in range(3):
        await _pass(gate, UnreachableError("down"))
    assert gate.is_open
    most = 0

    async def probe():
        nonlocal most
        async with gate.admit():
            most = max(most, gate.in_flight)
            raise UnreachableError("still down")

    await asyncio.gather(*(probe() for _ in range(4)), return_exceptions=True)
    assert most == 1
    assert gate.is_open
    await asyncio.gather(*(_pass(gate, hold_s=0.001) for _ in range(8)))
    assert gate.is_open is False


async def test_a_refused_request_does_not_open_the_circuit():
    gate = Gate(GateSettings(failures_to_open=2))
    for _ in range(5):
        await _pass(gate, RequestRejectedError("too long"))
    assert gate.is_open is False


async def test_out_of_patience_turns_the_waiting_away():
    gate = Gate(GateSettings(2, failures_to_open=1, probe_after_s=0.01, probe_after_max_s=0.01, patience_s=0.03))
    results = await asyncio.gather(*(_pass(gate, UnreachableError("down")) for _ in range(30)))
    assert all(isinstance(result, UnreachableError) for result in results)
    assert any("not sent" in str(result) for result in results)


async def test_a_cancelled_caller_gives_its_place_back():
    gate = Gate(GateSettings(in_flight_max=1))
    holder = asyncio.create_task(_pass(gate, hold_s=10))
    await asyncio.sleep(0)
    waiter = asyncio.create_task(_pass(gate))
    await asyncio.sleep(0)
    waiter.cancel()
    holder.cancel()
    await asyncio.gather(holder, waiter, return_exceptions=True)
    assert gate.in_flight == 0
    assert await _pass(gate) is None


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match="in_flight_max=0"):
        GateSettings(in_flight_max=0)


async def test_a_halving_is_taken_back_where_the_others_in_flight_succeed():
    gate = Gate(GateSettings(in_flight_max=16))
    ends = [RateLimitedError("429"), *[None] * 15]
    await asyncio.gather(*(_pass(gate, end, 0.001) for end in ends))
    assert gate.limit == 16


async def test_a_halving_stays_where_many_are_refused():
    gate = Gate(GateSettings(in_flight_max=16, refusals_window=1000))
    ends = [*[RateLimitedError("429")] * 6, *[None] * 10]
    await asyncio.gather(*(_pass(gate, end, 0.001) for end in ends))
    assert 8 <= gate.limit < 12


async def test_whoever_waits_can_say_for_whom_and_why():
    spec = "openai:down-for-the-test"
    configure_gates(GateSettings(failures_to_open=2, probe_after_s=60.0, patience_s=900.0), spec)
    gate = gate_for(spec)
    for _ in range(2):
        assert spec not in troubles()
        with pytest.raises(UnreachableError):
            async with gate.admit():
                raise UnreachableError("nobody listens there")
    trouble = troubles()[spec]
    assert (trouble.patience_s, trouble.reason, trouble.outcome) == (900.0, "nobody listens there", "unreachable")
    assert trouble.since_s >= 0
    gate._answered(0)
    assert spec not in troubles()
