"""Rubrics: stored once, named by id or content hash. Prompts: read by hash."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agents import Rubric
from llm import Prompt
from service.api.answers.jobs import Answer
from service.api.callers import Reader, Writer
from service.api.idempotency import CreatingRoute, keeping
from service.api.json_route import JsonRoute
from service.api.paging import Listing, Paged, listing
from service.api.serving import Id, application_of, created
from service.application import RubricRecord

router = APIRouter(prefix="/v1/rubrics", tags=["rubrics"], route_class=CreatingRoute)
prompts = APIRouter(prefix="/v1/prompts", tags=["prompts"], route_class=JsonRoute)


class RubricAnswer(Answer):
    """A stored rubric."""

    id: str
    name: str
    content_hash: str
    created_at: datetime
    rubric: Rubric


class PromptMessage(Answer):
    """One message of a prompt, with `{{ name }}` where a value goes."""

    role: Literal["system", "user", "assistant"]
    content: str


class PromptPart(Answer):
    """A prompt file as it was used."""

    id: str
    version: int
    sha256: str
    variables: tuple[str, ...]
    messages: tuple[PromptMessage, ...]


class PromptAnswer(Answer):
    """What a call was asked with: the files of its question in their order, or one file under its own hash."""

    sha256: str
    parts: tuple[PromptPart, ...]


def rubric_answer(record: RubricRecord) -> RubricAnswer:
    return RubricAnswer.model_validate(record)


@router.post("", status_code=201, response_model=RubricAnswer)
async def store_rubric(request: Request, caller: Writer, body: Rubric) -> Response:
    """Store a rubric. The same content gives the same rubric."""
    return _created(await application_of(request).rubrics.put(caller.owner, body, keep=keeping(request, _created)))


def _created(record: RubricRecord) -> Response:
    return created(rubric_answer(record), f"/v1/rubrics/{record.id}")


@router.get("", response_model=Listing[RubricAnswer])
async def list_rubrics(request: Request, caller: Reader, paging: Paged) -> Listing[RubricAnswer]:
    """List rubrics, newest first."""
    page = await application_of(request).rubrics.list(caller.sees, after=paging.after, limit=paging.limit)
    return listing(page, rubric_answer)


@router.get("/{rubric_id}", response_model=RubricAnswer)
async def read_rubric(request: Request, caller: Reader, rubric_id: Id) -> RubricAnswer:
    """Read one rubric by id or content hash."""
    return rubric_answer(await application_of(request).rubrics.get(caller.sees, rubric_id))


@prompts.get("/{sha256}", response_model=PromptAnswer)
async def read_prompt(request: Request, caller: Reader, sha256: Id) -> PromptAnswer:
    """Read the prompt that a call names: every file that its question is made of, with the file's own hash."""
    parts = await application_of(request).prompts.get(sha256)
    return PromptAnswer(sha256=sha256, parts=tuple(_part(prompt) for prompt in parts))


def _part(prompt: Prompt) -> PromptPart:
    holes = {name: "{{ " + name + " }}" for name in prompt.variables}
    return PromptPart(
        id=prompt.id,
        version=prompt.version,
        sha256=prompt.sha256,
        variables=prompt.variables,
        messages=tuple(PromptMessage(role=one.role, content=one.content) for one in prompt.render(**holes)),
    )
