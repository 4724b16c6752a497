"""What nobody caught becomes a problem document, and a log entry that holds no word of the request."""

from __future__ import annotations

import logging
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.failures import problem_of
from service.api.problem import problem_response
from service.api.problem_kinds import Kind

_log = logging.getLogger("rehearing.api")


class UnexpectedErrors:
    """Ends a failed request with a problem; an exception's message may quote a document, so it is not logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            answer = problem_of(error)
            if answer.kind.status >= 500:
                _tell(error, answer.kind)
            if started:
                raise ConnectionAbortedError("the answer broke off after an error that is logged above") from None
            response = problem_response(
                scope, answer.kind, answer.detail, errors=answer.errors, headers=dict(answer.headers or {})
            )
            await response(scope, receive, send)


def _tell(error: Exception, kind: Kind) -> None:
    """To the log: a fault of ours with its place; a database or provider that is away, which is nobody's bug, by its code."""
    told: dict[str, object] = {"error": type(error).__name__, "problem": kind.code, "status": kind.status}
    if kind.status != 500:
        _log.warning("answered with a problem: %s", kind.code, extra=told)
        return
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    _log.error("unexpected error", extra={**told, "where": where[-12:]})
