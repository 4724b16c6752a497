"""HEAD: what GET would answer, status and headers alike, without the body."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAnswers:
    """Answers HEAD on whatever answers GET. A stream is not begun: its headers are all there is to say."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # a copy: the server itself has to go on knowing that it was HEAD, or it would wait for the body
        asked = {**scope, "method": "GET"}
        with anyio.CancelScope() as streaming:

            async def without_body(message: Message) -> None:
                if message["type"] != "http.response.start":
                    return
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                if not any(name.lower() == b"content-length" for name, _ in message["headers"]):
                    streaming.cancel()

            try:
                await self._app(asked, receive, without_body)
            finally:
                if "route" in asked:
                    scope["route"] = asked["route"]  # for the log and the metrics
