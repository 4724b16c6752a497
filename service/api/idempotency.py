"""Idempotency-Key: a creating POST that is sent again gives the first answer and does nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from service.api.callers import caller_of
from service.api.json_route import JsonRoute, parse_json
from service.api.problem import ProblemError
from service.api.serving import application_of
from service.application import Claim, Keep, StoredAnswer
from service.errors import StoreUncertainError, StoreUnreachableError

R = TypeVar("R")

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEPT_HEADERS = ("location", "retry-after", "content-type")
_SEND_AGAIN = f"send it again with the same {HEADER}: it is not made twice"
_BOUNDARY = re.compile(rb"boundary=\"?([^\";,]+)")


@dataclass(slots=True)
class _Claimed:
    """The claim of a request on its key, and whether the request's own write stored the answer."""

    claim: Claim
    kept: bool = False


async def answer_once(request: Request, fingerprint: str, produce: Callable[[], Awaitable[Response]]) -> Response:
    """What `produce` answers; with a key that was answered before, that first answer.

    Only success is kept: a request that was refused changed nothing, and may be mended and sent under its key again.
    Raises IdempotencyError where the key is in flight, or came with another request.
    """
    key = _key(request)
    if key is None:
        return await produce()
    store = application_of(request).idempotency
    known = await store.begin((await caller_of(request)).owner, key, fingerprint)
    if isinstance(known, StoredAnswer):
        return Response(known.body, known.status, {**known.headers, REPLAYED: "true"})
    request.state.claimed = claimed = _Claimed(known)
    try:
        response = await produce()
        if 200 <= response.status_code < 300 and not claimed.kept:
            await store.keep(known, _stored(response))
    except StoreUncertainError as error:
        await store.abandon(known)
        raise StoreUnreachableError(f"{error}; {_SEND_AGAIN}") from error
    except BaseException:
        await store.abandon(known)
        raise
    if not 200 <= response.status_code < 300:
        await store.abandon(known)
    return response


def keeping(request: Request, answer: Callable[[R], Response]) -> Keep[R] | None:
    """Stores the answer to this request's key in the commit that makes what it tells of; None where it has no key.

    Whoever creates something passes it on. So there is no moment in which the thing is there and its key does not say so.
    """
    claimed: _Claimed | None = getattr(request.state, "claimed", None)
    if claimed is None:
        return None

    async def keep(connection: AsyncConnection, record: R) -> None:
        await claimed.claim.keep(connection, _stored(answer(record)))
        claimed.kept = True

    return keep


def _stored(response: Response) -> StoredAnswer:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return StoredAnswer(response.status_code, headers, bytes(response.body))


def _key(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not (1 <= len(key) <= 200 and key.isascii() and key.isprintable()):
        raise ProblemError("bad-request", f"{HEADER} must be 1 to 200 printable ASCII characters")
    return key


def fingerprint(request: Request, digest: bytes) -> str:
    """sha256 of what was asked: method, path, query in any order, and the digest of the canonical body."""
    query = sorted(request.query_params.multi_items())
    asked = json.dumps([request.method, request.url.path, query])
    return hashlib.sha256(asked.encode() + digest).hexdigest()


def canonical(body: bytes, content_type: str) -> bytes:
    """sha256 of the body, the same for JSON in any key order or spacing and for a form with any boundary."""
    if "json" in content_type and "ndjson" not in content_type and body:
        body = json.dumps(parse_json(body), sort_keys=True).encode()
    elif match := _BOUNDARY.search(content_type.encode()):
        body = body.replace(match[1].strip(), b"")
    return hashlib.sha256(body).digest()


class CreatingRoute(JsonRoute):
    """The route class of routers whose POSTs create something."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle

        async def handle_once(request: Request) -> Response:
            if HEADER not in request.headers:
                return await handle(request)
            body = await request.body()
            asked = fingerprint(request, canonical(body, request.headers.get("content-type", "")))
            again = Request(request.scope, _replay(body))
            return await answer_once(request, asked, lambda: handle(again))

        return handle_once


def _replay(body: bytes) -> Callable[[], Awaitable[Any]]:
    """`receive` for a body that was already read."""

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
