"""From a spec to a model, and whether it answers."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from llm.errors import LlmError
from llm.langchain_model import LangChainModel
from llm.model import Message, Model, Request
from llm.openai_model import OpenAIModel
from llm.schema import reply_schema
from llm.simulated import SimulatedJudge, SimulatedParameters
from llm.spec import parse_spec


class Probe(NamedTuple):
    """Whether a model answers, for a person who sets one up."""

    answers: bool
    model_answered: str | None
    latency_s: float
    error: str | None
    """What to put right; None where it answers."""


class _Ready(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ready: bool


def open_model(
    spec: str, *, base_url: str | None = None, api_key: str | None = None, context_tokens: int | None = None
) -> Model:
    """The model that a spec names: `simulated`, `openai:NAME`, or `PROVIDER:NAME` of any provider LangChain knows.

    `openai:NAME` with a base URL is any OpenAI-compatible server; the address may stand in the spec, `openai:NAME@URL`.
    The simulated judge takes its parameters there: `simulated:run_sd=0.5,persona_sd=0`. Nothing is sent: `probe` says
    whether the model answers. An address in the spec goes before `base_url`. context_tokens: what the model takes, where
    the price table does not know it; longer items are refused before anything is asked. Create once and share. Raises `ModelConfigurationError` that names the next step.
    """
    parsed = parse_spec(spec)
    if parsed.provider == "simulated":
        return SimulatedJudge(SimulatedParameters.parse(parsed.name))
    address = parsed.base_url or base_url
    if parsed.provider == "openai":
        return OpenAIModel(parsed.name, base_url=address, api_key=api_key, context_tokens=context_tokens)
    return LangChainModel(
        parsed.provider, parsed.name, base_url=address, api_key=api_key, context_tokens=context_tokens
    )


async def probe(model: Model, timeout_s: float = 20.0) -> Probe:
    """Asks one tiny question, without retries, and says what came of it. Never raises for a model that fails."""
    question = Request(
        messages=(Message("user", 'Answer with {"ready": true}.'),),
        schema=reply_schema(_Ready),
        schema_name="ready",
        output_tokens_max=200,
        timeout_s=timeout_s,
    )
    started, answered, error = time.perf_counter(), None, None
    try:
        async with asyncio.timeout(timeout_s):
            answered = (await model.complete(question)).model
    except TimeoutError:
        error = f"{model.spec} did not answer within {timeout_s:g} s"
    except LlmError as failure:
        error = str(failure)
    return Probe(error is None, answered, time.perf_counter() - started, error)
