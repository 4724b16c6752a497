"""Persona sets: from stored documents, from documents in the request, or given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, Tag
from starlette.requests import Request
from starlette.responses import Response

from clustering import Document
from service.api.answers.documents import AssignmentsAnswer, MapAnswer, PersonaSetAnswer, persona_set_answer
from service.api.answers.jobs import EstimateAnswer
from service.api.callers import Caller, Reader, Writer
from service.api.events import state_stream
from service.api.idempotency import CreatingRoute, keeping
from service.api.paging import Listing, Paged, listing
from service.api.problem import FieldProblem, ProblemError
from service.api.serving import DryRun, Id, Wait, accepted, application_of, created, json_answer, when_ended
from service.application import (
    EITHER,
    NewDocuments,
    PersonaSetCalibration,
    PersonaSetEdit,
    PersonaSetRecord,
    PersonaSetRequest,
)

router = APIRouter(prefix="/v1/persona-sets", tags=["persona sets"], route_class=CreatingRoute)


class InlineDocument(BaseModel):
    """A document in the request itself; it is stored, as if it had been uploaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1)
    title: str = Field(default="document.txt", min_length=1, max_length=200)
    """Its file name: the ending decides how it is read; `.txt` where it has none."""


Given = Annotated[Annotated[str, Tag("plain")] | Annotated[InlineDocument, Tag("object")], EITHER]


class PersonaSetBody(PersonaSetRequest):
    """Personas from documents, stored (`do_` ids) or inline, or given ones."""

    documents: tuple[Given, ...] = ()  # type: ignore[assignment]


class AssignBody(BaseModel):
    """New documents, stored (`do_` ids) or inline, whose statements are to be placed in a set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: tuple[Given, ...] = Field(min_length=1)


@router.post("", status_code=202, response_model=PersonaSetAnswer, responses={200: {"model": EstimateAnswer}})
async def create_persona_set(
    request: Request, caller: Writer, body: PersonaSetBody, dry_run: DryRun = False
) -> Response:
    """Build personas. A job: follow `Location` until `status` is `completed`."""
    sets = application_of(request).persona_sets
    inline = await _read_inline(request, caller, body.documents)
    asked, new = _with_ids(body, inline), list(inline.values())
    if dry_run:
        return json_answer(EstimateAnswer.of(await sets.estimate(caller.owner, asked, new=new)))
    return _accepted(await sets.create(caller.owner, asked, new=new, keep=keeping(request, _accepted)))


def _accepted(record: PersonaSetRecord) -> Response:
    return accepted(persona_set_answer(record), f"/v1/persona-sets/{record.id}")


Inline = dict[int, NewDocuments]
"""What the inline document at an index holds: it is stored with what the request asks for, or not at all."""


async def _read_inline(request: Request, caller: Caller, documents: Sequence[str | InlineDocument]) -> Inline:
    return {
        index: await _read(request, caller, document, index)
        for index, document in enumerate(documents)
        if isinstance(document, InlineDocument)
    }


async def _read(request: Request, caller: Caller, document: InlineDocument, index: int) -> NewDocuments:
    from clustering import DocumentInputError

    name = document.title if "." in document.title else f"{document.title}.txt"
    try:
        return await application_of(request).documents.read(caller.owner, document.text.encode(), name)
    except DocumentInputError as error:
        place = FieldProblem(pointer=f"/documents/{index}", detail=str(error), code="unusable")
        raise ProblemError("unusable-documents", str(error), errors=(place,)) from error


def _with_ids(body: PersonaSetBody, inline: Inline) -> PersonaSetRequest:
    fields: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set}
    ids: list[str] = []
    for index, document in enumerate(body.documents):
        ids.extend((document,) if isinstance(document, str) else inline[index].ids)
    return PersonaSetRequest(**fields | {"documents": tuple(ids)})


@router.get("", response_model=Listing[PersonaSetAnswer])
async def list_persona_sets(request: Request, caller: Reader, paging: Paged) -> Listing[PersonaSetAnswer]:
    """List persona sets, newest first, without their personas."""
    page = await application_of(request).persona_sets.list(caller.sees, after=paging.after, limit=paging.limit)
    return listing(page, persona_set_answer)


@router.get("/{persona_set_id}", response_model=PersonaSetAnswer)
async def read_persona_set(request: Request, caller: Reader, persona_set_id: Id, wait: Wait = 0) -> PersonaSetAnswer:
    """Read a persona set: its state, and its personas once it has completed."""
    sets = application_of(request).persona_sets
    return persona_set_answer(await when_ended(lambda: sets.get(caller.sees, persona_set_id), wait))


class Watched(NamedTuple):
    """Whose progress is wanted."""

    owner: str | None
    persona_set_id: str


async def _watched(request: Request, caller: Reader, persona_set_id: Id) -> Watched:
    """Looked up before the stream begins, so that a wrong id is a 404."""
    await application_of(request).persona_sets.get(caller.sees, persona_set_id)
    return Watched(caller.sees, persona_set_id)


@router.get("/{persona_set_id}/events", response_class=EventSourceResponse)
async def stream_progress(
    request: Request, watched: Annotated[Watched, Depends(_watched)]
) -> AsyncIterator[ServerSentEvent]:
    """Listen to a persona set while it is built (Server-Sent Events): its state, stage and counts as they change.

    `persona_set.completed`, `.failed` or `.cancelled` is the last. After ten minutes the server closes with
    `event: reconnect`.
    """
    application, longest_s = application_of(request), request.app.state.stream_max_s

    async def read() -> PersonaSetRecord:
        return await application.persona_sets.get(*watched)

    async for event in state_stream(application, read, "persona_set", longest_s=longest_s):
        yield event


@router.get("/{persona_set_id}/map", response_model=MapAnswer)
async def read_map(request: Request, caller: Reader, persona_set_id: Id) -> MapAnswer:
    """Read the set's map: every perspective as a point, with its group and its quote."""
    return MapAnswer(points=tuple(await application_of(request).persona_sets.map(caller.sees, persona_set_id)))


