"""`/try`: paste documents and an output, press one button, watch the debate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from agents import Arm, DebateProtocol, HearingInputError, Item, Rubric, SummaryItem, TextItem
from clustering import ClusteringError, NoUsableDocumentError
from llm import LlmError
from service.application import EvaluationRequest, PersonaSetRequest, Scope, Status, public_name
from service.errors import InvalidRequestError, NotFoundError, Problem, ServiceError
from service.pages.failures import failure_page
from service.pages.rendering import FORM_HEADERS, render
from service.pages.sign_in import owner_of

if TYPE_CHECKING:
    from service.application import Application

EXAMPLE = Path(__file__).parent / "templates" / "example.yaml"
FILES_MAX = 50
REPEATS = (1, 3, 5, 10, 20)
DEFAULT_REPEATS = 3
DEFAULT_PERSONAS = 4
REFUSED = (ServiceError, ClusteringError, HearingInputError, LlmError, ValidationError)
FIELDS = {"output": "output", "source": "source", "sources": "source", "documents": "documents", "files": "documents"}
"""The form's name for a part of a request, as problems point at it."""
"""Enough to disagree, few enough to read in two minutes."""


@dataclass(frozen=True, slots=True)
class TryPage:
    """The form, filled in as far as it was."""

    documents: str
    source: str
    output: str
    repeats: int
    repeats_offered: tuple[int, ...]
    model: str
    simulated: bool
    problem: str | None = None
    field: str = ""
    """Which field the problem is about: its name in the form; empty where it is about none of them."""


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """Personas are being built; the hearing is asked for as soon as they are."""

    persona_set_id: str
    status: str
    done: bool
    failed: str | None
    source: str
    output: str
    repeats: int
    simulated: bool
    skipped: tuple[str, ...]
    """Files, or parts of them, that could not be read; where there are any, the hearing waits to be begun by hand."""


def add_trying(router: APIRouter, application: Application) -> None:
    """The form, the wait for the personas, and the hearing."""

    @router.get("/try")
    async def form(request: Request) -> Response:
        filled = _example() if request.query_params.get("example") else {}
        return _form(application, filled)

    @router.post("/try")
    async def begin(request: Request) -> Response:
        async with request.form(max_files=FILES_MAX) as form:
            try:
                owner = await owner_of(request, Scope.WRITE)
                item(form)
                ids, skipped = await _documents(application, owner, form)
                record = await application.persona_sets.create(
                    owner,
                    PersonaSetRequest(
                        name="Tried in the browser", documents=ids, options={"personas": DEFAULT_PERSONAS}
                    ),
                )
                return await _waiting(application, owner, record.id, form, skipped)
            except REFUSED as error:
                return _form(application, form, error)

    @router.post("/try/{persona_set_id}")
    async def hear(request: Request, persona_set_id: str) -> Response:
        async with request.form() as form:
            try:
                owner = await owner_of(request, Scope.WRITE)
                found = await application.persona_sets.get(owner, persona_set_id)
                if found.state.status is not Status.COMPLETED:
                    return await _waiting(application, owner, persona_set_id, form)
                record = await application.evaluations.create(owner, _hearing(persona_set_id, form))
            except NotFoundError as error:
                return failure_page(request, error)
            except REFUSED as error:
                return _form(application, form, error)
            return RedirectResponse(f"/evaluations/{quote(record.id)}", 303)


def item(form: FormData) -> Item:
    """What is to be judged. Raises InvalidRequestError without an output."""
    source, output = _text(form, "source"), _text(form, "output")
    if not output:
        raise _missing("output", "paste the output that is to be judged")
    if source:
        return SummaryItem(id="tried", sources=(source,), output=output)
    return TextItem(id="tried", instruction="Judge this text for its readers.", output=output)


async def _documents(
    application: Application, owner: str | None, form: FormData
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids of the stored documents, uploads and pasted ones with a line of dashes between them; and what was left out."""
    uploads = [one for one in form.getlist("files") if isinstance(one, UploadFile) and one.filename]
    texts = [part.strip() for part in _text(form, "documents").split("\n---\n") if part.strip()]
    ids: list[str] = []
    skipped: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for upload in uploads:
        try:
            added = await application.documents.add(owner, await upload.read(), upload.filename or "", seen=seen)
        except NoUsableDocumentError as error:
            skipped += [f"{one.name}: {one.reason}: {one.detail}" for one in error.skipped] or [str(error)]
            continue
        ids += [document.id for document in added.documents]
        skipped += [f"{one.name}: {one.reason}" for one in added.skipped]
    for number, text in enumerate(texts, start=1):
        added = await application.documents.add(owner, text.encode(), f"pasted-{number}.txt", seen=seen)
        ids += [document.id for document in added.documents]
    if not ids:
        reasons = "; ".join(["paste or upload at least one document in which people speak for themselves", *skipped])
        raise _missing("documents", reasons)
    return tuple(ids), tuple(skipped)


def _hearing(persona_set_id: str, form: FormData) -> EvaluationRequest:
    return EvaluationRequest(
        item=item(form),
        persona_set=persona_set_id,
        rubric=Rubric.model_validate(_example()["rubric"]),
        protocol=DebateProtocol(arms=(Arm.DEBATE,)),
        repeats=_repeats(form),
    )


async def _waiting(
    application: Application, owner: str | None, persona_set_id: str, form: FormData, skipped: tuple[str, ...] = ()
) -> Response:
    record = await application.persona_sets.get(owner, persona_set_id)
    status = record.state.status
    page = WaitingPage(
        persona_set_id=persona_set_id,
        status=status.value,
        done=status is Status.COMPLETED,
        failed=record.state.error or status.value if status.ended and status is not Status.COMPLETED else None,
        source=_text(form, "source"),
        output=_text(form, "output"),
        repeats=_repeats(form),
        simulated=_simulated(application),
        skipped=skipped,
    )
    return HTMLResponse(render("waiting.html", page, path="/try"), headers=FORM_HEADERS)


def _form(application: Application, filled: Any, error: Exception | None = None) -> Response:
    page = TryPage(
        documents=_text(filled, "documents"),
        source=_text(filled, "source"),
        output=_text(filled, "output"),
        repeats=_repeats(filled),
        repeats_offered=REPEATS,
        model=public_name(application.settings.model),
        simulated=_simulated(application),
        problem=_reason(error) if error else None,
        field=_field(error) if error else "",
    )
    return HTMLResponse(render("try.html", page, path="/try"), 422 if error else 200, FORM_HEADERS)


def _simulated(application: Application) -> bool:
    return application.settings.model.startswith("simulated")


def _text(form: Any, name: str) -> str:
    value = form.get(name, "")
    return value.replace("\r\n", "\n").strip() if isinstance(value, str) else ""


def _repeats(form: Any) -> int:
    value = str(form.get("repeats", DEFAULT_REPEATS))
    return int(value) if value.isdecimal() and int(value) in REPEATS else DEFAULT_REPEATS


def _missing(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(message, [Problem(f"/{field}", message, "missing")])


def _field(error: Exception) -> str:
    """The form's name of the first field that an error points at; empty where it points at none."""
    if isinstance(error, ValidationError):
        named = [str(part) for one in error.errors() for part in one["loc"]]
    elif isinstance(error, ClusteringError):
        named = ["documents"]
    else:
        named = [part for one in getattr(error, "problems", ()) for part in one.pointer.split("/")]
    return next((FIELDS[name] for name in named if name in FIELDS), "")


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'/'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return str(error)


def _example() -> dict[str, Any]:
    """The example's texts and the rubric of every try."""
    found: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    return found
