"""Asking a model one question: parsed, range-checked, metered, recorded, never paid twice."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from llm.call import Call, CallOutcome, Purpose
from llm.errors import (
    ModelConfigurationError,
    ProviderError,
    RequestRejectedError,
    TimedOutError,
    UnparseableReplyError,
)
from llm.ledger import CallLedger, MemoryLedger, request_key
from llm.model import Message, Model, Reply, Request, Usage
from llm.parsing import parse_reply
from llm.pricing import price
from llm.prompt import RenderedPrompt
from llm.schema import reply_schema

T = TypeVar("T", bound=BaseModel)

FINAL = frozenset({CallOutcome.OK, CallOutcome.UNPARSEABLE, CallOutcome.TRUNCATED, CallOutcome.REFUSED})
"""Outcomes of a finished reply, paid for and never asked for again; every other one is asked again on resume."""

_REPLY_QUOTED_CHARACTERS = 6000  # enough for any judgement; a runaway reply is not paid for again in full
_REPAIR = (
    "Your reply could not be used: {problem}\n"
    "Answer again with one JSON object that satisfies the schema, and nothing else. "
    "Use only grades that were offered."
)


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How one question is asked."""

    temperature: float = 1.0
    seed: int = 0
    output_tokens_max: int = 2048
    """Doubled once when a reply was cut off."""
    timeout_s: float = 120.0
    """For one attempt, from its being sent."""
    attempts_max: int = 5
    """Attempts at one request that fail on the provider's side, while the provider as a whole seems alive."""
    backoff_s: float = 0.5
    """First wait after a failure; doubles, with jitter."""
    backoff_max_s: float = 30.0
    patience_s: float = 600.0
    """How long a question outlives a provider that is down or has shut us out, before it is given up."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of a question. `value` is None unless `outcome` is ok."""

    value: T | None
    outcome: CallOutcome
    calls: tuple[Call, ...]
    """Every attempt in order, those found in the ledger too."""

    @property
    def error(self) -> str | None:
        """Why there is no value."""
        return self.calls[-1].error if self.value is None and self.calls else None


async def ask(
    model: Model,
    prompt: RenderedPrompt,
    schema: type[T],
    *,
    purpose: Purpose,
    settings: AskSettings | None = None,
    ledger: CallLedger | None = None,
) -> Answer[T]:
    """The model's answer as a `schema`.

    Each attempt is recorded in `ledger` before its result is used, and looked up there before it is made: a question
    that was answered once is answered from the ledger with the same value, however often it is asked. A reply that
    cannot be used gets one more try that quotes the error, one that was cut off gets one with twice the tokens;
    failures of the provider are tried again after a pause. What then remains comes back as the outcome.
    Raises `ModelConfigurationError` alone: asking others would fail alike.
    """
    settings = settings or AskSettings()
    question = _Question(model, prompt, schema, purpose, settings, ledger or MemoryLedger())
    request = Request(
        messages=prompt.messages,
        schema=reply_schema(schema),
        schema_name=schema.__name__,
        temperature=settings.temperature,
        output_tokens_max=settings.output_tokens_max,
        seed=settings.seed,
        timeout_s=settings.timeout_s,
    )
    repaired = extended = False
    while True:
        call, value = await question.settle(request)
        if call.outcome is CallOutcome.UNPARSEABLE and not repaired:
            repaired, request = True, _with_repair(request, call)
        elif call.outcome is CallOutcome.TRUNCATED and not extended:
            extended, request = True, replace(request, output_tokens_max=2 * request.output_tokens_max)
        else:
            return Answer(value, call.outcome, tuple(question.calls))


