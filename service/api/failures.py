"""One table from the packages' errors to problems, and the handlers that put it to use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.params import Form
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from service.api.problem import FieldProblem, ProblemError, answer_problem, problem_response
from service.api.problem_kinds import BY_STATUS, CATALOGUE
from service.errors import IdempotencyError, StoreUncertainError

RETRY_AFTER_S = 5.0
"""Where an error does not say when to come back."""

_LOOK_FIRST = (
    "look whether it is there before you send it again. Sent with an Idempotency-Key, it could be sent again without "
    "being made twice"
)

ERRORS_MAX = 100
"""Places listed in one problem; a body with more wrong in it says so in `detail`."""

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

PROBLEM_OF_ERROR: dict[str, str] = {
    "service.InvalidRequestError": "invalid-request",
    "service.InvalidBatchError": "invalid-batch",
    "service.LimitExceededError": "limit-exceeded",
    "service.NotFoundError": "not-found",
    "service.ConflictError": "conflict",
    "service.NotAllowedError": "unauthenticated",
    "service.QueueFullError": "busy",
    "service.StoreUnreachableError": "busy",
    "service.StoreFullError": "storage-full",
    "service.StoreError": "stored-data-damaged",
    "llm.ModelConfigurationError": "model-not-usable",
    "llm.RequestRejectedError": "limit-exceeded",
    "llm.ProviderError": "provider-unavailable",
    "clustering.DocumentInputError": "unusable-documents",
    "clustering.PersonaInputError": "invalid-request",
    "clustering.ExtractionError": "provider-unavailable",
    "agents.HearingInputError": "invalid-request",
    "stability.RatingsError": "invalid-ratings",
}
"""By public name, the nearest ancestor wins: so that the table reads at a glance and imports no package to say so."""


def problem_of(error: Exception) -> ProblemError:
    """The problem that tells a caller about `error`; `internal`, without its message, for what the table does not know."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, IdempotencyError):
        code = "idempotency-in-flight" if error.in_flight else "idempotency-mismatch"
        return ProblemError(code, str(error), headers={"Retry-After": "1"} if error.in_flight else None)
    if isinstance(error, StoreUncertainError):
        return ProblemError("outcome-unknown", f"{error}: {_LOOK_FIRST}")
    for ancestor in type(error).__mro__:
        known = PROBLEM_OF_ERROR.get(f"{ancestor.__module__.partition('.')[0]}.{ancestor.__name__}")
        if known:
            return ProblemError(known, str(error), errors=_places(error), headers=_headers(known, error))
    if isinstance(error, ValidationError):
        places = field_problems(error.errors(), None)
        return ProblemError("invalid-request", _summary(places), errors=places)
    return ProblemError("internal", "something failed that should not have; nothing of your request is in the log")


def _headers(code: str, error: Exception) -> dict[str, str] | None:
    if code == "unauthenticated":
        return {"WWW-Authenticate": "Bearer"}
    if not CATALOGUE[code].retryable:
        return None
    return {"Retry-After": str(math.ceil(getattr(error, "retry_after_s", None) or RETRY_AFTER_S))}


def _places(error: Exception) -> tuple[FieldProblem, ...]:
    """The places that an error carries: `errors` with `pointer` and `detail`, as `agents.HearingInputError` has."""
    found = getattr(error, "problems", None) or getattr(error, "errors", None) or ()
    if callable(found):
        return ()
    return tuple(
        FieldProblem(
            pointer=_in_request(str(getattr(place, "pointer", ""))),
            detail=str(getattr(place, "detail", None) or getattr(place, "message", place)),
            code=str(getattr(place, "code", "invalid")),
        )
        for place in list(found)[:ERRORS_MAX]
    )


def _in_request(pointer: str) -> str:
    """A pointer of `agents`, which hears many items, as one into a request that holds a single item."""
    return pointer.replace("/items/0", "/item", 1) if pointer.startswith("/items/0") else pointer


