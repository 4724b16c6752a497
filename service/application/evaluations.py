"""Evaluations: one item heard as often as asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Item, Rubric
from service.application.batch_counts import forget_counts
from service.application.context import LOCAL_OWNER, Context, now
from service.application.evaluation_rows import evaluation_record, human_score
from service.application.hearings import (
    PreparedHearing,
    check_items,
    check_queue,
    count_in_queue,
    estimate_items,
    prepare_hearing,
)
from service.application.idempotency import Keep
from service.application.lifecycle import run_rows, stop_evaluation
from service.application.paging import owned, read_page, whole_batches_only
from service.application.ranking import RankedPage, Ranking, Swings, count_swings, ranked_ids
from service.application.records import Estimate, EvaluationRecord, EventRecord, Page, Status
from service.application.requests import EvaluationRequest, HumanScoreRequest
from service.application.rubrics import put_rubric_id
from service.application.scoring import graded_rubric
from service.application.waiting import with_waits
from service.errors import ConflictError, InvalidRequestError, NotFoundError, Problem
from service.store import new_id, tables, write_once

# built once: building a statement costs more than SQLite takes to carry it out
_INSERT_EVALUATIONS, _INSERT_RUNS, _INSERT_EVENTS = (
    sa.insert(table) for table in (tables.evaluations, tables.runs, tables.events)
)
_ABSENT: dict[str, Any] = {
    column.name: None if column.nullable else 0 for column in tables.evaluations.c if column.name != "item"
}
"""What the columns hold that a new evaluation says nothing about."""
_LISTED = [column for column in tables.evaluations.c if column.name not in ("item", "webhook_secret", "disagreements")]


@dataclass(frozen=True, slots=True)
class EvaluationFilter:
    """Which evaluations a list shows; None for any."""

    status: Status | None = None
    batch_id: str | None = None
    persona_set_id: str | None = None
    rubric_id: str | None = None
    item_id: str | None = None
    system: str | None = None
    kind: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None
    """Part of the item's id, of its custom id, its system or its source, in any case."""
    disagree: bool = False
    """Only those of whose repeats one came out unlike the others, on any dimension of the widest arm."""


