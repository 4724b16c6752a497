"""What went wrong, as a page: the same cause and next step that the REST interface gives."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.errors import (
    ConflictError,
    InvalidRequestError,
    LimitExceededError,
    NotAllowedError,
    NotFoundError,
    QueueFullError,
    ServiceError,
    StoreError,
)
from service.pages.rendering import render

_STATUS: tuple[tuple[type[ServiceError], int, str], ...] = (
    (NotFoundError, 404, "Not found"),
    (NotAllowedError, 401, "A key is needed"),
    (LimitExceededError, 413, "More than is allowed"),
    (InvalidRequestError, 422, "That cannot be done"),
    (ConflictError, 409, "Not now"),
    (QueueFullError, 503, "The queue is full"),
    (StoreError, 503, "The store does not answer"),
)


@dataclass(frozen=True, slots=True)
class FailurePage:
    status: int
    title: str
    detail: str
    problems: tuple[tuple[str, str], ...]
    """Place and what is wrong there."""
    simulated: bool = False


def failure_page(request: Request, error: ServiceError) -> Response:
    """A page with the right status; someone without a key is led to the sign-in page."""
    if isinstance(error, NotAllowedError) and request.method == "GET":
        return RedirectResponse("/sign-in", 303)
    status, title = next(
        ((code, name) for kind, code, name in _STATUS if isinstance(error, kind)), (500, "Something broke")
    )
    problems = tuple((one.pointer, one.detail) for one in getattr(error, "problems", ()))
    page = FailurePage(status, title, str(error), problems)
    return HTMLResponse(render("failure.html", page, path=request.url.path), status)
