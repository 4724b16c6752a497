"""Documents: uploaded, read, kept as text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from clustering import NoUsableDocumentError
from service.api.answers.documents import DocumentAnswer, DocumentsAnswer, SkippedAnswer, document_answer
from service.api.callers import Caller, Reader, Writer
from service.api.idempotency import CreatingRoute
from service.api.paging import Listing, Paged, listing
from service.api.problem import ProblemError
from service.api.serving import Id, application_of, json_answer
from service.application import DocumentsAdded

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
    added: list[DocumentsAdded] = []
    skipped: list[SkippedAnswer] = []
    try:
        for file in files:
            await _add(request, caller, file, added, skipped)
    except BaseException:
        await _undo(request, caller, added)
        raise
    answer = DocumentsAnswer.of(added)
    answer = answer.model_copy(update={"skipped": (*answer.skipped, *skipped)})
    if not answer.documents:
        reasons = "; ".join(f"{one.name!r}: {one.reason}" for one in answer.skipped) or "no file was sent"
        raise ProblemError("unusable-documents", f"no file could be read: {reasons}")
    return json_answer(answer, 201)


async def _add(
    request: Request, caller: Caller, file: UploadFile, added: list[DocumentsAdded], skipped: list[SkippedAnswer]
) -> None:
    name = (file.filename or "document.txt")[:200]
    try:
        added.append(
            await application_of(request).documents.add(
                caller.owner, await file.read(), name, media_type=file.content_type
            )
        )
    except NoUsableDocumentError as error:
        reasons = [SkippedAnswer(name=one.name, reason=f"{one.reason}: {one.detail}") for one in error.skipped]
        skipped.extend(reasons or [SkippedAnswer(name=name, reason=str(error))])


async def _undo(request: Request, caller: Caller, added: list[DocumentsAdded]) -> None:
    """Forgets what a failed upload had stored already: all of it or nothing."""
    for part in added:
        for document in part.documents:
            await application_of(request).documents.delete(caller.owner, document.id)


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
