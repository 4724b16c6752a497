"""A batch as it is sent: how the items are to be heard, and the stream of items."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from service.api.bodies import CHUNK_BYTES, split_first_line
from service.api.failures import field_problems
from service.api.json_route import parse_json
from service.api.problem import ProblemError
from service.api.serving import application_of
from service.application import BatchRequest

LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/ndjson")

BATCH_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/x-ndjson": {
            "schema": {
                "type": "string",
                "description": "First line: `{'batch': {...}}` with how to hear; then one `{'custom_id', 'item'}` a line.",
            }
        },
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["batch", "items"],
                "additionalProperties": False,
                "properties": {
                    "batch": {"type": "string", "description": "How to hear, as a JSON object."},
                    "items": {"type": "string", "format": "binary", "description": "One item a line."},
                },
            }
        },
    },
}
"""For the OpenAPI document: FastAPI cannot see a body that is read as a stream."""


class BatchFile(NamedTuple):
    """What was sent."""

    asked: BatchRequest
    chunks: AsyncIterable[bytes]
    """The lines with the items, in pieces of any size; line 1 of a file with a head is left as an empty line."""


@asynccontextmanager
async def batch_file(request: Request) -> AsyncIterator[BatchFile]:
    """The batch in a request's body, which is read no further than its first line. Raises a problem where it is none."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in LINES:
        yield await _with_head(request)
    elif media == "multipart/form-data":
        async with request.form(max_files=1, max_fields=1, max_part_size=CHUNK_BYTES) as form:
            yield _from_form(form.get("batch"), form.get("items"))
    else:
        raise ProblemError(
            "unsupported-media-type",
            f"Content-Type {media[:80]!r} is not read here; send {LINES[0]} or multipart/form-data",
        )


async def _with_head(request: Request) -> BatchFile:
    limits = application_of(request).settings.limits
    line, rest = await split_first_line(request.stream(), limits.line_bytes)
    head = parse_json(line, place="line 1")
    if not isinstance(head, dict) or set(head) != {"batch"}:
        raise ProblemError(
            "invalid-batch",
            'line 1 must say how the items are heard: {"batch": {"persona_set": "ps_...", "rubric": ...}}',
        )

    async def numbered() -> AsyncIterator[bytes]:
        yield b"\n"  # so that line numbers in errors are those of the file
        async for chunk in rest:
            yield chunk

    return BatchFile(_request_in(head["batch"]), numbered())


def _from_form(batch: Any, items: Any) -> BatchFile:
    if not isinstance(batch, str) or not isinstance(items, UploadFile):
        raise ProblemError("invalid-request", "the form must hold `batch`, a JSON object, and the file `items`")

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await items.read(CHUNK_BYTES):
            yield chunk

    return BatchFile(_request_in(parse_json(batch.encode(), place="the field `batch`")), chunks())


def _request_in(value: Any) -> BatchRequest:
    try:
        return BatchRequest.model_validate(value)
    except ValidationError as error:
        places = field_problems([{**one, "loc": ("body", *one["loc"])} for one in error.errors()], value)
        places = tuple(place.model_copy(update={"pointer": f"/batch{place.pointer}"}) for place in places)
        raise ProblemError(
            "invalid-request", f"batch{places[0].pointer[6:]}: {places[0].detail}", errors=places
        ) from None