class Evaluations:
    """One item, one persona set, one rubric, any number of repeats."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(
        self, owner: str | None, request: EvaluationRequest, *, keep: Keep[EvaluationRecord] | None = None
    ) -> EvaluationRecord:
        """Stores the evaluation and its runs; workers begin them. Everything is checked before anything is stored.

        keep: what is stored with it. Raises InvalidRequestError, agents.HearingInputError, llm.ModelConfigurationError, QueueFullError.
        """
        prepared = await self._prepare(owner, request)
        await check_queue(self._context)
        owner = owner or LOCAL_OWNER
        row = evaluation_row(owner, prepared, prepared.columns(""), item_columns(request.item))

        def record() -> EvaluationRecord:
            return replace(evaluation_record(_ABSENT | row, item=False), item=request.item)

        async def operation(connection: AsyncConnection) -> None:
            row["rubric_id"] = prepared.rubric_id or await put_rubric_id(connection, owner, prepared.rubric)
            await insert_evaluations(connection, [row], prepared.repeats_min)
            if keep is not None:
                await keep(connection, record())

        made = sa.select(tables.evaluations.c.id).where(tables.evaluations.c.id == row["id"])
        await write_once(self._context.store, operation, made=made)
        count_in_queue(self._context, prepared.repeats_min)
        self._context.work_waits.ring()
        return record()

    async def estimate(self, owner: str | None, request: EvaluationRequest) -> Estimate:
        """What `create` would spend; nothing is stored."""
        prepared = await self._prepare(owner, request)
        return await asyncio.to_thread(estimate_items, prepared, [request.item])

    async def _prepare(self, owner: str | None, request: EvaluationRequest) -> PreparedHearing:
        from agents import expand

        prepared = await prepare_hearing(self._context, owner, request)
        parts = expand(request.item)
        if len(parts) != 1 or parts[0].id != request.item.id:
            message = f"`each_turn` makes {len(parts)} items of this dialogue; send it as a batch"
            raise InvalidRequestError(message, [Problem("/item/judge", message, "needs_batch")])
        check_items(prepared, [request.item])
        return prepared

    async def get(self, owner: str | None, evaluation_id: str) -> EvaluationRecord:
        """With its item and every human score. Raises NotFoundError."""
        table, human = tables.evaluations, tables.human_scores
        query = sa.select(table).where(table.c.id == evaluation_id, owned(table, owner))
        scores = sa.select(human).where(human.c.evaluation_id == evaluation_id).order_by(human.c.id)

        async def operation(connection: AsyncConnection) -> EvaluationRecord:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise NotFoundError(f"no evaluation {evaluation_id!r}")
            chain = [human_score(one._mapping) for one in await connection.execute(scores)]
            return evaluation_record(row._mapping, item=True, human=chain)

        return await with_waits(self._context, owner, await self._context.store.look(operation))

    async def list(
        self,
        owner: str | None,
        filters: EvaluationFilter | None = None,
        *,
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
        order: Literal["newest", "least_stable"] = "newest",
    ) -> Page[EvaluationRecord]:
        """Without items. `least_stable` is the first page of `ranked`; a cursor goes with `newest`."""
        if order == "least_stable":
            return (await self.ranked(owner, filters, limit=limit)).page
        table = tables.evaluations
        asked = filters or EvaluationFilter()
        query = sa.select(*_LISTED).where(owned(table, owner), *_conditions(asked))
        if asked.disagree:
            query = query.where(table.c.disagreement > 0)
        async with self._context.store.read() as connection:
            query = query.where(*await whole_batches_only(connection, table))
            return await read_page(connection, query, table, _listed, after=after, limit=limit)

    async def ranked(
        self,
        owner: str | None,
        filters: EvaluationFilter | None = None,
        *,
        by: Ranking | None = None,
        number: int = 1,
        limit: int = 50,
    ) -> RankedPage:
        """One page of those whose repeats disagree most first, without items, and how many there are in all.

        Args:
            by: the dimension and arm whose verdicts are ranked; by default the one that disagrees most, in the widest.
            number: of the page, from 1.
        """
        asked = filters or EvaluationFilter()
        conditions = [owned(tables.evaluations, owner), *_conditions(asked)]
        async with self._context.store.read() as connection:
            conditions += await whole_batches_only(connection, tables.evaluations)
            found = await ranked_ids(
                connection, conditions, by or Ranking(), asked.disagree, limit * (number - 1), limit
            )
            rows = await connection.execute(sa.select(*_LISTED).where(tables.evaluations.c.id.in_(found.ids)))
            records = {row.id: _listed(row) for row in rows}
        shown = tuple(records[name] for name in found.ids if name in records)
        return RankedPage(Page(shown, limit * number < found.total), found.total, found.disagreeing)

    async def swings(
        self, owner: str | None, filters: EvaluationFilter, pairs: Sequence[Ranking], other: str
    ) -> Sequence[Swings]:
        """For each dimension and arm of `pairs`, on how many items it swings less between repeats than the arm `other`."""
        if not pairs:
            return ()
        async with self._context.store.read() as connection:
            conditions = [owned(tables.evaluations, owner), *_conditions(filters)]
            return await count_swings(connection, conditions, pairs, other)

    async def cancel(self, owner: str | None, evaluation_id: str) -> EvaluationRecord:
        """Stops what has not ended; what is done stays. An evaluation that has ended stays as it is."""
        await self.get(owner, evaluation_id)

        async def operation(connection: AsyncConnection) -> None:
            await stop_evaluation(connection, evaluation_id, "cancelled", "cancelled by its owner")

        await self._context.store.write(operation)
        self._context.something_happened.ring()
        return await self.get(owner, evaluation_id)

    async def delete(self, owner: str | None, evaluation_id: str) -> None:
        """Forgets an ended evaluation with its runs, transcripts and calls. Raises ConflictError for one at work."""
        record = await self.get(owner, evaluation_id)
        if not record.state.status.ended:
            raise ConflictError(f"evaluation {evaluation_id!r} is {record.state.status}; cancel it first")

        async def operation(connection: AsyncConnection) -> None:
            await forget_counts(connection, evaluation_id)
            await delete_evaluations(connection, [evaluation_id])

        await self._context.store.write(operation)

    async def wait(self, owner: str | None, evaluation_id: str, timeout_s: float) -> EvaluationRecord:
        """The evaluation as soon as it has ended, or as it is after `timeout_s`."""

        table = tables.evaluations
        query = sa.select(table.c.ended_at).where(table.c.id == evaluation_id, owned(table, owner))

        async def operation(connection: AsyncConnection) -> datetime | None:
            row = (await connection.execute(query)).one_or_none()
            return row.ended_at if row is not None else now()

        async def ended() -> datetime | None:
            return await self._context.store.look(operation)

        await self._context.poll(ended, timeout_s)
        return await self.get(owner, evaluation_id)

    async def add_human_score(
        self, owner: str | None, evaluation_id: str, request: HumanScoreRequest
    ) -> EvaluationRecord:
        """A person's score stands beside the verdict; earlier ones are kept. Raises InvalidRequestError off the scale."""
        record = await self.get(owner, evaluation_id)
        async with self._context.store.read() as connection:
            body = sa.select(tables.rubrics.c.body).where(tables.rubrics.c.id == record.rubric_id)
            rubric = Rubric.model_validate((await connection.execute(body)).scalar_one())
        _check_score(request, graded_rubric(rubric, record.item_kind))
        row = {
            "id": new_id("hs"),
            "owner": record.owner,
            "created_at": now(),
            "evaluation_id": evaluation_id,
            **request.model_dump(),
        }
        table = tables.human_scores
        await write_once(
            self._context.store,
            lambda connection: connection.execute(sa.insert(table), row),
            made=sa.select(table.c.id).where(table.c.id == row["id"]),
        )
        return await self.get(owner, evaluation_id)

    async def events(
        self, owner: str | None, evaluation_id: str, after: int = 0, limit: int = 500
    ) -> tuple[EventRecord, ...]:
        """Events with a number above `after`, in order. Raises NotFoundError."""
        table, events = tables.evaluations, tables.events
        exists = sa.select(table.c.id).where(table.c.id == evaluation_id, owned(table, owner))
        query = sa.select(events).where(events.c.subject_id == evaluation_id, events.c.number > after)

        async def operation(connection: AsyncConnection) -> tuple[EventRecord, ...]:
            if (await connection.execute(exists)).one_or_none() is None:
                raise NotFoundError(f"no evaluation {evaluation_id!r}")
            rows = await connection.execute(query.order_by(events.c.number).limit(limit))
            return tuple(EventRecord(row.number, row.kind, row.data, row.created_at, row.terminal) for row in rows)

        return await self._context.store.look(operation)  # who follows a debate looks every second, mostly at nothing

    async def wait_for_events(
        self, owner: str | None, evaluation_id: str, after: int, timeout_s: float
    ) -> tuple[EventRecord, ...]:
        """The next events, as soon as there are any; none after `timeout_s`."""

        async def some() -> tuple[EventRecord, ...] | None:
            return await self.events(owner, evaluation_id, after) or None

        return await self._context.poll(some, timeout_s) or ()