class _Question(Generic[T]):
    """One question on its way: its model, its ledger, and the attempts so far."""

    def __init__(
        self,
        model: Model,
        prompt: RenderedPrompt,
        schema: type[T],
        purpose: Purpose,
        settings: AskSettings,
        ledger: CallLedger,
    ) -> None:
        self.model, self.prompt, self.schema, self.purpose = model, prompt, schema, purpose
        self.settings, self.ledger = settings, ledger
        self.calls: list[Call] = []

    async def settle(self, request: Request) -> tuple[Call, T | None]:
        """The last attempt at `request`, found or made, with its value where it has one."""
        key = request_key(self.model.spec, request)
        attempt = failures = 0
        while True:
            attempt += 1
            call = await self.ledger.find(f"{key}-{attempt}")
            found = call is not None
            if call is None:
                call = await self._attempt(request, f"{key}-{attempt}", attempt)
            self.calls.append(call)
            if call.outcome is CallOutcome.OK:
                return call, parse_reply(call.text or "", self.schema)
            if call.outcome in FINAL:
                return call, None
            if found:
                continue
            failures += 1
            if call.outcome is CallOutcome.REJECTED or failures >= self.settings.attempts_max:
                return call, None
            await asyncio.sleep(_backoff_s(self.settings, key, failures))

    async def _attempt(self, request: Request, key: str, attempt: int) -> Call:
        """Sends `request` once and records what came of it."""
        started_at, started = datetime.now(UTC), time.perf_counter()
        reply: Reply | None = None
        error: str | None = None
        fatal: ModelConfigurationError | None = None
        try:
            async with asyncio.timeout(request.timeout_s):
                reply = await self.model.complete(request)
            outcome, error = self._judge(reply)
        except ModelConfigurationError as failure:
            fatal, outcome, error = failure, CallOutcome.REJECTED, str(failure)
        except RequestRejectedError as failure:
            outcome, error = CallOutcome.REJECTED, str(failure)
        except ProviderError as failure:
            outcome, error = failure.outcome, str(failure)
        except TimeoutError:
            outcome, error = TimedOutError.outcome, f"no whole reply within {request.timeout_s:g} s"
        usage = reply.usage if reply else Usage()
        call = Call(
            key=key,
            attempt=attempt,
            purpose=self.purpose,
            model=self.model.spec,
            model_answered=reply.model if reply else None,
            prompt_id=self.prompt.prompt_id,
            prompt_sha256=self.prompt.prompt_sha256,
            messages=tuple({"role": message.role, "content": message.content} for message in request.messages),
            settings={
                "temperature": request.temperature,
                "output_tokens_max": request.output_tokens_max,
                "seed": request.seed,
                "schema_name": request.schema_name,
            },
            text=reply.text if reply else None,
            outcome=outcome,
            error=error,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            cost_usd=price(self.model, usage),
            latency_s=time.perf_counter() - started,
            started_at=started_at,
        )
        await self.ledger.record(call)
        if fatal is not None:
            raise fatal
        return call

    def _judge(self, reply: Reply) -> tuple[CallOutcome, str | None]:
        if reply.finish == "refusal":
            return CallOutcome.REFUSED, "the model refused to answer"
        if reply.finish == "length":
            return CallOutcome.TRUNCATED, f"cut off after {reply.usage.output_tokens or 'all allowed'} tokens"
        try:
            parse_reply(reply.text, self.schema)
        except UnparseableReplyError as problem:
            return CallOutcome.UNPARSEABLE, str(problem)
        return CallOutcome.OK, None


def _with_repair(request: Request, call: Call) -> Request:
    """The same question with the unusable reply and what is wrong with it."""
    reply = Message("assistant", (call.text or "")[:_REPLY_QUOTED_CHARACTERS])
    return replace(request, messages=(*request.messages, reply, Message("user", _REPAIR.format(problem=call.error))))


def _backoff_s(settings: AskSettings, key: str, failures: int) -> float:
    """Doubling waits; the jitter comes out of the key, so callers spread and nothing is drawn at random."""
    share = int(hashlib.sha256(f"{key}-{failures}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    wait = min(settings.backoff_max_s, settings.backoff_s * 2.0 ** (failures - 1))
    return wait * (0.5 + 0.5 * share)
