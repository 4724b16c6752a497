"""Providers that come through LangChain: replies, failures, and what to install."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from llm import AskSettings, CallOutcome, ModelConfigurationError, Purpose, ask, open_model

USAGE = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12, "input_token_details": {"cache_read": 4}}


class FakeChat(BaseChatModel):
    """Calls the tool that it is given, as Anthropic's structured output does, or raises."""

    line: Any = None
    reason: str = "end_turn"
    asked: list[Any] = []

    @property
    def _llm_type(self) -> str:
        return "fake"

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=tools)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.asked.append(messages)
        if isinstance(self.line, Exception):
            raise self.line
        told = {"model_name": "fake-1", "stop_reason": self.reason}
        if isinstance(self.line, str):
            message = AIMessage(self.line, response_metadata=told, usage_metadata=USAGE)
        else:
            call = {"name": "Grade", "args": self.line, "id": "1"}
            message = AIMessage("", tool_calls=[call], response_metadata=told, usage_metadata=USAGE)
        return ChatResult(generations=[ChatGeneration(message=message)])


class FakeProviderError(Exception):
    def __init__(self, status_code):
        super().__init__(f"status {status_code}")
        self.status_code = status_code


@pytest.fixture
def open_fake(monkeypatch):
    def opened(line, reason="end_turn"):
        chat = FakeChat(line=line, reason=reason, asked=[])
        monkeypatch.setattr("langchain.chat_models.init_chat_model", lambda *_, **__: chat)
        return open_model("anthropic:fake"), chat

    return opened


async def _ask(model, question, grade):
    settings = AskSettings(attempts_max=2, backoff_s=0.0)
    return await ask(model, question, grade, purpose=Purpose.JUDGING, settings=settings)


async def test_a_reply_by_tool_call(open_fake, question, grade, good):
    model, chat = open_fake(json.loads(good))
    answer = await _ask(model, question, grade)
    assert answer.value.scores.accuracy == 4
    (call,) = answer.calls
    assert (call.model, call.model_answered) == ("anthropic:fake", "fake-1")
    assert (call.input_tokens, call.output_tokens, call.cached_tokens) == (9, 3, 4)
    assert [message.content for message in chat.asked[0]] == ["You judge.", "Judge this."]


async def test_a_reply_as_text(open_fake, question, grade, good):
    model, _ = open_fake(good)
    assert (await _ask(model, question, grade)).outcome is CallOutcome.OK


@pytest.mark.parametrize(
    ("line", "reason", "outcome"),
    [
        ({"reasoning": "x", "scores": {"accuracy": 9}}, "tool_use", CallOutcome.UNPARSEABLE),
        ({"reasoning": "x"}, "max_tokens", CallOutcome.TRUNCATED),
        ("I cannot.", "refusal", CallOutcome.REFUSED),
        (FakeProviderError(429), "", CallOutcome.RATE_LIMITED),
        (FakeProviderError(503), "", CallOutcome.SERVER_ERROR),
        (FakeProviderError(413), "", CallOutcome.REJECTED),
        (TimeoutError(), "", CallOutcome.TIMED_OUT),
        (ConnectionResetError("gone"), "", CallOutcome.UNREACHABLE),
        (RuntimeError("odd"), "", CallOutcome.SERVER_ERROR),
    ],
)
async def test_failures_keep_their_kind(open_fake, question, grade, line, reason, outcome):
    model, _ = open_fake(line, reason)
    answer = await _ask(model, question, grade)
    assert (answer.value, answer.outcome) == (None, outcome)


async def test_a_wrong_key_raises(open_fake, question, grade):
    model, _ = open_fake(FakeProviderError(401))
    with pytest.raises(ModelConfigurationError, match="API key"):
        await _ask(model, question, grade)


@pytest.mark.parametrize(
    ("provider", "extra"), [("anthropic", "anthropic"), ("google_genai", "google"), ("groq", "providers")]
)
def test_a_missing_package_is_named(monkeypatch, provider, extra):
    def missing(*_: Any, **__: Any) -> Any:
        raise ImportError(f"langchain-{provider} is not installed")

    monkeypatch.setattr("langchain.chat_models.init_chat_model", missing)
    with pytest.raises(ModelConfigurationError, match=rf"rehearing\[{extra}\]"):
        open_model(f"{provider}:some-model")


def test_an_unknown_provider_is_told():
    with pytest.raises(ModelConfigurationError, match="nobody:x"):
        open_model("nobody:x")
