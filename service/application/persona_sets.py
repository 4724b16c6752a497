"""Persona sets: built from documents by a job, or given; never changed, only derived from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from clustering import (
    Assignment,
    Document,
    MapPoint,
    PersonaInputError,
    PersonaOptions,
    PersonaSet,
    given_persona_set,
)
from llm import Model, ModelConfigurationError, Purpose
from service.application.context import LOCAL_OWNER, Context, now
from service.application.documents import Documents, NewDocuments, insert_documents, too_many_documents
from service.application.evaluation_rows import job_state
from service.application.hearings import read_persona_set
from service.application.idempotency import Keep
from service.application.paging import owned, read_page
from service.application.persona_changes import calibrated_set, edited_set
from service.application.records import Estimate, Page, PersonaSetRecord, Progress, Status
from service.application.requests import PersonaSetCalibration, PersonaSetEdit, PersonaSetRequest
from service.application.spending import spent_of
from service.application.stored import stored
from service.application.webhook_checks import check_webhook
from service.errors import ConflictError, InvalidRequestError, LimitExceededError, NotFoundError, Problem
from service.store import new_id, tables, write_once

_LISTED = [column for column in tables.persona_sets.c if column.name not in ("body", "webhook_secret")]
_STAGES = Progress(0, 0, None)
_ABSENT: dict[str, Any] = {column.name: None if column.nullable else 0 for column in tables.persona_sets.c}
"""What the columns hold that a new set says nothing about."""


class PersonaSets:
    """Judges, made out of what stakeholders said."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(
        self,
        owner: str | None,
        request: PersonaSetRequest,
        *,
        new: Sequence[NewDocuments] = (),
        keep: Keep[PersonaSetRecord] | None = None,
    ) -> PersonaSetRecord:
        """Stores the job; a worker builds the set. A set of given personas is complete at once.

        Args:
            new: documents that the request names and that are not stored yet: they are, with the job.
            keep: what else is stored with it.

        Raises InvalidRequestError, NotFoundError for a document, llm.ModelConfigurationError.
        """
        options = persona_options(request)
        self._check(request, options)
        if request.personas:
            return await self.store_set(owner, request.name, given_persona_set(request.personas), keep=keep)
        model = extraction_model(self._context, request)
        await self._check_documents(owner, request.documents, new)
        row = {
            "id": new_id("ps"),
            "owner": owner or LOCAL_OWNER,
            "created_at": now(),
            "status": Status.QUEUED,
            "expires_at": now() + self._context.settings.job_expires_after,
            "name": request.name,
            "request": {
                "documents": list(request.documents),
                "options": options.model_dump(mode="json"),
                "model": model.spec if model else None,
                "budget_usd_max": request.budget_usd_max,
            },
            "webhook_url": request.webhook.url if request.webhook else None,
            "webhook_secret": request.webhook.secret if request.webhook else None,
        }
        record = await self._insert(row, None, new, keep)
        self._context.work_waits.ring()
        return record

    async def estimate(
        self, owner: str | None, request: PersonaSetRequest, *, new: Sequence[NewDocuments] = ()
    ) -> Estimate:
        """What `create` would spend, after the same checks; nothing is stored."""
        options = persona_options(request)
        self._check(request, options)
        model = extraction_model(self._context, request) if request.documents else None
        documents = await self._check_documents(owner, request.documents, new)
        if model is None:
            return Estimate(0, 0, 0, 0, 0.0, {})
        return await asyncio.to_thread(_estimate, documents, model.spec, options)

    async def store_set(
        self,
        owner: str | None,
        name: str,
        persona_set: PersonaSet,
        parent: str | None = None,
        document_ids: Sequence[str] = (),
        *,
        keep: Keep[PersonaSetRecord] | None = None,
    ) -> PersonaSetRecord:
        """Stores a set that is complete already. keep: what is stored with it."""
        moment = now()
        row = {
            "id": new_id("ps"),
            "owner": owner or LOCAL_OWNER,
            "created_at": moment,
            "started_at": moment,
            "ended_at": moment,
            "status": Status.COMPLETED,
            "name": name,
            "request": {"documents": [*document_ids]},
            "parent": parent,
            "cost_usd": 0.0,
            **set_columns(persona_set),
        }
        return await self._insert(row, persona_set, (), keep)

    async def _insert(
        self,
        row: dict[str, Any],
        persona_set: PersonaSet | None,
        new: Sequence[NewDocuments],
        keep: Keep[PersonaSetRecord] | None,
    ) -> PersonaSetRecord:
        table = tables.persona_sets
        record = _record(_ABSENT | row, persona_set)

        async def operation(connection: AsyncConnection) -> None:
            await insert_documents(connection, new)
            await connection.execute(sa.insert(table), row)
            if keep is not None:
                await keep(connection, record)

        await write_once(self._context.store, operation, made=sa.select(table.c.id).where(table.c.id == row["id"]))
        return record

    async def edit(
        self,
        owner: str | None,
        persona_set_id: str,
        edit: PersonaSetEdit,
        *,
        keep: Keep[PersonaSetRecord] | None = None,
    ) -> PersonaSetRecord:
        """A new set with the changes, which names this one as its parent; this one stays.

        Raises NotFoundError, ConflictError until it has completed, InvalidRequestError for a change that cannot be made.
        """
        return await self._derive(owner, persona_set_id, edit.name, lambda old: edited_set(old, edit), keep)

    async def calibrate(
        self,
        owner: str | None,
        persona_set_id: str,
        asked: PersonaSetCalibration,
        *,
        keep: Keep[PersonaSetRecord] | None = None,
    ) -> PersonaSetRecord:
        """A new set whose weights match a population's shares (raking), with this one as its parent; this one stays.

        keep: what is stored with it.

        Raises NotFoundError, ConflictError until it has completed, InvalidRequestError where no weights match.
        """
        return await self._derive(owner, persona_set_id, asked.name, lambda old: calibrated_set(old, asked), keep)

    async def _derive(
        self,
        owner: str | None,
        persona_set_id: str,
        name: str | None,
        change: Callable[[PersonaSet], PersonaSet],
        keep: Keep[PersonaSetRecord] | None,
    ) -> PersonaSetRecord:
        old = await self.get(owner, persona_set_id)
        if old.persona_set is None:
            raise ConflictError(
                f"persona set {persona_set_id!r} is {old.state.status}; it can be changed when completed"
            )
        changed = change(old.persona_set)
        return await self.store_set(old.owner, name or old.name, changed, old.id, old.document_ids, keep=keep)

    async def get(self, owner: str | None, persona_set_id: str) -> PersonaSetRecord:
        """With its personas, once it has completed. Raises NotFoundError."""
        table = tables.persona_sets
        query = sa.select(table).where(table.c.id == persona_set_id, owned(table, owner), table.c.loading_at.is_(None))
        async with self._context.store.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(f"no persona set {persona_set_id!r}")
        with stored("persona set", persona_set_id):
            return _record(row._mapping, read_persona_set(row.body) if row.body else None)

    async def list(
        self, owner: str | None, *, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> Page[PersonaSetRecord]:
        """Newest first, without their personas."""
        query = sa.select(*_LISTED).where(owned(tables.persona_sets, owner), tables.persona_sets.c.loading_at.is_(None))
        async with self._context.store.read() as connection:
            return await read_page(
                connection,
                query,
                tables.persona_sets,
                lambda row: _record(row._mapping, None),
                after=after,
                limit=limit,
            )

    async def map(self, owner: str | None, persona_set_id: str) -> tuple[MapPoint, ...]:
        """The set's perspectives in two dimensions. Raises NotFoundError, and ConflictError until it has completed."""
        record = await self.get(owner, persona_set_id)
        if record.persona_set is None:
            raise ConflictError(f"persona set {persona_set_id!r} is {record.state.status}; it has no map yet")
        return record.persona_set.map

    async def assign(
        self, owner: str | None, persona_set_id: str, documents: Sequence[str | Document]
    ) -> tuple[Assignment, ...]:
        """Where the statements of new documents, stored ones by id, belong in this set; it stays as it is.

        Raises NotFoundError, InvalidRequestError for a document that is not there, LimitExceededError, and ConflictError
        until the set has completed or where it holds no statements.
        """
        record = await self.get(owner, persona_set_id)
        if record.persona_set is None:
            raise ConflictError(f"persona set {persona_set_id!r} is {record.state.status}; assign to it when completed")
        if len(documents) > self._context.limits.documents_per_set:
            raise too_many_documents(len(documents), self._context.limits.documents_per_set)
        stored = await self._check_documents(owner, tuple(one for one in documents if isinstance(one, str)))
        by_id = {one.id: one for one in stored}
        texts = [by_id[one] if isinstance(one, str) else one for one in documents]
        return await asyncio.to_thread(_assigned, self._context, record.persona_set, texts)

    async def cancel(self, owner: str | None, persona_set_id: str) -> PersonaSetRecord:
        """Stops building; a set that has ended stays as it is."""
        await self.get(owner, persona_set_id)
        table = tables.persona_sets
        cancel = (
            sa.update(table)
            .where(table.c.id == persona_set_id, table.c.status.in_((Status.QUEUED, Status.RUNNING)))
            .values(status=Status.CANCELLED, ended_at=now(), error_code="cancelled", error="cancelled by its owner")
        )
        await self._context.store.write(lambda connection: connection.execute(cancel))
        return await self.get(owner, persona_set_id)

    async def delete(self, owner: str | None, persona_set_id: str) -> None:
        """Forgets it with its calls. Raises ConflictError while it is being built, or evaluations rest on it."""
        record = await self.get(owner, persona_set_id)
        if not record.state.status.ended:
            raise ConflictError(f"persona set {persona_set_id!r} is {record.state.status}; cancel it first")
        used = sa.select(tables.evaluations.c.id).where(tables.evaluations.c.persona_set_id == persona_set_id).limit(1)
        async with self._context.store.read() as connection:
            evaluation_id = (await connection.execute(used)).scalar_one_or_none()
        if evaluation_id is not None:
            raise ConflictError(
                f"persona set {persona_set_id!r} judged evaluation {evaluation_id!r}; delete that first"
            )

        async def operation(connection: Any) -> None:
            for table, column in (
                (tables.calls, "scope_id"),
                (tables.call_texts, "scope_id"),
                (tables.persona_sets, "id"),
            ):
                await connection.execute(sa.delete(table).where(table.c[column] == persona_set_id))

        await self._context.store.write(operation)

    def _check(self, request: PersonaSetRequest, options: PersonaOptions) -> None:
        limits = self._context.limits
        check_webhook(self._context, request.webhook)
        if options.resamples and len(request.documents) < 2:
            message = f"resamples={options.resamples} needs two documents or more, got {len(request.documents)}"
            raise InvalidRequestError(message, [Problem("/options/resamples", message, "too_few_documents")])
        if len(request.documents) > limits.documents_per_set:
            raise too_many_documents(len(request.documents), limits.documents_per_set)
        if len(request.personas) > limits.personas_per_set:
            message = f"{len(request.personas)} personas; at most {limits.personas_per_set} make one set"
            raise LimitExceededError(message, [Problem("/personas", message, "limit_exceeded")])

    async def _check_documents(
        self, owner: str | None, ids: tuple[str, ...], new: Sequence[NewDocuments] = ()
    ) -> Sequence[Document]:
        try:
            return await Documents(self._context).load(owner, ids, new)
        except NotFoundError as error:
            raise InvalidRequestError(str(error), [Problem("/documents", str(error), "not_found")]) from error


def _assigned(context: Context, persona_set: PersonaSet, documents: Sequence[Document]) -> tuple[Assignment, ...]:
    from clustering import assign_documents

    try:
        return assign_documents(persona_set, documents, embedder=context.models.embedder())
    except PersonaInputError as error:
        raise ConflictError(str(error)) from error


def persona_options(request: PersonaSetRequest) -> PersonaOptions:
    """The options, checked. Raises InvalidRequestError that names the field."""
    try:
        return PersonaOptions.model_validate(request.options)
    except ValidationError as error:
        problems = [
            Problem("/options" + "".join(f"/{part}" for part in one["loc"]), one["msg"], one["type"])
            for one in error.errors(include_url=False)
        ]
        place, known = problems[0].pointer.lstrip("/"), ", ".join(PersonaOptions.model_fields)
        raise InvalidRequestError(f"{place}: {problems[0].detail}; the options are {known}", problems) from error


def extraction_model(context: Context, request: PersonaSetRequest) -> Model | None:
    """The model that reads the documents; None for the extractive mode. Raises InvalidRequestError."""
    spec = request.model or context.settings.persona_model
    if spec is None or spec == "extractive":
        return None
    try:
        return context.models.check(spec)
    except ModelConfigurationError as error:
        if request.model is None:
            raise
        raise InvalidRequestError(str(error), [Problem("/model", str(error), "model_not_usable")]) from error


def _estimate(documents: Sequence[Document], spec: str, options: PersonaOptions) -> Estimate:
    """A resample reads about 63 % of the documents again, and is counted whole."""
    from clustering import estimate_extraction

    told, readings = estimate_extraction(documents, spec, demographics=options.demographics), 1 + options.resamples
    calls, given, taken = (readings * count for count in (told.calls, told.input_tokens, told.output_tokens))
    cost = None if told.cost_usd is None else readings * told.cost_usd
    figures: dict[str, float | int | None] = {
        "calls": calls,
        "input_tokens": given,
        "output_tokens": taken,
        "cost_usd": cost,
    }
    return Estimate(0, calls, given, taken, cost, {str(Purpose.EXTRACTION): figures})


def set_columns(persona_set: PersonaSet) -> dict[str, Any]:
    """Values of the columns that tell about a complete set."""
    return {
        "content_hash": persona_set.content_hash,
        "personas": len(persona_set.personas),
        "groups": len(persona_set.groups),
        "method": persona_set.method,
        "body": persona_set.model_dump_json(),
    }


def _record(row: Mapping[Any, Any], persona_set: PersonaSet | None) -> PersonaSetRecord:
    with stored("persona set", row["id"]):
        progress = Progress(**row["progress"]) if row["progress"] else _STAGES
        return PersonaSetRecord(
            id=row["id"],
            owner=row["owner"],
            name=row["name"],
            state=job_state(row, progress),
            created_at=row["created_at"],
            content_hash=row["content_hash"],
            personas=row["personas"],
            groups=row["groups"],
            method=row["method"],
            parent=row["parent"],
            document_ids=tuple(row["request"]["documents"]),
            persona_set=persona_set,
            cost_usd=spent_of(row).cost_usd if row["status"] == Status.COMPLETED else None,
        )
