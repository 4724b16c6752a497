"""Runs of an evaluation: what was said, by whom, having seen exactly what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from agents import Transcript, transcript_markdown
from clustering import PersonaSet
from service.api.answers.drifts import LexicalDriftAnswer, drift_answer
from service.api.answers.evaluations import (
    RunDetailAnswer,
    RunsAnswer,
    TurnAnswer,
    run_answer,
    run_detail_answer,
)
from service.api.callers import Reader
from service.api.json_route import JsonRoute
from service.api.middleware import SELF_CONTAINED_POLICY
from service.api.negotiation import MEDIA_TYPES, Format, documented, wanted
from service.api.rendering import transcript_html
from service.api.serving import Id, application_of
from service.application import RunRecord, Status
from service.errors import NotFoundError

router = APIRouter(prefix="/v1/evaluations/{evaluation_id}/runs", tags=["runs"], route_class=JsonRoute)


async def _run_of(request: Request, caller: Reader, evaluation_id: Id, run_id: Id) -> RunRecord:
    """The run, under its own evaluation only."""
    record = await application_of(request).runs.get(caller.sees, run_id)
    if record.evaluation_id != evaluation_id:
        raise NotFoundError(f"evaluation {evaluation_id!r} has no run {run_id!r}")
    return record


Found = Annotated[RunRecord, Depends(_run_of)]


@router.get("", response_model=RunsAnswer)
async def list_runs(request: Request, caller: Reader, evaluation_id: Id) -> RunsAnswer:
    """List an evaluation's runs, by repeat."""
    runs = await application_of(request).runs.list(caller.sees, evaluation_id)
    return RunsAnswer(data=tuple(run_answer(run) for run in runs))


@router.get("/{run_id}", response_model=RunDetailAnswer)
async def read_run(request: Request, caller: Reader, found: Found) -> RunDetailAnswer:
    """Read one run: its verdicts by arm, its identity, which models answered and which prompts were asked."""
    runs = application_of(request).runs
    done = found.state.status is Status.COMPLETED
    identity = (await runs.result(caller.sees, found.id)).run if done else None
    return run_detail_answer(found, identity, await runs.calls(caller.sees, found.id))


@router.get("/{run_id}/transcript", response_model=Transcript, responses=documented("ndjson", "markdown", "html"))
async def read_transcript(
    request: Request,
    caller: Reader,
    found: Found,
    format: Annotated[Format | None, Query(description="Wins over the Accept header.")] = None,
) -> Response:
    """Read what was said, in order, as JSON, as NDJSON with one turn a line, as Markdown, or as a page."""
    chosen = wanted(request, format, ("json", "ndjson", "markdown", "html"))
    result = await application_of(request).runs.result(caller.sees, found.id)
    headers = {"Content-Security-Policy": SELF_CONTAINED_POLICY} if chosen == "html" else {}
    match chosen:
        case "ndjson":
            text = "".join(turn.model_dump_json() + "\n" for turn in result.transcript.turns)
        case "markdown":
            item = (await application_of(request).evaluations.get(caller.sees, found.evaluation_id)).item
            text = transcript_markdown(result, await _personas(request, caller, found), item)
        case "html":
            text = transcript_html(result, await _personas(request, caller, found))
        case _:
            text = result.transcript.model_dump_json()
    return Response(text, headers=headers, media_type=MEDIA_TYPES[chosen])


async def _personas(request: Request, caller: Reader, found: RunRecord) -> PersonaSet | None:
    """The run's personas, so that a transcript calls them as they call each other."""
    application = application_of(request)
    evaluation = await application.evaluations.get(caller.sees, found.evaluation_id)
    return (await application.persona_sets.get(caller.sees, evaluation.persona_set_id)).persona_set


@router.get("/{run_id}/drift", response_model=LexicalDriftAnswer)
async def read_drift(request: Request, caller: Reader, found: Found) -> LexicalDriftAnswer:
    """Read how far each persona's words moved from its card, turn by turn, and from its model's words without a persona.

    Known for every heard run, and asks no model but the one that embeds: the first reading of a run takes a moment.
    What cannot be known is null, and says why.
    """
    return drift_answer(await application_of(request).drifts.get(caller.sees, found.id))


@router.get("/{run_id}/turns/{turn_id:path}", response_model=TurnAnswer)
async def read_turn(
    request: Request,
    caller: Reader,
    found: Found,
    turn_id: Annotated[str, Path(max_length=300, description="As in the transcript: `alone/PERSONA`.")],
) -> TurnAnswer:
    """Read one turn with the exact messages that the persona saw and the raw replies."""
    turn, calls = await application_of(request).runs.turn(caller.sees, found.id, turn_id)
    return TurnAnswer(turn=turn, calls=calls)
