"""Cost: known prices, unknown ones, sums by purpose. Unknown is not zero."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm import Call, CallOutcome, Purpose, Usage, estimate_tokens, price, spending, spending_by_purpose


def _call(purpose=Purpose.JUDGING, text="x", tokens=10, cost=0.5):
    return Call(
        key="k-1",
        attempt=1,
        purpose=purpose,
        model="openai:x",
        model_answered=None,
        prompt_id="p",
        prompt_sha256="0",
        messages=(),
        settings={},
        text=text,
        outcome=CallOutcome.OK if text else CallOutcome.TIMED_OUT,
        error=None,
        input_tokens=tokens,
        output_tokens=tokens,
        cached_tokens=0,
        cost_usd=cost,
        latency_s=0.1,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_known_model_has_its_price():
    # gpt-4o-mini: $0.15 and $0.60 a million tokens, $0.075 for cached input
    assert price("openai:gpt-4o-mini", Usage(1_000_000, 1_000_000)) == pytest.approx(0.75)
    assert price("openai:gpt-4o-mini", Usage(1_000_000, 0, 1_000_000)) == pytest.approx(0.075)


def test_cached_input_is_not_dearer():
    assert price("anthropic:claude-3-5-haiku-latest", Usage(1000, 10, 900)) < price(
        "anthropic:claude-3-5-haiku-latest", Usage(1000, 10)
    )


def test_unknown_stays_unknown_and_simulated_is_free():
    assert price("openai:nobody-knows-it", Usage(1, 1)) is None
    assert price("openai:gpt-4o-mini@http://127.0.0.1:8000/v1", Usage(1, 1)) is None
    assert price("openai:gpt-4o-mini", Usage(None, 1)) is None
    assert price("simulated:run_sd=1", Usage(1, 1)) == 0.0


def test_sums_by_purpose():
    calls = [_call(), _call(), _call(Purpose.DEBATING, tokens=5, cost=0.25), _call(text=None, tokens=None, cost=None)]
    by_purpose = spending_by_purpose(calls)
    assert list(by_purpose) == [Purpose.JUDGING, Purpose.DEBATING]
    assert by_purpose[Purpose.JUDGING].calls == 3  # the attempt without a reply counts as a call, and cost nothing
    assert by_purpose[Purpose.JUDGING].cost_usd == 1.0
    assert spending(calls).output_tokens == 25


def test_one_unknown_part_makes_the_sum_unknown():
    assert spending([_call(), _call(cost=None)]).cost_usd is None
    assert spending([_call(), _call(cost=None)]).input_tokens == 20


@given(st.text(), st.text())
def test_estimates_grow_with_the_text(first, second):
    together = estimate_tokens(first + second)
    assert max(estimate_tokens(first), estimate_tokens(second)) <= together
    assert together <= estimate_tokens(first) + estimate_tokens(second)


def test_other_scripts_cost_more():
    assert estimate_tokens("a" * 400) == 100
    assert estimate_tokens("語" * 400) == 400
