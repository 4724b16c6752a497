"""Evaluations: one item, heard again and again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator, AwareDatetime
from starlette.requests import Request
from starlette.responses import Response

from agents import Transcript
from service.api.answers.evaluations import EvaluationAnswer, evaluation_answer
from service.api.answers.jobs import EstimateAnswer
from service.api.callers import Reader, Writer
from service.api.events import Progressing, event_stream, events_after
from service.api.idempotency import CreatingRoute, keeping
from service.api.paging import Listing, Paged, listing
from service.api.problem import ProblemError
from service.api.serving import DryRun, Id, Wait, accepted, application_of, json_answer
from service.application import (
    EvaluationFilter,
    EvaluationRecord,
    EvaluationRequest,
    HumanScoreRequest,
    Status,
)

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"], route_class=CreatingRoute)

FIELDS = ("core", "scores", "transcript")


@router.post("", status_code=202, response_model=EvaluationAnswer, responses={200: {"model": EstimateAnswer}})
async def create_evaluation(
    request: Request, caller: Writer, body: EvaluationRequest, dry_run: DryRun = False
) -> Response:
    """Have an item judged. A job: follow `Location`, wait with `?wait=20`, or listen to `/events`."""
    evaluations = application_of(request).evaluations
    if dry_run:
        return json_answer(EstimateAnswer.of(await evaluations.estimate(caller.owner, body)))
    record = await evaluations.create(caller.owner, body, keep=keeping(request, _accepted))
    return _accepted(record)


def _accepted(record: EvaluationRecord) -> Response:
    return accepted(evaluation_answer(record), f"/v1/evaluations/{record.id}")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("this time lies off the calendar") from error


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


def _filter(
    status: Annotated[Status | None, Query()] = None,
    batch: Annotated[str | None, Query(max_length=64, description="A `ba_` id.")] = None,
    persona_set: Annotated[str | None, Query(max_length=64, description="A `ps_` id.")] = None,
    rubric: Annotated[str | None, Query(max_length=64, description="A `ru_` id.")] = None,
    item: Annotated[str | None, Query(max_length=200, description="The item's own id.")] = None,
    system: Annotated[str | None, Query(max_length=200)] = None,
    kind: Annotated[Literal["summary", "dialogue", "text", "pair"] | None, Query()] = None,
    created_after: Annotated[Instant | None, Query()] = None,
    created_before: Annotated[Instant | None, Query()] = None,
) -> EvaluationFilter:
    return EvaluationFilter(
        status=status,
        batch_id=batch,
        persona_set_id=persona_set,
        rubric_id=rubric,
        item_id=item,
        system=system,
        kind=kind,
        created_after=created_after,
        created_before=created_before,
    )


Filter = Annotated[EvaluationFilter, Depends(_filter)]


@router.get("", response_model=Listing[EvaluationAnswer])
async def list_evaluations(
    request: Request,
    caller: Reader,
    paging: Paged,
    asked: Filter,
    order: Annotated[
        Literal["newest", "least_stable"], Query(description="`least_stable` has a single page, without a cursor.")
    ] = "newest",
) -> Listing[EvaluationAnswer]:
    """List evaluations, newest first, without their items."""
    if order != "newest" and paging.after is not None:
        raise ProblemError("invalid-cursor", "a cursor goes with order=newest; leave one of them out")
    page = await application_of(request).evaluations.list(
        caller.sees, asked, after=paging.after, limit=paging.limit, order=order
    )
    rows = listing(page, evaluation_answer)
    return rows if order == "newest" else rows.model_copy(update={"next_cursor": None})


@router.get("/{evaluation_id}", response_model=EvaluationAnswer)
async def read_evaluation(
    request: Request,
    caller: Reader,
    evaluation_id: Id,
    wait: Wait = 0,
    fields: Annotated[
        str, Query(max_length=40, description="`core`, `scores`, `transcript`, separated by commas.")
    ] = "core,scores",
) -> EvaluationAnswer:
    """Read an evaluation: its state, and its scores as far as they are in."""
    asked = _fields(fields)
    evaluations = application_of(request).evaluations
    if wait > 0:
        record = await evaluations.wait(caller.sees, evaluation_id, wait)
    else:
        record = await evaluations.get(caller.sees, evaluation_id)
    transcripts = await _transcripts(request, caller.sees, record) if "transcript" in asked else None
    return evaluation_answer(record, with_scores="scores" in asked, transcripts=transcripts)


def _fields(text: str) -> frozenset[str]:
    asked = frozenset(part.strip() for part in text.split(","))
    if unknown := asked - set(FIELDS):
        raise ProblemError("bad-request", f"fields holds {sorted(unknown)[0]!r}; choose from {', '.join(FIELDS)}")
    return asked


async def _transcripts(request: Request, owner: str | None, record: EvaluationRecord) -> dict[str, Transcript]:
    runs = application_of(request).runs
    done = [run for run in await runs.list(owner, record.id) if run.state.status is Status.COMPLETED]
    return {run.id: await runs.transcript(owner, run.id) for run in done}


@router.delete("/{evaluation_id}", status_code=204)
async def delete_evaluation(request: Request, caller: Writer, evaluation_id: Id) -> None:
    """Delete an evaluation that has ended, with its runs, transcripts and calls."""
    await application_of(request).evaluations.delete(caller.sees, evaluation_id)


@router.post("/{evaluation_id}/cancel", response_model=EvaluationAnswer)
async def cancel_evaluation(request: Request, caller: Writer, evaluation_id: Id) -> EvaluationAnswer:
    """Cancel what has not been heard yet. What is done stays. Cancelling what has ended changes nothing."""
    return evaluation_answer(await application_of(request).evaluations.cancel(caller.sees, evaluation_id))


@router.put("/{evaluation_id}/human-score", response_model=EvaluationAnswer)
async def add_human_score(
    request: Request, caller: Writer, evaluation_id: Id, body: HumanScoreRequest
) -> EvaluationAnswer:
    """Add a person's score. It stands over earlier ones of its dimension, and none is ever changed."""
    evaluations = application_of(request).evaluations
    return evaluation_answer(await evaluations.add_human_score(caller.sees, evaluation_id, body))


async def _progressing(
    request: Request,
    caller: Reader,
    evaluation_id: Id,
    last_event_id: Annotated[
        str | None, Header(description="The last event that was seen; the ones after it follow.")
    ] = None,
    after: Annotated[int, Query(ge=0, le=2**53, description="The same, for clients that cannot set headers.")] = 0,
) -> Progressing:
    """The evaluation whose events are wanted; looked up before the stream begins, so that a wrong id is a 404."""
    await application_of(request).evaluations.get(caller.sees, evaluation_id)
    return Progressing(caller.sees, evaluation_id, events_after(last_event_id, after))


@router.get("/{evaluation_id}/events", response_class=EventSourceResponse)
async def stream_events(
    request: Request, progressing: Annotated[Progressing, Depends(_progressing)]
) -> AsyncIterator[ServerSentEvent]:
    """Listen to an evaluation (Server-Sent Events).

    Events are stored and numbered from 1; reconnect with `Last-Event-ID`. The last one says how the evaluation ended.
    After ten minutes the server closes with `event: reconnect`.
    """
    longest_s: float = request.app.state.stream_max_s
    async for event in event_stream(application_of(request), progressing, longest_s=longest_s):
        yield event