@router.post("/{persona_set_id}/edit", status_code=201, response_model=PersonaSetAnswer)
async def edit_persona_set(request: Request, caller: Writer, persona_set_id: Id, body: PersonaSetEdit) -> Response:
    """Make a new set with changes: unpin, drop, merge, change and pin, in this order. The old set stays, as its parent."""
    sets = application_of(request).persona_sets
    return _created(await sets.edit(caller.sees, persona_set_id, body, keep=keeping(request, _created)))


def _created(record: PersonaSetRecord) -> Response:
    return created(persona_set_answer(record), f"/v1/persona-sets/{record.id}")


@router.post("/{persona_set_id}/calibrate", status_code=201, response_model=PersonaSetAnswer)
async def calibrate_persona_set(
    request: Request, caller: Writer, persona_set_id: Id, body: PersonaSetCalibration
) -> Response:
    """Make a new set whose personas are weighted so that the panel matches a population (raking). The old set stays.

    Every attribute's shares match, one attribute at a time; combinations need not. Evaluations use the weights with
    `protocol.aggregation` = `raked`. `persona_set.calibration` tells the effective size that the weights leave.
    """
    sets = application_of(request).persona_sets
    return _created(await sets.calibrate(caller.sees, persona_set_id, body, keep=keeping(request, _created)))


@router.post("/{persona_set_id}/assign", response_model=AssignmentsAnswer)
async def assign_documents(request: Request, caller: Writer, persona_set_id: Id, body: AssignBody) -> Response:
    """Place what new documents say in the groups of a completed set. The set stays as it is; "does not fit" is an answer.

    Inline documents are stored, so that the spans of the answer have something to point into.
    """
    application = application_of(request)
    await application.persona_sets.get(caller.sees, persona_set_id)
    inline = await _read_inline(request, caller, body.documents)
    placed: list[str | Document] = []
    for index, document in enumerate(body.documents):
        placed.extend((document,) if isinstance(document, str) else inline[index].documents)
    answer = json_answer(
        AssignmentsAnswer.of(await application.persona_sets.assign(caller.sees, persona_set_id, placed))
    )
    if inline:
        await application.documents.store(list(inline.values()), keep=keeping(request, lambda _: answer))
    return answer


@router.delete("/{persona_set_id}", status_code=204)
async def delete_persona_set(request: Request, caller: Writer, persona_set_id: Id) -> None:
    """Delete a persona set that no evaluation uses."""
    await application_of(request).persona_sets.delete(caller.sees, persona_set_id)
