"""How much is answered at once: over all callers, and for each of them, events followed apart from what is soon over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.callers import COOKIE
from service.api.problem import problem_response
from service.api.problem_kinds import CATALOGUE

RETRY_AFTER_S = 1
_ALWAYS = ("/livez", "/readyz", "/metrics")
"""Asked by those who look after the server, above all when it is busy."""


@dataclass(frozen=True, slots=True)
class InFlightLimits:
    """Of one process."""

    all_max: int
    requests_max: int
    """Of one caller, without streams."""
    streams_max: int
    """Of one caller."""


class InFlight:
    """Refuses with 503 what goes beyond the limits, before anything of it is read.

    A caller is a key, good or not, or an address where there is none: who invents keys gets a 401 each and holds nothing
    for long, and a proxy in front, which is a single address, stands before callers that have keys.
    """

    def __init__(self, app: ASGIApp, limits: InFlightLimits) -> None:
        self._app, self._limits = app, limits
        self._requests, self._streams = Counter[str](), Counter[str]()
        self._all = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        caller, streams = _caller(scope), scope["path"].endswith("/events")
        held = self._streams if streams else self._requests
        if refusal := self._refusal(held[caller], streams):
            headers = {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"}
            await problem_response(scope, CATALOGUE["busy"], refusal, headers=headers)(scope, receive, send)
            return
        held[caller] += 1
        self._all += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._all -= 1
            held[caller] -= 1
            if not held[caller]:
                del held[caller]

    def _refusal(self, held: int, streams: bool) -> str | None:
        limits = self._limits
        if self._all >= limits.all_max:
            return f"this server answers {limits.all_max} requests at once and no more; come again in a moment"
        if streams and held >= limits.streams_max:
            return f"you follow {held} event streams at once; close one, or ask with `?wait=20` instead"
        if not streams and held >= limits.requests_max:
            return f"{held} requests of yours are being answered; wait for some of them"
        return None


def _caller(scope: Scope) -> str:
    connection = HTTPConnection(scope)
    secret = connection.headers.get("authorization", "").partition(" ")[2].strip() or connection.cookies.get(COOKIE)
    return f"key {secret}" if secret else f"address {connection.client.host if connection.client else ''}"