def evaluation_row(
    owner: str,
    prepared: PreparedHearing,
    columns: Mapping[str, Any],
    item: Mapping[str, Any],
    custom_id: str | None = None,
    batch_id: str | None = None,
) -> dict[str, Any]:
    """The row of a new evaluation. columns: from `PreparedHearing.columns`. item: from `item_columns`."""
    return {
        **columns,
        "id": new_id("ev"),
        "owner": owner,
        "created_at": now(),
        "batch_id": batch_id,
        "custom_id": custom_id,
        "runs": prepared.repeats_min,
        **item,
    }


def item_columns(item: Item) -> dict[str, Any]:
    """Values of the columns of an evaluation that tell of its item."""
    return {
        "item_id": item.id,
        "item_kind": item.kind,
        "item_hash": item.content_hash,
        "cluster": item.cluster,
        "system": item.system,
        "item": item.model_dump_json(),
    }


async def insert_evaluations(connection: AsyncConnection, rows: Sequence[dict[str, Any]], repeats: int) -> None:
    """Rows of `evaluation_row` with `repeats` queued runs each and their first event, inside a write."""
    await connection.execute(_INSERT_EVALUATIONS, [{**row, "events": 1} for row in rows])
    await connection.execute(_INSERT_RUNS, [run for row in rows for run in run_rows(row, 0, repeats)])
    events = [
        {
            "subject_id": row["id"],
            "number": 1,
            "created_at": row["created_at"],
            "kind": "evaluation.queued",
            "data": {"evaluation_id": row["id"], "runs": repeats},
            "terminal": False,
        }
        for row in rows
    ]
    await connection.execute(_INSERT_EVENTS, events)


async def delete_evaluations(connection: AsyncConnection, ids: list[str]) -> None:
    """With everything that hangs on them; the ledger has no foreign key, so it is cleared by scope."""
    await connection.execute(sa.delete(tables.calls).where(tables.calls.c.scope_id.in_(ids)))
    await connection.execute(sa.delete(tables.call_texts).where(tables.call_texts.c.scope_id.in_(ids)))
    await connection.execute(sa.delete(tables.evaluations).where(tables.evaluations.c.id.in_(ids)))


def _listed(row: sa.Row[Any]) -> EvaluationRecord:
    return evaluation_record(row._mapping, item=False)


def _conditions(filters: EvaluationFilter) -> list[sa.ColumnElement[bool]]:
    columns = tables.evaluations.c
    equal = {
        columns.status: filters.status,
        columns.batch_id: filters.batch_id,
        columns.persona_set_id: filters.persona_set_id,
        columns.rubric_id: filters.rubric_id,
        columns.item_id: filters.item_id,
        columns.system: filters.system,
        columns.item_kind: filters.kind,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if filters.created_after is not None:
        conditions.append(columns.created_at > filters.created_after)
    if filters.created_before is not None:
        conditions.append(columns.created_at < filters.created_before)
    if filters.text:
        named = (columns.item_id, columns.custom_id, columns.system, columns.cluster)
        conditions.append(sa.or_(*(column.icontains(filters.text, autoescape=True) for column in named)))
    return conditions


def _check_score(request: HumanScoreRequest, rubric: Rubric) -> None:
    dimensions = {one.name: one for one in rubric.dimensions}
    if request.dimension not in dimensions:
        message = f"the rubric has no dimension {request.dimension!r}; it has {', '.join(dimensions)}"
        raise InvalidRequestError(message, [Problem("/dimension", message, "not_found")])
    scale = dimensions[request.dimension]
    if not scale.low <= request.value <= scale.high:
        message = f"{request.value!r} lies off the scale of {request.dimension!r}: {scale.low} to {scale.high}"
        raise InvalidRequestError(message, [Problem("/value", message, "off_scale")])
