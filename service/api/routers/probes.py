"""What is asked about a run that has been heard: when its verdict was settled, how well its personas stayed in role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from service.api.answers.probes import AdherenceAnswer, CommitmentAnswer, adherence_answer, commitment_answer
from service.api.callers import Reader, Writer
from service.api.events import state_stream
from service.api.json_route import JsonRoute
from service.api.routers.runs import Found
from service.api.serving import Wait, accepted, application_of, json_answer, when_ended
from service.application import AdherenceRequest, CommitmentRequest, ProbeKind, ProbeRecord, RunRecord

router = APIRouter(prefix="/v1/evaluations/{evaluation_id}/runs/{run_id}", tags=["runs"], route_class=JsonRoute)


@router.put(
    "/commitment", status_code=202, response_model=CommitmentAnswer, responses={200: {"model": CommitmentAnswer}}
)
async def measure_commitment(request: Request, caller: Writer, found: Found, body: CommitmentRequest) -> Response:
    """Have the verdict drawn anew after each turn of the debate, to see when it was settled. A job.

    Asks the run's own models. Every answer is kept as it comes: put again, by two callers at once, after a failure or
    with more draws, it goes on and pays for nothing twice. A test that has been made is answered at once, with 200.
    """
    return _answer(await application_of(request).probes.put(caller.sees, found.id, body), found)


@router.get("/commitment", response_model=CommitmentAnswer)
async def read_commitment(request: Request, caller: Reader, found: Found, wait: Wait = 0) -> CommitmentAnswer:
    """Read the last commitment test of a run: its state, and in the end its figures. A 404 while nobody has asked."""
    return commitment_answer(await _read(request, caller, found, ProbeKind.COMMITMENT, wait))


@router.put("/adherence", status_code=202, response_model=AdherenceAnswer, responses={200: {"model": AdherenceAnswer}})
async def measure_adherence(request: Request, caller: Writer, found: Found, body: AdherenceRequest) -> Response:
    """Have an observer rate how well each persona stayed in role, contribution by contribution. A job.

    The observer sees the card and the words, never the grades: 0-3 for staying in role, and five questions, 1-5. Kept and
    put again like a commitment test.
    """
    return _answer(await application_of(request).probes.put(caller.sees, found.id, body), found)


@router.get("/adherence", response_model=AdherenceAnswer)
async def read_adherence(request: Request, caller: Reader, found: Found, wait: Wait = 0) -> AdherenceAnswer:
    """Read the last audit of a run's adherence: its state, and in the end its figures. A 404 while nobody has asked."""
    return adherence_answer(await _read(request, caller, found, ProbeKind.ADHERENCE, wait))


@router.post("/{probe}/cancel", response_model=CommitmentAnswer | AdherenceAnswer)
async def cancel_probe(
    request: Request, caller: Writer, found: Found, probe: ProbeKind
) -> CommitmentAnswer | AdherenceAnswer:
    """Ask nothing more. What was answered is kept for the next one; cancelling what has ended changes nothing."""
    record = await application_of(request).probes.cancel(caller.sees, found.id, probe)
    return _answers(record)


class Watched(NamedTuple):
    """Whose progress is wanted."""

    owner: str | None
    run_id: str
    kind: ProbeKind


async def _watched(request: Request, caller: Reader, found: Found, probe: ProbeKind) -> Watched:
    """Looked up before the stream begins, so that one that nobody asked for is a 404."""
    await application_of(request).probes.get(caller.sees, found.id, probe)
    return Watched(caller.sees, found.id, probe)


@router.get("/{probe}/events", response_class=EventSourceResponse)
async def stream_probe(
    request: Request, watched: Annotated[Watched, Depends(_watched)]
) -> AsyncIterator[ServerSentEvent]:
    """Listen to a commitment test or an audit of adherence (Server-Sent Events): its state and counts as they change.

    `commitment.completed`, `.failed` or `.cancelled`, or the same of `adherence`, is the last. After ten minutes the
    server closes with `event: reconnect`.
    """
    application, longest_s = application_of(request), request.app.state.stream_max_s

    async def read() -> ProbeRecord:
        return await application.probes.get(*watched)

    async for event in state_stream(application, read, watched.kind, longest_s=longest_s):
        yield event


async def _read(request: Request, caller: Reader, found: RunRecord, kind: ProbeKind, wait_s: float) -> ProbeRecord:
    return await when_ended(lambda: application_of(request).probes.get(caller.sees, found.id, kind), wait_s)


def _answer(record: ProbeRecord, run: RunRecord) -> Response:
    if record.state.status.ended:
        return json_answer(_answers(record))
    return accepted(_answers(record), f"/v1/evaluations/{run.evaluation_id}/runs/{run.id}/{record.kind}")


def _answers(record: ProbeRecord) -> CommitmentAnswer | AdherenceAnswer:
    return commitment_answer(record) if record.kind is ProbeKind.COMMITMENT else adherence_answer(record)
