from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from llm import Call, CallOutcome, Purpose
from service.store import Store, StoreLedger, load_calls, tables

LONG = "the rubric and the item, which stand in every call. " * 20


def call(key: str, text: str = "{}", cost: float | None = 0.25) -> Call:
    return Call(
        key=key, attempt=1, purpose=Purpose.JUDGING, model="simulated", model_answered="simulated", prompt_id="judge",
        prompt_sha256="0" * 64, messages=({"role": "system", "content": LONG}, {"role": "user", "content": key}),
        settings={"seed": 1}, text=text, outcome=CallOutcome.OK, error=None, input_tokens=10, output_tokens=5,
        cached_tokens=None, cost_usd=cost, latency_s=0.1, started_at=datetime.now(UTC),
    )  # fmt: skip


async def test_a_recorded_call_is_found_by_the_next_process(store: Store) -> None:
    first = StoreLedger(store, "rn_1", "ev_1", resumed=False)
    calls = [call(f"k{number}") for number in range(5)]
    await asyncio.gather(*(first.record(one) for one in calls))
    again = StoreLedger(store, "rn_1", "ev_1", resumed=True)
    assert [await again.find(one.key) for one in calls] == calls
    assert await again.find("other") is None
    assert await load_calls(store, "rn_1") == calls


async def test_texts_that_calls_share_are_stored_once(store: Store) -> None:
    for run in ("rn_1", "rn_2"):
        ledger = StoreLedger(store, run, "ev_1", resumed=False)
        for number in range(3):
            await ledger.record(call(f"k{number}"))
    async with store.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tables.call_texts))).scalar() == 1
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tables.calls))).scalar() == 6


async def test_a_key_keeps_its_first_call(store: Store) -> None:
    await StoreLedger(store, "rn_1", "ev_1", resumed=False).record(call("k", "first"))
    await StoreLedger(store, "rn_1", "ev_1", resumed=False).record(call("k", "second"))
    assert [one.text for one in await load_calls(store, "rn_1")] == ["first"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE calls SET body = '{broken' WHERE key = 'k1'",
        "UPDATE calls SET body = '{\"messages\": []}' WHERE key = 'k1'",
        "UPDATE calls SET body = '[]' WHERE key = 'k1'",
    ],
)
async def test_a_damaged_call_is_asked_again_and_the_others_are_not(store: Store, damage: str) -> None:
    ledger = StoreLedger(store, "rn_1", "ev_1", resumed=False)
    for number in range(3):
        await ledger.record(call(f"k{number}"))
    await store.write(lambda connection: connection.execute(sa.text(damage)))
    again = StoreLedger(store, "rn_1", "ev_1", resumed=True)
    assert [await again.find(f"k{number}") is not None for number in range(3)] == [True, False, True]
    await again.record(call("k1", "asked again"))
    assert {one.key: one.text for one in await load_calls(store, "rn_1")} == {
        "k0": "{}",
        "k1": "asked again",
        "k2": "{}",
    }


async def test_a_damaged_text_costs_the_calls_that_hold_it(store: Store) -> None:
    await StoreLedger(store, "rn_1", "ev_1", resumed=False).record(call("k"))
    await store.write(lambda c: c.execute(sa.text("UPDATE call_texts SET body = :body"), {"body": b"no zlib"}))
    assert await StoreLedger(store, "rn_1", "ev_1", resumed=True).find("k") is None
