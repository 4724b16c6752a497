"""Every other provider through LangChain's `init_chat_model`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from llm.errors import LlmError, ModelConfigurationError, ServerFaultError, TimedOutError, UnreachableError
from llm.faults import fault
from llm.model import Reply, Request, Usage
from llm.pricing import context_window

_EXTRAS = {"anthropic": "anthropic", "google_genai": "google", "google_vertexai": "google"}
"""Providers that have an extra of their own; the others need LangChain and the provider's package."""
_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})
_REFUSED = frozenset({"refusal", "content_filter", "safety", "prohibited_content", "blocklist", "recitation"})


class LangChainModel:
    """A model of any provider that LangChain knows, asked for structured output the way that provider does it."""

    def __init__(
        self,
        provider: str,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        context_tokens: int | None = None,
    ) -> None:
        self._provider, self._name = provider, name
        self._options: dict[str, Any] = {
            key: value for key, value in (("base_url", base_url), ("api_key", api_key)) if value
        }
        self.spec = f"{provider}:{name}" + (f"@{base_url}" if base_url else "")
        self.context_tokens = context_tokens or context_window(self.spec)
        self._chats: dict[tuple[float, int], Any] = {}
        self._chat(1.0, 2048)  # a missing package or key is found now, before anything is asked

    async def complete(self, request: Request) -> Reply:
        chat = self._chat(request.temperature, request.output_tokens_max)
        schema = {"title": request.schema_name, "description": "The answer.", **request.schema}
        asked = chat.with_structured_output(schema, include_raw=True)
        messages = [(message.role, message.content) for message in request.messages]
        try:
            answer = await asked.ainvoke(messages)
        except (LlmError, asyncio.CancelledError):
            raise
        except Exception as error:  # each provider's package has errors of its own: told apart by their status
            raise self._failure(error) from error
        return self._reply(answer["raw"])

    async def aclose(self) -> None:
        """LangChain's clients close with the process."""
        self._chats.clear()

    def _chat(self, temperature: float, output_tokens_max: int) -> Any:
        settings = (temperature, output_tokens_max)
        if settings not in self._chats:
            self._chats[settings] = self._open(temperature, output_tokens_max)
        return self._chats[settings]

    def _open(self, temperature: float, output_tokens_max: int) -> Any:
        extra = _EXTRAS.get(self._provider, "providers")
        try:
            from langchain.chat_models import init_chat_model

            return init_chat_model(
                self._name,
                model_provider=self._provider,
                temperature=temperature,
                max_tokens=output_tokens_max,
                max_retries=0,
                **self._options,
            )
        except ImportError as error:
            raise ModelConfigurationError(
                f"{self.spec} needs a package that is not installed ({error}): pip install 'rehearing[{extra}]'"
            ) from error
        except Exception as error:  # wrong provider, missing key: LangChain raises ValueError, packages their own
            raise ModelConfigurationError(f"{self.spec} cannot be opened: {error}") from error

    def _failure(self, error: Exception) -> LlmError:
        response = getattr(error, "response", None)
        status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
        headers: Mapping[str, str] = getattr(response, "headers", None) or {}
        if isinstance(status, int):
            lower = {str(name).lower(): str(value) for name, value in headers.items()}
            return fault(status, str(error), lower, spec=self.spec)
        kind = type(error).__name__
        if isinstance(error, TimeoutError) or "Timeout" in kind:
            return TimedOutError(f"{self.spec}: no answer in time")
        if isinstance(error, ConnectionError) or "Connect" in kind:
            return UnreachableError(f"{self.spec} cannot be reached: {error}")
        return ServerFaultError(f"{self.spec} failed: {kind}: {error}")

    def _reply(self, raw: Any) -> Reply:
        told = raw.response_metadata or {}
        reason = str(told.get("stop_reason") or told.get("finish_reason") or "stop").lower()
        text = json.dumps(raw.tool_calls[0]["args"]) if raw.tool_calls else str(raw.text)
        model = told.get("model_name") or told.get("model") or self._name
        finish: Any = "length" if reason in _CUT else "refusal" if reason in _REFUSED else "stop"
        return Reply(text, model, _usage(raw.usage_metadata or {}), finish)


def _usage(usage: Mapping[str, Any]) -> Usage:
    details = usage.get("input_token_details") or {}
    return Usage(usage.get("input_tokens"), usage.get("output_tokens"), details.get("cache_read"))
