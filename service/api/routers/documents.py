"""Documents: uploaded, read, kept as text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, File, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from clustering import NoUsableDocumentError
from service.api.answers.documents import DocumentAnswer, DocumentsAnswer, document_answer
from service.api.batch_files import LINES
from service.api.callers import Caller, Reader, Writer
from service.api.idempotency import CreatingRoute, keeping
from service.api.paging import Listing, Paged, listing
from service.api.problem import ProblemError
from service.api.serving import Id, application_of, json_answer
from service.application import DocumentsAdded, NewDocuments, SkippedDocument

router = APIRouter(prefix="/v1/documents", tags=["documents"], route_class=CreatingRoute)


NDJSON_NAME = "documents.ndjson"
"""What a file without a name is called in answers."""
_NDJSON_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            LINES[0]: {
                "schema": {"type": "string", "description": "One document a line, an object with `text` or a string."}
            }
        },
    }
}


@router.post("", status_code=201, response_model=DocumentsAnswer, openapi_extra=_NDJSON_BODY)
async def upload_documents(
    request: Request,
    caller: Writer,
    files: Annotated[
        list[UploadFile], File(description="txt, md, html, pdf, docx, jsonl or csv; jsonl and csv hold many.")
    ] = [],  # noqa: B006  read only
) -> Response:
    """Upload documents: a form with any number of files, or one NDJSON file as the body itself.

    Reads each file and keeps its text. A line of NDJSON or a row of csv is a document: `text`, and if wanted `id`, `title`,
    `role` (who speaks) and further fields, which become its metadata. What cannot be read stands under `skipped` with its
    name (`documents.ndjson#7` is line 7), and so does a text that was there already; the others are kept. Where nothing
    can be read, that is a 422.
    """
    seen: dict[tuple[str, str], str] = {}
    new = [await _read(request, caller, sent, seen) async for sent in _uploads(request, files)]
    if not any(one.rows for one in new):
        reasons = "; ".join(f"{bad.name!r}: {bad.reason}" for one in new for bad in one.skipped) or "no file was sent"
        raise ProblemError("unusable-documents", f"no file could be read: {reasons}")
    return _created(await application_of(request).documents.store(new, keep=keeping(request, _created)))


def _created(added: DocumentsAdded) -> Response:
    return json_answer(DocumentsAnswer.of(added), 201)


class _Sent(NamedTuple):
    name: str
    content: bytes


async def _uploads(request: Request, files: Sequence[UploadFile]) -> AsyncIterator[_Sent]:
    """One file at a time, so that only one is in memory. Raises a problem for a body of another kind."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in LINES:
        yield _Sent(NDJSON_NAME, await request.body())
    elif media not in ("multipart/form-data", ""):
        raise ProblemError(
            "unsupported-media-type",
            f"Content-Type {media[:80]!r} is not read here; send multipart/form-data or {LINES[0]}",
        )
    for file in files:
        yield _Sent((file.filename or "document.txt")[:200], await file.read())


async def _read(request: Request, caller: Caller, sent: _Sent, seen: dict[tuple[str, str], str]) -> NewDocuments:
    documents = application_of(request).documents
    try:
        return await documents.read(caller.owner, sent.content, sent.name, seen=seen)
    except NoUsableDocumentError as error:
        reasons = tuple(SkippedDocument(one.name, f"{one.reason}: {one.detail}") for one in error.skipped)
        return NewDocuments((), reasons or (SkippedDocument(sent.name, str(error)),))


@router.get("", response_model=Listing[DocumentAnswer])
async def list_documents(request: Request, caller: Reader, paging: Paged) -> Listing[DocumentAnswer]:
    """List documents, newest first, without their texts."""
    page = await application_of(request).documents.list(caller.sees, after=paging.after, limit=paging.limit)
    return listing(page, document_answer)


@router.get("/{document_id}", response_model=DocumentAnswer)
async def read_document(request: Request, caller: Reader, document_id: Id) -> DocumentAnswer:
    """Read one document with its text."""
    return document_answer(await application_of(request).documents.get(caller.sees, document_id))


@router.delete("/{document_id}", status_code=204)
async def delete_document(request: Request, caller: Writer, document_id: Id) -> None:
    """Forget a document. Persona sets that were made of it stay as they are."""
    await application_of(request).documents.delete(caller.sees, document_id)
