"""What calls cost: prices from the `genai-prices` table, sums by purpose. Unknown is not zero."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from llm.call import Call, Purpose
from llm.model import Model, Usage
from llm.spec import ModelSpec, parse_spec

_PROVIDERS = {"google_genai": "google", "google_vertexai": "google", "azure_openai": "azure", "mistralai": "mistral"}
"""LangChain's provider names where the price table has others."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What some calls came to. A sum is None as soon as one of its parts is unknown."""

    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_usd: float | None


def price(model: Model | str, usage: Usage) -> float | None:
    """Dollars for `usage` at `model` (or its spec); None where the price or the token counts are unknown.

    The simulated judge costs nothing. A server of one's own has no price in the table: None.
    """
    spec = parse_spec(model if isinstance(model, str) else model.spec)
    if spec.provider == "simulated":
        return 0.0
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    tariff = _tariff(spec)
    return tariff(usage) if tariff else None


@lru_cache(maxsize=64)
def context_window(spec: str) -> int | None:
    """Longest prompt plus reply of a model in tokens, from the price table; None where the table does not say."""
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    parsed = parse_spec(spec)
    try:
        found = calc_price(PricedUsage(input_tokens=1, output_tokens=1), parsed.name, **_place(parsed))
    except LookupError:
        return None
    return found.model.context_window


_WIDE = re.compile(r"[^\u0000-\u024f]")


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` is: a token per 4 characters of Latin script, one per character of others.

    For estimates before a call; what a call used is what the provider counted.
    """
    narrow = len(text) if text.isascii() else len(text) - len(_WIDE.findall(text))
    return -(-narrow // 4) + len(text) - narrow


def spending(calls: Iterable[Call]) -> Spending:
    """The sum over every attempt; a failed attempt without a reply used no tokens that anyone counted."""
    calls = list(calls)
    replied = [call for call in calls if call.text is not None]
    return Spending(
        calls=len(calls),
        input_tokens=_sum(call.input_tokens for call in replied),
        output_tokens=_sum(call.output_tokens for call in replied),
        cached_tokens=_sum(call.cached_tokens for call in replied),
        cost_usd=_sum(call.cost_usd for call in replied),
    )


def spending_by_purpose(calls: Iterable[Call]) -> dict[Purpose, Spending]:
    """`spending` for each purpose that occurs, in the order of `Purpose`."""
    calls = list(calls)
    groups = {purpose: [call for call in calls if call.purpose is purpose] for purpose in Purpose}
    return {purpose: spending(group) for purpose, group in groups.items() if group}


def _sum(values: Iterable[Any]) -> Any:
    values = list(values)
    return None if any(value is None for value in values) else sum(values)


@lru_cache(maxsize=64)
def _tariff(spec: ModelSpec) -> Any:
    """A function from usage to dollars, looked up once per model; None where the table does not know it."""
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    where = _place(spec)

    def tariff(usage: Usage) -> float:
        counted = PricedUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cached_tokens or None,
        )
        return float(calc_price(counted, spec.name, **where).total_price)

    try:
        tariff(Usage(1, 1))
    except LookupError:
        return None
    return tariff


def _place(spec: ModelSpec) -> dict[str, Any]:
    """Where the price table keeps the model."""
    if spec.base_url:
        return {"provider_api_url": spec.base_url}
    return {"provider_id": _PROVIDERS.get(spec.provider, spec.provider)}