def field_problems(errors: Any, body: Any) -> tuple[FieldProblem, ...]:
    """pydantic's errors as places. body: the parsed body that their locations lead into; None for none."""
    return tuple(
        FieldProblem(pointer=_pointer(error, body), detail=_detail(error), code=str(error["type"]))
        for error in list(errors)[:ERRORS_MAX]
    )


def _detail(error: Any) -> str:
    """pydantic's message with the offending value, where that is short."""
    value = error.get("input")
    shown = f" (got {value!r})" if isinstance(value, str | int | float | bool) and len(repr(value)) <= 80 else ""
    return f"{error['msg'].removeprefix('Value error, ')}{shown}"


def _pointer(error: Any, body: Any) -> str:
    """`/item/output` for a place in the body, `query:limit` elsewhere.

    Tags that pydantic puts into a location for the arms of a union stand for nothing in the body: they are left out.
    """
    location = error["loc"]
    if not location:
        return ""
    where, *parts = location
    if where != "body":
        return (
            ":".join([str(where), *map(str, parts)])
            if where in {"query", "path", "header", "cookie"}
            else _join(location)
        )
    kept: list[Any] = []
    for position, part in enumerate(parts):
        inside = isinstance(body, dict) and part in body
        counted = isinstance(body, list) and isinstance(part, int) and part < len(body)
        if inside or counted:
            body = body[part]
            kept.append(part)
        elif body is None or (position == len(parts) - 1 and error["type"] == "missing"):
            kept.append(part)
    return _join(kept)


def _join(parts: Any) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _summary(places: Sequence[FieldProblem]) -> str:
    """The first place and what is wrong there, for whoever reads no further; and how many there are."""
    if not places:
        return "the request is not valid"
    first = f"{places[0].pointer}: {places[0].detail}" if places[0].pointer else places[0].detail
    return first if len(places) < 2 else f"{len(places)} places are not valid; the first: {first}"


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, ProblemError):
        return answer_problem(request, error)
    code = BY_STATUS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal")
    detail = {
        404: f"nothing is served at {request.url.path[:200]!r}; /openapi.json lists what is",
        405: f"{request.method} is not served at {request.url.path[:200]!r}",
    }.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {}) | ({"Allow": _allowed(request)} if error.status_code == 405 else {})
    return problem_response(request.scope, CATALOGUE[code], detail, headers=headers)


def _allowed(request: Request) -> str:
    """Every method of the path. Each is a route of its own, and the router names those of the first alone."""
    asked = ({**request.scope, "method": method} for method in _METHODS)
    served = {
        scope["method"] for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    }
    return ", ".join(sorted(served | {"HEAD"} if "GET" in served else served))


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if all(tuple(one["loc"]) == ("query", "limit") for one in found):
        detail = f"{_detail(found[0])}; ask for 1 to 100 rows and follow `next_cursor`"
        return problem_response(
            request.scope, CATALOGUE["limit-out-of-range"], detail, errors=field_problems(found, None)
        )
    if unread := _unread(request, found):
        return problem_response(request.scope, CATALOGUE["unsupported-media-type"], unread)
    places = field_problems(found, error.body)
    return problem_response(request.scope, CATALOGUE["invalid-request"], _summary(places), errors=places)


def _unread(request: Request, errors: Any) -> str | None:
    """What to send instead, where the body was not read because its Content-Type is another than the route's."""
    field = getattr(request.scope.get("route"), "body_field", None)
    if field is None or not any(one["loc"][:1] == ("body",) for one in errors):
        return None
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    wanted = "multipart/form-data" if isinstance(field.field_info, Form) else "application/json"
    fits = given == wanted or (wanted == "application/json" and given.endswith("+json"))
    return None if fits or empty else f"Content-Type {given[:80]!r} is not read here; send {wanted}"


def install_failures(app: FastAPI) -> None:
    """Makes every error that routing, reading or validating raises a problem document."""
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)
