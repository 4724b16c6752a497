"""What a request says before its body is counted and timed as it comes: uvicorn's own protocol takes any amount, for ever."""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.api.problem import MEDIA_TYPE, problem_response
from service.api.problem_kinds import CATALOGUE

RETRY_AFTER_S = 1
HEAD_MAX = 64 * 1024
"""Bytes of a request line and headers, or of trailers: eight times what most servers take. One read, of up to 256 kB, may
come on top, which is also why a body that begins in the same read is not taken for headers."""


class HeadGuard(HttpToolsProtocol):
    """Ends a connection whose headers are too long (431) or too slow (408), are no HTTP (400), or that is one too many (503).

    Headers may take `head_s` from the connection's first moment, or from the first byte after an answer. What follows a
    request that was answered before its body was read has as long: then the connection ends.
    """

    head_s = 30.0
    connections_max = 10_000

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._unread = 0
        self._clock: asyncio.TimerHandle | None = None
        self._start_clock()
        if len(self.connections) > self.connections_max:
            told = f"{self.connections_max} connections are open, and no more are taken; come again in a moment"
            self._refuse("busy", told, log=False)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        if self._clock is None and self._is_idle:
            self._start_clock()
        super().data_received(data)
        if self._unread > HEAD_MAX:
            self._refuse("headers-too-large", f"the headers are longer than the {HEAD_MAX} bytes taken here; send less")

    def on_headers_complete(self) -> None:
        self._unread = 0
        self._stop_clock()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0  # bodies are counted by those who read them
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse("bad-request", f"{msg} Send HTTP/1.1.", log=False)

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _start_clock(self) -> None:
        self._clock = self.loop.call_later(self.head_s, self._ran_out)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _ran_out(self) -> None:
        if self._unread:
            self._refuse("headers-too-slow", f"the headers did not come within {self.head_s:g} s; send them at once")
        elif not self.transport.is_closing():
            self.transport.close()  # nothing was asked

    def _refuse(self, code: str, detail: str, *, log: bool = True) -> None:
        """Answers, where no other answer is under way, and closes. No request has come to the application."""
        if self.transport.is_closing():
            return
        identity, kind = uuid.uuid4().hex, CATALOGUE[code]
        if log:
            self.logger.warning("%s: %s (request %s)", kind.title, detail, identity)
        if self._is_idle:
            answer = problem_response({"state": {"request_id": identity}}, kind, detail)
            told = {"content-type": MEDIA_TYPE, "content-length": str(len(answer.body)), "x-request-id": identity}
            told |= {"retry-after": str(RETRY_AFTER_S)} if kind.status == 503 else {}
            told |= {"connection": "close", "x-content-type-options": "nosniff", "cache-control": "no-store"}
            lines = [
                f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}",
                *(f"{k}: {v}" for k, v in told.items()),
            ]
            self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + bytes(answer.body))
        self.transport.close()
