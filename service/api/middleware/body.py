"""Every body is counted as it comes, with or without Content-Length, and has to come at a fair pace."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problem import ProblemError, problem_response


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How long and how slow a body may be."""

    bytes_max: int
    upload_bytes_max: int
    """For the paths in `uploads`: documents, batches, ratings."""
    uploads: tuple[str, ...]
    grace_s: float
    """A body may take this long, and beyond it must keep `rate_min`."""
    rate_min: float
    """Bytes a second, on average, once the grace is over."""

    def for_path(self, path: str) -> int:
        return self.upload_bytes_max if path.startswith(self.uploads) else self.bytes_max


class BodyGuard:
    """Ends a request whose body is too long (413) or too slow (408), before it is held in memory or on disk."""

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        longest = self._limits.for_path(scope["path"])
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > longest:
            error = too_large(longest)
            answer = problem_response(scope, error.kind, error.detail, headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        await self._app(scope, _Counted(receive, longest, self._limits), send)


def too_large(longest: int) -> ProblemError:
    """The problem of a body that is longer than `longest` bytes."""
    return ProblemError(
        "body-too-large",
        f"the body is longer than the {longest} bytes that this path takes; send less",
        headers={"Connection": "close"},
    )


class _Counted:
    """`receive` with a count and a clock; the clock runs only while the body is being read."""

    def __init__(self, receive: Receive, longest: int, limits: BodyLimits) -> None:
        self._receive = receive
        self._longest = longest
        self._limits = limits
        self._bytes = 0
        self._waited_s = 0.0
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()  # waits for the client to go away, for as long as it takes
        allowed = self._limits.grace_s + self._bytes / self._limits.rate_min - self._waited_s
        start = time.monotonic()
        try:
            async with asyncio.timeout(max(allowed, 0)):
                message = await self._receive()
        except TimeoutError:
            raise ProblemError(
                "body-too-slow",
                f"{self._bytes} bytes of the body came in {self._waited_s + allowed:.0f} s; send it faster",
                headers={"Connection": "close"},
            ) from None
        self._waited_s += time.monotonic() - start
        self._count(message)
        return message

    def _count(self, message: Message) -> None:
        if message["type"] != "http.request":
            self._complete = True
            return
        self._bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._bytes > self._longest:
            raise too_large(self._longest)
