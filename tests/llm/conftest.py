"""Models that say what a test tells them to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from llm import Message, RenderedPrompt, Reply, Request, Usage

GOOD = '{"reasoning": "It covers the source.", "scores": {"accuracy": 4}}'


class Scores(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    accuracy: Literal[1, 2, 3, 4, 5]


class Grade(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    reasoning: str = Field(max_length=400)
    scores: Scores


@dataclass
class ScriptedModel:
    """Answers with the next line of its script: a text, a whole reply, or a failure to raise."""

    script: list[str | Reply | Exception]
    spec: str = "openai:scripted"
    context_tokens: int | None = None
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        line = self.script.pop(0)
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Reply):
            return line
        return Reply(line, "scripted-2026", Usage(100, 20), "stop")

    async def aclose(self) -> None:
        pass


@pytest.fixture
def scripted() -> Callable[..., ScriptedModel]:
    def make(*script: str | Reply | Exception) -> ScriptedModel:
        return ScriptedModel(list(script))

    return make


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def grade() -> type[BaseModel]:
    return Grade


@pytest.fixture
def question() -> RenderedPrompt:
    messages: Sequence[Message] = (Message("system", "You judge."), Message("user", "Judge this."))
    return RenderedPrompt("judge", "0" * 64, tuple(messages))
