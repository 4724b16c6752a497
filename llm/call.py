"""The record of one attempt at a model, kept for ever: what was sent, what came back, what it cost."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Purpose(StrEnum):
    """What a call was for; cost is reported by it."""

    EXTRACTION = "extraction"
    JUDGING = "judging"
    DEBATING = "debating"
    RESTATING = "restating"
    COORDINATION = "coordination"
    SYNTHESIS = "synthesis"
    OBSERVATION = "observation"


class CallOutcome(StrEnum):
    """How one attempt ended. Only `ok` carries a value; nothing else is ever scored."""

    OK = "ok"
    UNPARSEABLE = "unparseable"
    """Not JSON, not the schema, off its scale, or a grade that was never offered."""
    TRUNCATED = "truncated"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    TIMED_OUT = "timed_out"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    """The provider will not take this request: bad key, unknown model, prompt too long."""


FINAL = frozenset({CallOutcome.OK, CallOutcome.UNPARSEABLE, CallOutcome.TRUNCATED, CallOutcome.REFUSED})
"""Outcomes of a finished reply, paid for and never asked for again; every other one is asked again on resume."""


class Call(BaseModel):
    """One attempt, exact enough to be replayed and to be shown as "what this persona saw"."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """sha256 of the model spec and the request (messages, schema, settings, seed), plus `attempt`."""
    attempt: int
    purpose: Purpose
    model: str
    """The spec that was asked for."""
    model_answered: str | None
    prompt_id: str
    prompt_sha256: str
    messages: tuple[dict[str, str], ...]
    """role and content, exactly as sent."""
    settings: dict[str, Any]
    """temperature, output_tokens_max, seed, schema_name."""
    text: str | None
    """The raw reply; None where none came."""
    outcome: CallOutcome
    error: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_usd: float | None
    """None where the price or the usage is unknown: unknown is not zero."""
    latency_s: float
    started_at: datetime
