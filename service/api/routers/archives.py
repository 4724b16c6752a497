"""A batch as one file, for moving it between installations."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from service.api.answers.batches import BatchAnswer, batch_answer
from service.api.bodies import spooled
from service.api.callers import Reader, Writer
from service.api.idempotency import answer_once, fingerprint, keeping
from service.api.json_route import JsonRoute
from service.api.serving import Id, application_of, created
from service.application import BatchRecord

router = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=JsonRoute)

MEDIA_TYPE = "application/gzip"
_FILE = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {"required": True, "content": {MEDIA_TYPE: _FILE}}


@router.get(
    "/{batch_id}/export", response_class=StreamingResponse, responses={200: {"content": {MEDIA_TYPE: dict(_FILE)}}}
)
async def export_batch(request: Request, caller: Reader, batch_id: Id) -> Response:
    """Export an ended batch as one gzipped file, with its personas, rubric, items, runs and every call."""
    chunks = application_of(request).batches.export(caller.sees, batch_id)
    first = await anext(chunks, b"")  # what is wrong shows before the answer begins

    async def file() -> Any:
        yield first
        async for chunk in chunks:
            yield chunk

    headers = {"Content-Disposition": f'attachment; filename="{batch_id}.ndjson.gz"'}
    return StreamingResponse(file(), headers=headers, media_type=MEDIA_TYPE)


@router.post("/import", status_code=201, response_model=BatchAnswer, openapi_extra={"requestBody": _BODY})
async def import_batch(request: Request, caller: Writer) -> Response:
    """Import a batch that was exported elsewhere. It gets ids of its own and belongs to the caller; nothing is heard."""
    application = application_of(request)
    async with spooled(request.stream(), application.settings.data_dir / "spool") as body:

        async def store() -> Response:
            keep = keeping(request, _created)
            return _created(await application.batches.import_(caller.owner, body.chunks(), keep=keep))

        return await answer_once(request, fingerprint(request, body.digest), store)


def _created(record: BatchRecord) -> Response:
    return created(batch_answer(record), f"/v1/batches/{record.id}")
