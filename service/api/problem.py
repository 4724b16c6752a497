"""RFC 9457 problems: one closed catalogue of kinds, and the document that every error answer is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.api.problem_kinds import CATALOGUE, Kind

MEDIA_TYPE = "application/problem+json"
DETAIL_MAX = 2000


class FieldProblem(BaseModel):
    """One place in the request that has to change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pointer: str
    """A JSON pointer into the body (`/item/output`), or `query:limit`, `path:id`, `header:NAME`, `line:17`."""
    detail: str
    code: str


class Problem(BaseModel):
    """What went wrong, where, and whether the same request may succeed later."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    """Where this kind of problem is explained: `/problems/SLUG`."""
    title: str
    status: int
    detail: str
    instance: str
    """The path that was asked for."""
    code: str
    """The slug: stable, for programs."""
    request_id: str
    """Stands in the server's log too."""
    retryable: bool
    """Whether the same request may succeed later without a change."""
    errors: tuple[FieldProblem, ...] = Field(default=())


class ProblemError(HTTPException):
    """Raised anywhere in a request to end it with a problem of the catalogue.

    code: a slug of the catalogue. detail: the offending value and the next step. errors: the places in the request.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldProblem, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.kind = CATALOGUE[code]
        super().__init__(status_code=self.kind.status, detail=detail, headers=headers)
        self.errors = errors


def request_id(scope: Any) -> str:
    """The id that the request-id middleware gave this request."""
    return str(scope.get("state", {}).get("request_id", "unknown"))


def problem_response(
    scope: Any,
    kind: Kind,
    detail: str,
    *,
    errors: tuple[FieldProblem, ...] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer for one problem. scope: the ASGI scope of the request that it answers."""
    problem = Problem(
        type=f"/problems/{kind.code}",
        title=kind.title,
        status=kind.status,
        detail=detail[:DETAIL_MAX],
        instance=str(scope.get("path", "/"))[:500],
        code=kind.code,
        request_id=request_id(scope),
        retryable=kind.retryable,
        errors=errors,
    )
    return Response(_json(problem), status_code=kind.status, media_type=MEDIA_TYPE, headers=headers)


def _json(problem: Problem) -> bytes:
    """UTF-8 JSON; what is no character (a lone surrogate in a path or a value) becomes a question mark."""
    import json

    return json.dumps(problem.model_dump(), ensure_ascii=False).encode("utf-8", "replace")


def answer_problem(request: Request, error: ProblemError) -> Response:
    """Exception handler of `ProblemError`."""
    return problem_response(
        request.scope, error.kind, error.detail, errors=error.errors, headers=dict(error.headers or {})
    )
