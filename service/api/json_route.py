"""A route that reads JSON strictly: UTF-8, one value, no NaN, no number that JSON cannot say, no bottomless nesting."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from service.api.problem import ProblemError

DEPTH_MAX = 64
"""Deeper than any request of ours; the parser itself refuses what lies beyond about 200."""


def parse_json(body: bytes | bytearray, *, place: str = "the body") -> Any:
    """The one JSON value in `body`. Raises ProblemError `invalid-json` that says where reading stopped."""
    try:
        value = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise ProblemError("invalid-json", f"{place} is not JSON: {str(error)[:200]}") from None
    if rb"\u0000" in body and _holds_nul(value):
        raise ProblemError("invalid-json", f"{place} holds a NUL character (\\u0000), which no text here may have")
    if _deeper_than(value, DEPTH_MAX):
        raise ProblemError("invalid-json", f"{place} nests deeper than {DEPTH_MAX} levels")
    return value


def _deeper_than(value: Any, levels: int) -> bool:
    """Whether lists and objects stand inside each other more than `levels` times; walks breadth first."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not layer:
            return False
    return True


def _holds_nul(value: Any) -> bool:
    """Whether any string inside holds U+0000, which Postgres cannot store."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "\0" in one:
            return True
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
    return False


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_strict_json"):
            self._strict_json = parse_json(await self.body())
        return self._strict_json


class JsonRoute(APIRoute):
    """The route class of every router here."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return handle_strictly
