"""Any OpenAI-compatible server through the openai SDK over aiohttp: OpenAI, vLLM, llama.cpp, Ollama, gateways."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from weakref import WeakKeyDictionary

from llm.errors import ModelConfigurationError, ServerFaultError, UnreachableError
from llm.faults import fault
from llm.model import Message, Reply, Request, Usage
from llm.pricing import context_window

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_LOG = logging.getLogger(__name__)
_OPENAI_HOST = "api.openai.com"
_CONNECTIONS_MAX = 1024  # the gate bounds calls in flight; the pool must never be the one that makes them wait
_INSTRUCTION = "Answer with one JSON object that satisfies this JSON Schema, and nothing else:\n"


@dataclass(slots=True)
class _Dialect:
    """What this server understands; learned from its refusals, once, and remembered."""

    json_schema: bool = True
    temperature: bool = True
    seed: bool = True
    tokens_field: str = "max_tokens"

    def learn(self, message: str, parameter: str | None) -> bool:
        """Gives up what a refusal was about; False where it was about nothing that can be given up."""
        told = f"{parameter or ''} {message}".lower()
        if self.json_schema and any(word in told for word in ("json_schema", "response_format", "grammar")):
            self.json_schema = False
        elif self.temperature and "temperature" in told:
            self.temperature = False
        elif self.tokens_field in told and "max_completion_tokens" in told and self.tokens_field == "max_tokens":
            self.tokens_field = "max_completion_tokens"
        elif self.seed and (parameter == "seed" or "'seed'" in told):
            self.seed = False
        else:
            return False
        _LOG.warning("the server refused a setting and is asked without it from now on: %s", message[:200])
        return True


class OpenAIModel:
    """One model behind one address. The client and its connections are made once per event loop and shared."""

    def __init__(
        self, name: str, *, base_url: str | None = None, api_key: str | None = None, context_tokens: int | None = None
    ) -> None:
        import openai  # noqa: F401 - takes a second: now, and not out of the first call's time

        self._base_url = _without_secrets(base_url or os.environ.get("OPENAI_BASE_URL") or None)
        self._hosted = self._base_url is None or urlsplit(self._base_url).hostname == _OPENAI_HOST
        key = api_key or os.environ.get("OPENAI_API_KEY")
        if key is None and self._hosted:
            raise ModelConfigurationError(
                f"openai:{name} needs a key: set OPENAI_API_KEY, or give a base URL for a server of your own"
            )
        self._key, self._name = key or "none", name
        self.spec = f"openai:{name}" + (f"@{self._base_url}" if self._base_url else "")
        self.context_tokens = context_tokens or context_window(self.spec)
        self._dialect = _Dialect(tokens_field="max_completion_tokens" if self._hosted else "max_tokens")
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = WeakKeyDictionary()

    async def complete(self, request: Request) -> Reply:
        from openai import APIConnectionError, APIStatusError

        messages, body = self._body(request)
        try:
            data: Any = await self._client().post("/chat/completions", cast_to=object, body=body)
        except APIConnectionError as error:
            # Its subclass for time-outs too: the SDK is given none, and takes a broken connection for one.
            raise UnreachableError(f"{self.spec} cannot be reached: {_cause(error)}") from error
        except APIStatusError as error:
            message, code, parameter = _told(error)
            if error.status_code in (400, 422) and self._dialect.learn(message, parameter):
                return await self.complete(request)
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            raise fault(error.status_code, message, headers, spec=self.spec, code=code) from error
        return self._reply(data, messages if messages is not request.messages else None)

    async def aclose(self) -> None:
        """Closes the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _client(self) -> AsyncOpenAI:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._connect()
        return client

    def _connect(self) -> AsyncOpenAI:
        from httpx2 import Limits
        from openai import AsyncOpenAI, DefaultAioHttpClient

        limits = Limits(max_connections=_CONNECTIONS_MAX, max_keepalive_connections=_CONNECTIONS_MAX)
        return AsyncOpenAI(
            api_key=self._key,
            base_url=self._base_url,
            max_retries=0,  # retries are ours: each attempt is recorded
            timeout=None,  # the time limit is ours too, over the whole attempt
            http_client=DefaultAioHttpClient(limits=limits, timeout=None),
        )

    def _body(self, request: Request) -> tuple[tuple[Message, ...], dict[str, Any]]:
        """The messages as sent, and the request's body."""
        dialect, messages = self._dialect, request.messages
        schema = _supported(request.schema) if self._hosted else request.schema
        wanted: dict[str, Any] = {"name": request.schema_name, "schema": schema, "strict": True}
        form: dict[str, Any] = {"type": "json_schema", "json_schema": wanted}
        if not dialect.json_schema:
            form = {"type": "json_object"}
            messages = (*messages, Message("system", _INSTRUCTION + json.dumps(request.schema)))
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "response_format": form,
            dialect.tokens_field: request.output_tokens_max,
        }
        if dialect.temperature:
            body["temperature"] = request.temperature
        if dialect.seed:
            body["seed"] = request.seed
        return messages, body

    def _reply(self, data: Any, sent: tuple[Message, ...] | None) -> Reply:
        try:
            choice, usage = data["choices"][0], data.get("usage") or {}
            message, reason = choice["message"], choice.get("finish_reason")
            text, refusal = message.get("content") or "", message.get("refusal")
            model = data.get("model") or self._name
        except (TypeError, KeyError, IndexError, AttributeError) as error:
            raise ServerFaultError(
                f"{self.spec} answered with something else than a completion: {data!r:.200}"
            ) from error
        if refusal or reason == "content_filter":
            return Reply(refusal or text, model, _usage(usage), "refusal", sent)
        return Reply(text, model, _usage(usage), "length" if reason == "length" else "stop", sent)


def _cause(error: BaseException) -> str:
    """What lies at the bottom of a chain of errors, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__


def _usage(usage: Mapping[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details") or {}
    return Usage(usage.get("prompt_tokens"), usage.get("completion_tokens"), details.get("cached_tokens"))


def _told(error: APIStatusError) -> tuple[str, str | None, str | None]:
    """The message, code and parameter of a refusal, where the server gave them in OpenAI's form."""
    body = error.body if isinstance(error.body, dict) else {}
    message = body.get("message")
    text = message if isinstance(message, str) else error.message
    code, parameter = body.get("code"), body.get("param")
    return text, code if isinstance(code, str) else None, parameter if isinstance(parameter, str) else None


def _supported(schema: Any) -> Any:
    """The schema without what OpenAI's strict mode refuses: lengths of text, which our own validation keeps."""
    if isinstance(schema, list):
        return [_supported(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    lengths = ("minLength", "maxLength") if schema.get("type") == "string" else ()
    return {key: _supported(part) for key, part in schema.items() if key not in lengths}


def _without_secrets(url: str | None) -> str | None:
    """The address without a trailing slash. Raises where it is none, or holds a password that would be shown."""
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelConfigurationError(f"base URL {url!r} is no address: write it like 'http://127.0.0.1:8000/v1'")
    if parts.username or parts.password:
        raise ModelConfigurationError("base URL holds a user name or password: give the key as the API key instead")
    return urlunsplit(parts).rstrip("/")
