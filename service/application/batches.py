"""Batches: many items heard the same way, and the report on all of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Item
from service.application.archive import export_batch, import_batch
from service.application.batch_counts import count_evaluations, counted
from service.application.batch_files import (
    CheckedItems,
    Spool,
    check_lines,
    checked_items,
    expanded,
    invalid_batch,
    spooled,
)
from service.application.batch_rows import batch_record, batch_result, new_batch_record
from service.application.context import LOCAL_OWNER, Context, now
from service.application.evaluations import evaluation_row
from service.application.hearings import PreparedHearing, check_items, check_queue, estimate_items, prepare_hearing
from service.application.idempotency import Keep
from service.application.lifecycle import stop_batch
from service.application.loading import ROWS, forget, load
from service.application.paging import owned, read_page
from service.application.ratings_csv import csv_chunks
from service.application.ratings_files import ratings_path
from service.application.records import BatchRecord, BatchResult, Estimate, Page
from service.application.reports import Reports
from service.application.requests import BatchRequest
from service.application.rubrics import put_rubric_id
from service.application.spending import scaled_estimate
from service.application.waiting import with_waits
from service.errors import ConflictError, NotFoundError, Problem
from service.store import new_id, tables, write_once

if TYPE_CHECKING:
    from stability import StabilityReport

_LISTED = [column for column in tables.batches.c if column.name not in ("report", "webhook_secret")]
_CHECKED_AT_ONCE = 200
_SAMPLED = 100  # items that an estimate rehearses


class Batches:
    """Files of items."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reports = Reports(context)

    @asynccontextmanager
    async def spooled(self, chunks: AsyncIterable[bytes] | Spool) -> AsyncIterator[Spool]:
        """A stream of NDJSON on disk, with the hash of its bytes, for `create` and `estimate`; a spool is left as it is."""
        if isinstance(chunks, Spool):
            yield chunks
            return
        async with spooled(chunks, self._spool_folder, self._context.limits) as spool:
            yield spool

    async def create(
        self,
        owner: str | None,
        request: BatchRequest,
        chunks: AsyncIterable[bytes] | Spool,
        *,
        keep: Keep[BatchRecord] | None = None,
    ) -> BatchRecord:
        """Stores every item of an NDJSON stream; workers begin them. With one bad line nothing is stored.

        keep: what is stored with it, in the commit from which on it is there. Raises InvalidBatchError that names the
        lines, InvalidRequestError, QueueFullError.
        """
        prepared = await prepare_hearing(self._context, owner, request)
        await check_queue(self._context)
        async with self.spooled(chunks) as spool, checked_items(self._spool_folder) as items:
            await asyncio.to_thread(self._check, prepared, spool, items)
            record = await self._store(owner or LOCAL_OWNER, prepared, request, items, keep)
        self._context.queue_seen = None  # it may have grown by many
        self._context.work_waits.ring()
        return record

    async def estimate(
        self, owner: str | None, request: BatchRequest, chunks: AsyncIterable[bytes] | Spool
    ) -> Estimate:
        """What `create` would spend, after the same checks; nothing is stored."""
        prepared = await prepare_hearing(self._context, owner, request)
        async with self.spooled(chunks) as spool:
            return await asyncio.to_thread(self._estimate, prepared, spool)

    @property
    def _spool_folder(self) -> Path:
        return self._context.settings.data_dir / "spool"

    def _check(self, prepared: PreparedHearing, spool: Spool, items: CheckedItems) -> None:
        """Fills `items` with what the file holds, all of it checked."""
        for some in self._checked(prepared, spool):
            for custom_id, item in some:
                items.add(custom_id, item)

    def _estimate(self, prepared: PreparedHearing, spool: Spool) -> Estimate:
        """From a random sample of the lines: long and short items come in any order."""
        chance, count = random.Random(prepared.request.seed), 0
        sample: list[Item] = []
        for items in self._checked(prepared, spool):
            for _, item in items:
                count += 1
                place = len(sample) if count <= _SAMPLED else chance.randrange(count)
                sample[place : place + 1] = [item] if place < _SAMPLED else sample[place : place + 1]
        return scaled_estimate(estimate_items(prepared, sample), count / len(sample))

    def _checked(self, prepared: PreparedHearing, spool: Spool) -> Iterator[list[tuple[str, Item]]]:
        """The items with their custom ids, some at a time."""
        held: list[tuple[str, Item]] = []
        places: list[int] = []
        for number, line in check_lines(spool, self._context.limits):
            some = expanded(line)
            held += some
            places += [number] * len(some)
            if len(held) >= _CHECKED_AT_ONCE:
                _check_held(prepared, held, places)
                yield held
                held, places = [], []
        if held:
            _check_held(prepared, held, places)
            yield held

    async def _store(
        self,
        owner: str,
        prepared: PreparedHearing,
        request: BatchRequest,
        items: CheckedItems,
        keep: Keep[BatchRecord] | None,
    ) -> BatchRecord:
        """In steps: the batch is there once all of it is."""
        rubric_id = await write_once(
            self._context.store, lambda connection: put_rubric_id(connection, owner, prepared.rubric)
        )
        columns = prepared.columns(rubric_id)
        batch = {
            **columns,
            "id": new_id("ba"),
            "owner": owner,
            "created_at": now(),
            "name": request.name,
            "items": items.count,
        }
        record = new_batch_record(batch)

        async def keep_record(connection: AsyncConnection) -> None:
            if keep is not None:
                await keep(connection, record)

        rows = _evaluation_rows(owner, prepared, columns, items, batch["id"])
        await load(self._context, batch, rows, prepared.repeats_min, keep=keep_record)
        return record

    async def get(self, owner: str | None, batch_id: str) -> BatchRecord:
        """With its counts and what it cost so far. Raises NotFoundError."""
        row = await self._row(owner, batch_id)
        async with self._context.store.read() as connection:
            found = await counted(connection, row)
        return await with_waits(self._context, owner, batch_record(row._mapping, *found))

    async def list(
        self, owner: str | None, *, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> Page[BatchRecord]:
        """Newest first."""
        query = sa.select(*_LISTED).where(owned(tables.batches, owner), tables.batches.c.loading_at.is_(None))
        async with self._context.store.read() as connection:
            page = await read_page(connection, query, tables.batches, lambda row: row, after=after, limit=limit)
            told = [await counted(connection, row) for row in page.rows]
        rows = zip(page.rows, told, strict=True)
        return Page(tuple(batch_record(row._mapping, *found) for row, found in rows), page.has_more)

    async def cancel(self, owner: str | None, batch_id: str) -> BatchRecord:
        """Stops what has not ended; what is done stays, and the report is made of it."""
        await self._row(owner, batch_id)

        async def operation(connection: AsyncConnection) -> None:
            await stop_batch(connection, batch_id, "cancelled", "cancelled by its owner")

        await self._context.store.write(operation)  # made again where it and a run's end wait for each other
        self._context.something_happened.ring()
        return await self.get(owner, batch_id)

    async def delete(self, owner: str | None, batch_id: str) -> None:
        """Forgets an ended batch with everything in it. Raises ConflictError for one at work."""
        row = await self._row(owner, batch_id)
        if row.ended_at is None:
            raise ConflictError(f"batch {batch_id!r} is {row.status}; cancel it first")
        await forget_batch(self._context, batch_id)

    async def results(self, owner: str | None, batch_id: str) -> AsyncIterator[BatchResult]:
        """One result for every item that has ended, read as a stream. Raises ConflictError until the batch has ended."""
        row = await self._row(owner, batch_id)
        if row.ended_at is None:
            raise ConflictError(f"batch {batch_id!r} is {row.status}; its results are there when it has ended")
        async for one in _rows_of_batch(self._context, batch_id):
            yield batch_result(one._mapping)

    async def report(self, owner: str | None, batch_id: str) -> StabilityReport:
        """Its stability report. Raises ConflictError while there is none, saying why."""
        return await self._reports.get(owner, batch_id)

    async def remake_report(self, owner: str | None, batch_id: str) -> BatchRecord:
        """Has its report made again, with the people's scores that were given since. A job: `report_status` tells of it.

        Raises ConflictError while the batch is at work or its report is being made."""
        await self._row(owner, batch_id)
        await self._reports.remake(owner, batch_id)
        return await self.get(owner, batch_id)

    async def ratings(self, owner: str | None, batch_id: str) -> Path:
        """A Parquet file of its ratings so far."""
        return await self._reports.ratings(owner, batch_id)

    async def table(self, owner: str | None, batch_id: str) -> AsyncIterator[bytes]:
        """Its ratings as CSV (`ratings_csv`), read as a stream. Raises ConflictError until the batch has ended."""
        row = await self._row(owner, batch_id)
        if row.ended_at is None:
            raise ConflictError(f"batch {batch_id!r} is {row.status}; its results are there when it has ended")
        async for chunk in csv_chunks(await self.ratings(owner, batch_id)):
            yield chunk

    async def export(self, owner: str | None, batch_id: str) -> AsyncIterator[bytes]:
        """An ended batch as one file, with personas, items, runs and calls. Raises ConflictError for one at work."""
        row = await self._row(owner, batch_id)
        if row.ended_at is None:
            raise ConflictError(f"batch {batch_id!r} is {row.status}; it can be exported when it has ended")
        async for chunk in export_batch(self._context, batch_id):
            yield chunk

    async def import_(
        self, owner: str | None, chunks: AsyncIterable[bytes], *, keep: Keep[BatchRecord] | None = None
    ) -> BatchRecord:
        """A batch that another installation exported, under ids of its own. keep: what is stored with it.

        Raises InvalidRequestError.
        """

        async def keep_record(connection: AsyncConnection, batch_id: str) -> None:
            if keep is None:
                return
            row = (await connection.execute(sa.select(*_LISTED).where(tables.batches.c.id == batch_id))).one()
            await keep(connection, batch_record(row._mapping, *await count_evaluations(connection, batch_id)))

        return await self.get(owner, await import_batch(self._context, owner or LOCAL_OWNER, chunks, keep=keep_record))

    async def _row(self, owner: str | None, batch_id: str) -> sa.Row[Any]:
        table = tables.batches
        async with self._context.store.read() as connection:
            query = sa.select(*_LISTED).where(table.c.id == batch_id, owned(table, owner), table.c.loading_at.is_(None))
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(f"no batch {batch_id!r}")
        return row


def _evaluation_rows(
    owner: str, prepared: PreparedHearing, columns: dict[str, Any], items: CheckedItems, batch_id: str
) -> Iterator[list[dict[str, Any]]]:
    """The rows of a checked file, some at a time."""
    own = {**columns, "webhook_url": None, "webhook_secret": None, "budget_usd_max": None}
    rows = (evaluation_row(owner, prepared, own, item, custom_id, batch_id) for custom_id, item in items)
    while some := list(islice(rows, ROWS)):
        yield some


def _check_held(prepared: PreparedHearing, held: Sequence[tuple[str, Item]], places: Sequence[int]) -> None:
    """Whether these items can be heard; says which line cannot."""
    from agents import HearingInputError

    try:
        check_items(prepared, [item for _, item in held])
    except HearingInputError:
        for number, (_, item) in zip(places, held, strict=True):
            try:
                check_items(prepared, [item])
            except HearingInputError as error:
                raise invalid_batch([Problem(f"line:{number}", str(error), "cannot_be_heard")]) from error
        raise


async def _rows_of_batch(context: Context, batch_id: str) -> AsyncIterator[sa.Row[Any]]:
    table, last = tables.evaluations, ""
    columns = [table.c[name] for name in ("id", "custom_id", "status", "scores", "answered", "error", "error_code")]
    while True:
        query = (
            sa.select(*columns).where(table.c.batch_id == batch_id, table.c.id > last).order_by(table.c.id).limit(ROWS)
        )
        async with context.store.read() as connection:
            rows = (await connection.execute(query)).all()
        for row in rows:
            yield row
        if len(rows) < ROWS:
            return
        last = rows[-1].id


async def forget_batch(context: Context, batch_id: str) -> None:
    """Deletes a batch in steps that hold no lock for long, and the ratings file that was made of it on this machine."""
    await forget(context, batch_id)
    await asyncio.to_thread(ratings_path(context, batch_id).unlink, missing_ok=True)
