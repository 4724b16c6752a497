"""Asking a model one question: parsed, range-checked, metered, recorded, never paid twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pydantic import BaseModel

from llm.attempts import AskSettings, Attempts
from llm.call import Call, CallOutcome, Purpose
from llm.ledger import CallLedger, MemoryLedger
from llm.model import Message, Model, Request, well_formed
from llm.prompt import RenderedPrompt
from llm.schema import reply_schema

T = TypeVar("T", bound=BaseModel)

_REPLY_QUOTED_CHARACTERS = 6000  # enough for any judgement; a runaway reply is not paid for again in full
_REPAIR = (
    "Your reply could not be used: {problem}\n"
    "Answer again with one JSON object that satisfies the schema, and nothing else. "
    "Use only grades that were offered."
)


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
    attempts = Attempts(model, prompt, schema, purpose, settings, MemoryLedger() if ledger is None else ledger)
    request = Request(
        messages=tuple(Message(message.role, well_formed(message.content)) for message in prompt.messages),
        schema=reply_schema(schema),
        schema_name=schema.__name__,
        temperature=settings.temperature,
        output_tokens_max=settings.output_tokens_max,
        seed=settings.seed,
        timeout_s=settings.timeout_s,
    )
    repaired = extended = False
    while True:
        call, value = await attempts.settle(request)
        if call.outcome is CallOutcome.UNPARSEABLE and not repaired:
            repaired, request = True, _with_repair(request, call)
        elif call.outcome is CallOutcome.TRUNCATED and not extended:
            extended, request = True, replace(request, output_tokens_max=2 * request.output_tokens_max)
        else:
            return Answer(value, call.outcome, tuple(attempts.calls))


def _with_repair(request: Request, call: Call) -> Request:
    """The same question with the unusable reply and what is wrong with it."""
    reply = Message("assistant", (call.text or "")[:_REPLY_QUOTED_CHARACTERS])
    return replace(request, messages=(*request.messages, reply, Message("user", _REPAIR.format(problem=call.error))))
