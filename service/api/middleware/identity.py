"""A request id on every answer and log line; one access line in the log, without query or body."""

from __future__ import annotations

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry import HttpMetrics, request_id_context

_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = logging.getLogger("rehearing.access")


class RequestIdentity:
    """Names each request: the caller's `X-Request-Id` where it is plain, else a fresh one."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        identity = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = identity
        token = request_id_context.set(identity)
        status, start = 0, time.perf_counter()

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = identity
            await send(message)

        try:
            await self._app(scope, receive, named)
        finally:
            self._finish(scope, status, time.perf_counter() - start)
            request_id_context.reset(token)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        self._metrics.observe(scope["method"], route, status, seconds)
        _log.info(
            "request",
            extra={"method": scope["method"], "route": route, "status": status, "duration_s": round(seconds, 4)},
        )
