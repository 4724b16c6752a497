"""Documents: uploaded, read, kept as text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from clustering import NoUsableDocumentError
from service.api.answers.documents import DocumentAnswer, DocumentsAnswer, document_answer
from service.api.callers import Caller, Reader, Writer
from service.api.idempotency import CreatingRoute, keeping
from service.api.paging import Listing, Paged, listing
from service.api.problem import ProblemError
from service.api.serving import Id, application_of, json_answer
from service.application import DocumentsAdded, NewDocuments, SkippedDocument

router = APIRouter(prefix="/v1/documents", tags=["documents"], route_class=CreatingRoute)


@router.post("", status_code=201, response_model=DocumentsAnswer)
async def upload_documents(
    request: Request,
    caller: Writer,
    files: Annotated[
        list[UploadFile], File(description="txt, md, html, pdf, docx, jsonl or csv; jsonl and csv hold many.")
    ],
) -> Response:
    """Upload documents.

    Reads each file and keeps its text. A file that cannot be read stands under `skipped`; where none can, that is a 422.
    """
    new = [await _read(request, caller, file) for file in files]
    if not any(one.rows for one in new):
        reasons = "; ".join(f"{bad.name!r}: {bad.reason}" for one in new for bad in one.skipped) or "no file was sent"
        raise ProblemError("unusable-documents", f"no file could be read: {reasons}")
    return _created(await application_of(request).documents.store(new, keep=keeping(request, _created)))


def _created(added: DocumentsAdded) -> Response:
    return json_answer(DocumentsAnswer.of(added), 201)


async def _read(request: Request, caller: Caller, file: UploadFile) -> NewDocuments:
    name = (file.filename or "document.txt")[:200]
    try:
        return await application_of(request).documents.read(caller.owner, await file.read(), name)
    except NoUsableDocumentError as error:
        reasons = tuple(SkippedDocument(one.name, f"{one.reason}: {one.detail}") for one in error.skipped)
        return NewDocuments((), reasons or (SkippedDocument(name, str(error)),))


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
