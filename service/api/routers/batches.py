"""Batches: a file of items in, a file of results out, and the stability report."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from service.api.answers.batches import BatchAnswer, batch_answer, batch_line_answer
from service.api.answers.jobs import EstimateAnswer
from service.api.batch_files import BATCH_BODY, BatchFile, batch_file
from service.api.callers import Reader, Writer
from service.api.idempotency import HEADER, answer_once, fingerprint, keeping
from service.api.json_route import JsonRoute
from service.api.middleware import SELF_CONTAINED_POLICY
from service.api.negotiation import MEDIA_TYPES, Format, documented, wanted
from service.api.paging import Listing, Paged, listing
from service.api.rendering import report_markdown
from service.api.serving import DryRun, Id, Wait, accepted, application_of, json_answer, when_ended
from service.application import BatchRecord, Spool
from stability import StabilityReport, report_html

router = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=JsonRoute)


@router.post(
    "",
    status_code=202,
    response_model=BatchAnswer,
    responses={200: {"model": EstimateAnswer}},
    openapi_extra={"requestBody": BATCH_BODY},
)
async def create_batch(request: Request, caller: Writer, dry_run: DryRun = False) -> Response:
    """Have many items judged. A job.

    NDJSON: the first line says how, `{"batch": {"persona_set": "ps_...", "rubric": "ru_...", "repeats": 3}}`, each
    further line holds an item, `{"custom_id": "...", "item": {...}}`. Or a form with `batch` (that JSON object) and `items`
    (the file of items). The whole file is checked before anything is stored or spent.
    """
    batches = application_of(request).batches

    async def create(file: BatchFile, items: AsyncIterable[bytes] | Spool) -> Response:
        if dry_run:
            return json_answer(EstimateAnswer.of(await batches.estimate(caller.owner, file.asked, items)))
        return _accepted(await batches.create(caller.owner, file.asked, items, keep=keeping(request, _accepted)))

    async with batch_file(request) as file:
        if HEADER not in request.headers:
            return await create(file, file.chunks)
        async with batches.spooled(file.chunks) as items:
            asked = fingerprint(request, file.asked.model_dump_json().encode() + items.digest)
            return await answer_once(request, asked, lambda: create(file, items))


def _accepted(record: BatchRecord) -> Response:
    return accepted(batch_answer(record), f"/v1/batches/{record.id}")


@router.get("", response_model=Listing[BatchAnswer])
async def list_batches(request: Request, caller: Reader, paging: Paged) -> Listing[BatchAnswer]:
    """List batches, newest first."""
    page = await application_of(request).batches.list(caller.sees, after=paging.after, limit=paging.limit)
    return listing(page, batch_answer)


@router.get("/{batch_id}", response_model=BatchAnswer)
async def read_batch(request: Request, caller: Reader, batch_id: Id, wait: Wait = 0) -> BatchAnswer:
    """Read a batch: how many items stand where, and the cost so far."""
    batches = application_of(request).batches
    return batch_answer(await when_ended(lambda: batches.get(caller.sees, batch_id), wait))


@router.post("/{batch_id}/cancel", response_model=BatchAnswer)
async def cancel_batch(request: Request, caller: Writer, batch_id: Id) -> BatchAnswer:
    """Cancel what has not been heard yet. What is done stays."""
    return batch_answer(await application_of(request).batches.cancel(caller.sees, batch_id))


@router.delete("/{batch_id}", status_code=204)
async def delete_batch(request: Request, caller: Writer, batch_id: Id) -> None:
    """Delete a batch that has ended, with all of its evaluations."""
    await application_of(request).batches.delete(caller.sees, batch_id)


@router.get("/{batch_id}/results", response_class=StreamingResponse, responses=documented("ndjson", "csv"))
async def stream_results(
    request: Request,
    caller: Reader,
    batch_id: Id,
    format: Annotated[Literal["ndjson", "csv"] | None, Query(description="Wins over the Accept header.")] = None,
) -> Response:
    """Read the results as NDJSON, in any order: one tagged line for every line that was sent. 409 until the batch has ended.

    Or the ratings behind them as CSV: one row for each item, run, persona and dimension that was rated, and for each
    verdict, in the columns that `POST /v1/stability` reads. A text that a spreadsheet would take for a formula stands
    behind an apostrophe.
    """
    batches = application_of(request).batches
    if format == "csv" or (format is None and "text/csv" in request.headers.get("accept", "")):
        return await _table(batches.table(caller.sees, batch_id), batch_id)
    record = await batches.get(caller.sees, batch_id)
    results = batches.results(caller.sees, batch_id)
    first = await anext(results, None)  # what is wrong shows before the answer begins

    async def lines() -> AsyncIterator[bytes]:
        if first is not None:
            yield batch_line_answer(first, record.models).model_dump_json().encode() + b"\n"
        async for result in results:
            yield batch_line_answer(result, record.models).model_dump_json().encode() + b"\n"

    return StreamingResponse(lines(), media_type=MEDIA_TYPES["ndjson"])


async def _table(chunks: AsyncIterator[bytes], batch_id: str) -> Response:
    """A CSV file as it is read."""
    first = await anext(chunks)  # what is wrong shows before the answer begins

    async def all_of_it() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{batch_id}.csv"'}
    return StreamingResponse(all_of_it(), headers=headers, media_type=MEDIA_TYPES["csv"])


@router.get("/{batch_id}/report", response_model=StabilityReport, responses=documented("html", "markdown"))
async def read_report(
    request: Request,
    caller: Reader,
    batch_id: Id,
    format: Annotated[Format | None, Query(description="Wins over the Accept header.")] = None,
) -> Response:
    """Read the stability report as JSON, as a self-contained page, or as Markdown. 409 until it is ready."""
    chosen = wanted(request, format, ("json", "html", "markdown"))
    report = await application_of(request).batches.report(caller.sees, batch_id)
    return report_response(report, chosen, title=f"Stability of batch {batch_id}")


@router.put("/{batch_id}/report", status_code=202, response_model=BatchAnswer)
async def remake_report(request: Request, caller: Writer, batch_id: Id) -> Response:
    """Have the report made again, with the human scores that were given since. The old one is answered until then.

    A job: `report_status` is `pending` until it is made. 409 while the batch is at work or its report is being made.
    """
    return _accepted(await application_of(request).batches.remake_report(caller.sees, batch_id))


def report_response(report: StabilityReport, chosen: str, *, title: str) -> Response:
    """The report in the chosen format."""
    if chosen == "html":
        headers = {"Content-Security-Policy": SELF_CONTAINED_POLICY}
        return Response(report_html(report, title=title), headers=headers, media_type=MEDIA_TYPES["html"])
    if chosen == "markdown":
        return Response(report_markdown(report), media_type=MEDIA_TYPES["markdown"])
    return json_answer(report)
