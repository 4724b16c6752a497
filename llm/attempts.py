"""Attempts at one request: found in the ledger or sent, recorded, and repeated while that may help."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from llm.call import FINAL, Call, CallOutcome, Purpose
from llm.errors import (
    LlmError,
    ModelConfigurationError,
    ProviderError,
    RequestRejectedError,
    TimedOutError,
    UnparseableReplyError,
)
from llm.gate import gate_for
from llm.ledger import CallLedger, request_key
from llm.model import Model, Reply, Request, Usage, well_formed
from llm.parsing import parse_reply
from llm.pricing import price
from llm.prompt import RenderedPrompt
from llm.replay import ReplayModel

T = TypeVar("T", bound=BaseModel)


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
    """Attempts at one request that fail while the provider as a whole seems alive; see `GateSettings` for when not."""
    backoff_s: float = 0.5
    """First wait after a failure; doubles, with jitter."""
    backoff_max_s: float = 30.0


class Attempts(Generic[T]):
    """The attempts that one question takes, over all the requests that it needs."""

    def __init__(
        self,
        model: Model,
        prompt: RenderedPrompt,
        schema: type[T],
        purpose: Purpose,
        settings: AskSettings,
        ledger: CallLedger,
    ) -> None:
        self.calls: list[Call] = []
        self._model, self._prompt, self._schema, self._purpose = model, prompt, schema, purpose
        self._settings, self._ledger = settings, ledger
        self._gate = gate_for(model.spec)

    async def settle(self, request: Request) -> tuple[Call, T | None]:
        """The last attempt at `request`, found or made, with its value where it has one."""
        key = request_key(self._model.spec, request)
        attempt = failures = 0
        while True:
            attempt += 1
            call = await self._ledger.find(f"{key}-{attempt}")
            if call is not None:
                self.calls.append(call)
                if call.outcome in FINAL:
                    return call, self._value(call)
                continue
            if attempt > 1 and isinstance(self._model, ReplayModel):
                return self.calls[-1], None  # it was given up then
            call, value, failure = await self._attempt(request, f"{key}-{attempt}", attempt)
            self.calls.append(call)
            if not isinstance(failure, ProviderError):
                return call, value
            failures += not self._gate.troubled
            wait_s = max(_backoff_s(self._settings, key, failures), failure.retry_after_s or 0.0)
            hopeless = wait_s > self._gate.settings.patience_s or not self._gate.is_patient
            if hopeless or failures >= self._settings.attempts_max:
                return call, None
            await asyncio.sleep(wait_s)

    def _value(self, call: Call) -> T | None:
        return parse_reply(call.text or "", self._schema) if call.outcome is CallOutcome.OK else None

    async def _attempt(self, request: Request, key: str, attempt: int) -> tuple[Call, T | None, LlmError | None]:
        """Sends `request` once and records what came of it; with the value, or the failure, where there is one."""
        reply: Reply | None = None
        value: T | None = None
        failure: LlmError | None = None
        started_at, started = datetime.now(UTC), time.perf_counter()
        try:
            async with self._gate.admit():
                started_at, started = datetime.now(UTC), time.perf_counter()
                async with asyncio.timeout(request.timeout_s):
                    reply = await self._model.complete(request)
                    reply = replace(reply, text=well_formed(reply.text))
            outcome, error, value = self._judge(reply)
        except (ModelConfigurationError, RequestRejectedError) as refusal:
            failure, outcome, error = refusal, CallOutcome.REJECTED, str(refusal)
        except ProviderError as fault:
            failure, outcome, error = fault, fault.outcome, str(fault)
        except TimeoutError:
            late = TimedOutError(f"no whole reply within {request.timeout_s:g} s")
            failure, outcome, error = late, late.outcome, str(late)
        call = self._record(request, key, attempt, reply, outcome, error, started_at, time.perf_counter() - started)
        await self._ledger.record(call)
        if isinstance(failure, ModelConfigurationError):
            raise failure
        return call, value, failure

    def _judge(self, reply: Reply) -> tuple[CallOutcome, str | None, T | None]:
        if reply.finish == "refusal":
            return CallOutcome.REFUSED, "the model refused to answer", None
        if reply.finish == "length":
            return CallOutcome.TRUNCATED, f"cut off after {reply.usage.output_tokens or 'all allowed'} tokens", None
        try:
            return CallOutcome.OK, None, parse_reply(reply.text, self._schema)
        except UnparseableReplyError as problem:
            return CallOutcome.UNPARSEABLE, str(problem), None

    def _record(
        self,
        request: Request,
        key: str,
        attempt: int,
        reply: Reply | None,
        outcome: CallOutcome,
        error: str | None,
        started_at: datetime,
        latency_s: float,
    ) -> Call:
        usage = reply.usage if reply else Usage()
        sent = (reply.sent if reply else None) or request.messages
        return Call(
            key=key,
            attempt=attempt,
            purpose=self._purpose,
            model=self._model.spec,
            model_answered=reply.model if reply else None,
            prompt_id=self._prompt.prompt_id,
            prompt_sha256=self._prompt.prompt_sha256,
            messages=tuple({"role": message.role, "content": message.content} for message in sent),
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
            cost_usd=price(self._model, usage) if reply else None,
            latency_s=latency_s,
            started_at=started_at,
        )


def _backoff_s(settings: AskSettings, key: str, failures: int) -> float:
    """Doubling waits; the jitter comes out of the key, so callers spread and nothing is drawn at random."""
    share = int(hashlib.sha256(f"{key}-{failures}".encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
    wait = min(settings.backoff_max_s, settings.backoff_s * 2.0 ** (failures - 1))
    return wait * (0.5 + 0.5 * share)
