"""Every kind of problem, explained where its `type` leads."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from service.api.answers.jobs import Answer
from service.api.json_route import JsonRoute
from service.api.problem import ProblemError
from service.api.problem_kinds import CATALOGUE, Kind
from service.api.serving import Id

router = APIRouter(prefix="/problems", tags=["problems"], route_class=JsonRoute)


class KindAnswer(Answer):
    """One kind of problem."""

    code: str
    status: int
    title: str
    meaning: str
    next_step: str
    retryable: bool


class KindsAnswer(Answer):
    """All kinds."""

    data: tuple[KindAnswer, ...]


def _answer(kind: Kind) -> KindAnswer:
    return KindAnswer.model_validate(kind._asdict())


@router.get("", response_model=KindsAnswer)
async def list_problem_kinds(request: Request) -> KindsAnswer:
    """List every kind of problem that the service can answer with."""
    return KindsAnswer(data=tuple(_answer(kind) for kind in CATALOGUE.values()))


@router.get("/{slug}", response_model=KindAnswer)
async def read_problem_kind(request: Request, slug: Id) -> KindAnswer:
    """Explain one kind of problem, and what to do about it."""
    if slug not in CATALOGUE:
        raise ProblemError("not-found", f"no problem is called {slug[:64]!r}; /problems lists them")
    return _answer(CATALOGUE[slug])
