"""The call ledger: every answered call is written down before anything is done with it, so none is paid twice."""

from __future__ import annotations

import hashlib
import json
from typing import Protocol

from llm.call import Call
from llm.model import Request
from llm.schema import schema_sha256


class CallLedger(Protocol):
    """Durable memory of calls. Both methods may be called by many tasks at once."""

    async def find(self, key: str) -> Call | None:
        """The call recorded under `key`; None where there is none."""

    async def record(self, call: Call) -> None:
        """Keeps `call` for ever; returns when it would survive a crash. A key already there keeps its first call."""


class MemoryLedger:
    """A ledger that lives as long as the process; for tests and for hearings that nobody will resume."""

    def __init__(self, calls: tuple[Call, ...] | list[Call] = ()) -> None:
        self._calls = {call.key: call for call in calls}

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every recorded call, in the order of recording."""
        return tuple(self._calls.values())

    async def find(self, key: str) -> Call | None:
        return self._calls.get(key)

    async def record(self, call: Call) -> None:
        self._calls.setdefault(call.key, call)


def request_key(spec: str, request: Request) -> str:
    """sha256 of the model's spec and everything in the request that can change the reply."""
    content = json.dumps(
        [
            spec,
            [[message.role, message.content] for message in request.messages],
            schema_sha256(request.schema),
            request.schema_name,
            request.temperature,
            request.output_tokens_max,
            request.seed,
        ],
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(content.encode()).hexdigest()


def call_key(spec: str, request: Request, attempt: int) -> str:
    """The key of one attempt, counted from 1: the request's key and the attempt."""
    return f"{request_key(spec, request)}-{attempt}"
