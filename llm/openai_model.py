"""Any OpenAI-compatible server over aiohttp: OpenAI, vLLM, llama.cpp, Ollama, gateways.

One request of the protocol is used, and every retry, time limit and outcome is ours; the openai SDK would add nothing
but three times the work on the client's side (docs/adr/0002).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

from llm.errors import ModelConfigurationError, ServerFaultError, UnreachableError
from llm.faults import fault
from llm.model import Message, Reply, Request, Usage
from llm.pricing import context_window

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import ClientSession

_LOG = logging.getLogger(__name__)
_OPENAI_HOST = "api.openai.com"
_OPENAI_URL = f"https://{_OPENAI_HOST}/v1"
_IDLE_S = 4.0  # uvicorn, under many a server, hangs up after 5: a call must not meet that moment
_CONNECT_S = 15.0  # a host that swallows packets must not cost a whole attempt's time
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
        import aiohttp  # noqa: F401 - takes a while: now, and not out of the first call's time

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
        self._url = f"{self._base_url or _OPENAI_URL}/chat/completions"
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, ClientSession] = WeakKeyDictionary()

    async def complete(self, request: Request) -> Reply:
        from aiohttp import ClientError

        messages, body = self._body(request)
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            async with self._session().post(self._url, data=content) as response:
                status, headers, raw = response.status, response.headers, await response.read()
        except (ClientError, OSError) as error:
            raise UnreachableError(f"{self.spec} cannot be reached: {_cause(error)}") from error
        if status != 200:
            message, code, parameter = _told(raw)
            if status in (400, 422) and self._dialect.learn(message, parameter):
                return await self.complete(request)
            raise fault(status, message, headers, spec=self.spec, code=code)
        return self._reply(raw, messages if messages is not request.messages else None)

    async def aclose(self) -> None:
        """Closes the connections of this event loop."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _session(self) -> ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = self._connect()
        return session

    def _connect(self) -> ClientSession:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        secure = self._url.startswith("https:")
        return ClientSession(
            # no limit: the gate bounds calls in flight, and the pool must never be the one that makes them wait
            connector=TCPConnector(limit=0, keepalive_timeout=_IDLE_S, ssl=_trusted() if secure else True),
            headers=self._headers(),
            timeout=ClientTimeout(total=None, sock_connect=_CONNECT_S),  # the limit on a whole attempt is ours
            cookie_jar=DummyCookieJar(),
            proxy=_proxy(self._url),
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        for name, variable in (("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID")):
            if self._hosted and (value := os.environ.get(variable)):
                headers[name] = value
        return headers

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

    def _reply(self, raw: bytes, sent: tuple[Message, ...] | None) -> Reply:
        try:
            data = json.loads(raw)
            choice, usage = data["choices"][0], data.get("usage") or {}
            message, reason = choice["message"], choice.get("finish_reason")
            text, refusal = message.get("content") or "", message.get("refusal")
            model = data.get("model") or self._name
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            raise ServerFaultError(
                f"{self.spec} answered with something else than a completion: {raw[:200]!r}"
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


def _told(raw: bytes) -> tuple[str, str | None, str | None]:
    """The message, code and parameter of a refusal, where the server gave them in OpenAI's form; else its words."""
    try:
        error: Any = json.loads(raw)["error"]
        message, code, parameter = error["message"], error.get("code"), error.get("param")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return raw.decode(errors="replace"), None, None
    text = message if isinstance(message, str) else json.dumps(message)
    return text, code if isinstance(code, str) else None, parameter if isinstance(parameter, str) else None


def _trusted() -> SSLContext:
    """The certificates that are trusted: certifi's, as a small image has none of its own, or those of SSL_CERT_FILE."""
    import ssl

    import certifi

    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for the address, looked up once and not at every call."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


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
