"""A batch as one file, for moving it between installations: gzipped lines, read and written as a stream.

On import every row gets an id of its own and belongs to whoever imports it, so a file can neither replace rows nor
reach into another owner's.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Rubric
from service.application.archive_rows import checked_row
from service.application.context import Context, now
from service.application.loading import forget, make_whole, mark_loading, undone_unless_complete
from service.application.records import ENDED
from service.application.rubrics import put_rubric_id
from service.errors import InvalidRequestError, LimitExceededError
from service.store import new_id, tables, write_once

FORMAT = "rehearing.batch/1"
_AT_ONCE = 200
_DROPPED = (
    "webhook_url",
    "webhook_secret",
    "told_at",
    "tell_after",
    "tellings",
    "worker_id",
    "dispatched_at",
    "expires_at",
    "loading_at",
    "counts",
    "counted_at",
)
_PREFIXES: dict[str, Any] = {
    "persona_sets": "ps",
    "rubrics": "ru",
    "batches": "ba",
    "evaluations": "ev",
    "runs": "rn",
    "human_scores": "hs",
    "probes": "pb",
}
_TOLD = ("evaluation_id", "run_id")
"""Ids that stand in what an event tells."""
_REFERENCES = ("persona_set_id", "rubric_id", "batch_id", "evaluation_id", "run_id", "subject_id", "scope_id")


async def export_batch(context: Context, batch_id: str) -> AsyncIterator[bytes]:
    """The file of an ended batch, in pieces."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    yield packer.compress(json.dumps({"format": FORMAT}).encode() + b"\n")
    async for name, row in _rows(context, batch_id):
        yield packer.compress(json.dumps({"table": name, "row": _plain(row)}, separators=(",", ":")).encode() + b"\n")
    yield packer.flush()


async def import_batch(
    context: Context,
    owner: str,
    chunks: AsyncIterable[bytes],
    *,
    keep: Callable[[AsyncConnection, str], Awaitable[None]],
) -> str:
    """The id of the batch that a file holds. It is stored in steps, and seen once all of it is; of a file that is bad, or
    whose import is cancelled, nothing stays. Raises InvalidRequestError for a bad file.

    keep: what is stored in the commit from which on the batch of that id is there.
    """
    importer = _Importer(context, owner)
    async with undone_unless_complete(importer.undo):
        async for number, line in _lines(chunks, context.limits.line_bytes * 4):
            with _blaming(f"line {number}"):
                await importer.take(number, json.loads(line))
        with _blaming("its last rows"):
            batch_id = await importer.finish()

    async def show(connection: AsyncConnection) -> None:
        await importer.show_sets(connection)
        await keep(connection, batch_id)

    await make_whole(context, batch_id, show, importer.undo)
    return batch_id


class _Importer:
    """Takes the rows of a file in their order: what is referred to comes before what refers to it."""

    def __init__(self, context: Context, owner: str) -> None:
        self._context, self._owner = context, owner
        self._ids: dict[str, str] = {}
        self._held: tuple[sa.Table, list[dict[str, Any]]] | None = None
        self._batch_id: str | None = None

    async def take(self, number: int, data: dict[str, Any]) -> None:
        if number == 1:
            if data.get("format") != FORMAT:
                raise _bad(f"format {data.get('format')!r} is not {FORMAT!r}")
            return
        name, row = data["table"], dict(data["row"])
        if name == "commitments":
            return  # written before there were probes, for which its calls would not count
        table = {one.name: one for one in _TABLES}[name]
        if name == "rubrics":
            rubric = Rubric.model_validate(row["body"])
            owner = self._owner
            self._ids[row["id"]] = await write_once(
                self._context.store, lambda connection: put_rubric_id(connection, owner, rubric)
            )
            return
        row = self._own(table, row)
        if self._held is None or self._held[0] is not table or len(self._held[1]) >= _AT_ONCE:
            await self._flush()
            self._held = (table, [])
        if name in ("batches", "persona_sets"):
            row["loading_at"] = now()
        if name == "batches":
            if self._batch_id is not None:
                raise ValueError("a second batch")
            self._batch_id = row["id"]
        self._held[1].append(row)

    async def finish(self) -> str:
        """The id of the batch, of which all is stored now."""
        await self._flush()
        if self._batch_id is None:
            raise _bad("it holds no batch")
        return self._batch_id

    async def undo(self) -> None:
        """Takes away what was stored. A rubric stays: it may have been there before."""
        if self._batch_id is not None:
            await forget(self._context, self._batch_id)
        await self._context.store.write(
            lambda connection: connection.execute(sa.delete(tables.persona_sets).where(self._is_set_of_ours))
        )

    async def show_sets(self, connection: AsyncConnection) -> None:
        """Lets the file's persona sets be seen, in the commit that lets its batch be seen."""
        await connection.execute(sa.update(tables.persona_sets).where(self._is_set_of_ours).values(loading_at=None))

    @property
    def _is_set_of_ours(self) -> sa.ColumnElement[bool]:
        made = [one for one in self._ids.values() if one.startswith(_PREFIXES["persona_sets"] + "_")]
        return tables.persona_sets.c.id.in_(made)

    async def _flush(self) -> None:
        if self._held is None:
            return
        (table, rows), self._held = self._held, None

        async def operation(connection: AsyncConnection) -> None:
            if self._batch_id is not None and table is not tables.batches:
                await mark_loading(connection, self._batch_id)
            await connection.execute(sa.insert(table), rows)

        first = [key == rows[0][key.name] for key in table.primary_key]
        await write_once(self._context.store, operation, made=sa.select(*table.primary_key).where(*first))

    def _own(self, table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
        """The row under ids of this installation; a reference to what the file does not hold is refused."""
        values = {
            column.name: _or_default(column, row.get(column.name)) for column in table.c if column.name not in _DROPPED
        }
        for name in _REFERENCES:
            if values.get(name) is not None:
                values[name] = self._ids[values[name]]
        if table is tables.events and isinstance(values["data"], dict):
            told = {name: self._ids[values["data"][name]] for name in _TOLD if name in values["data"]}
            values["data"] = values["data"] | told
        if "id" in values:
            fresh = new_id(_PREFIXES[table.name])
            self._ids[values["id"]] = fresh
            values["id"] = fresh
        if "owner" in values:
            values["owner"] = self._owner
        return checked_row(table, values)


_TABLES = (
    tables.persona_sets, tables.rubrics, tables.batches, tables.evaluations, tables.runs, tables.results,
    tables.ratings, tables.probes, tables.human_scores, tables.events, tables.calls, tables.call_texts,
)  # fmt: skip


async def _rows(context: Context, batch_id: str) -> AsyncIterator[tuple[str, Any]]:
    """Every row of a batch, in an order in which they can be stored again."""
    of_batch = tables.batches.c.id == batch_id
    in_batch = sa.select(tables.evaluations.c.id).where(tables.evaluations.c.batch_id == batch_id)
    heard = sa.select(tables.runs.c.id).where(tables.runs.c.batch_id == batch_id)
    probed = sa.and_(tables.probes.c.run_id.in_(heard), tables.probes.c.status.in_(ENDED))
    subjects = sa.union_all(heard, sa.select(tables.probes.c.id).where(probed))
    conditions = {
        "persona_sets": tables.persona_sets.c.id.in_(sa.select(tables.batches.c.persona_set_id).where(of_batch)),
        "rubrics": tables.rubrics.c.id.in_(sa.select(tables.batches.c.rubric_id).where(of_batch)),
        "batches": of_batch,
        "evaluations": tables.evaluations.c.batch_id == batch_id,
        "runs": tables.runs.c.batch_id == batch_id,
        "results": tables.results.c.run_id.in_(heard),
        "ratings": tables.ratings.c.batch_id == batch_id,
        "probes": probed,
        "human_scores": tables.human_scores.c.evaluation_id.in_(in_batch),
        "events": tables.events.c.subject_id.in_(in_batch),
        "calls": sa.and_(tables.calls.c.scope_id.in_(in_batch), tables.calls.c.subject_id.in_(subjects)),
        "call_texts": tables.call_texts.c.scope_id.in_(in_batch),
    }
    for table in _TABLES:
        keys = list(table.primary_key.columns)
        place: tuple[Any, ...] | None = None
        while True:
            query = sa.select(table).where(conditions[table.name]).order_by(*keys).limit(_AT_ONCE)
            if place is not None:
                query = query.where(sa.tuple_(*keys) > sa.tuple_(*(sa.literal(value) for value in place)))
            async with context.store.read() as connection:
                rows = (await connection.execute(query)).all()
            for row in rows:
                yield table.name, row._mapping
            if len(rows) < _AT_ONCE:
                break
            place = tuple(getattr(rows[-1], key.name) for key in keys)


def _plain(row: Any) -> dict[str, Any]:
    plain = {}
    for name, value in row.items():
        if name in _DROPPED or value is None:
            continue
        if isinstance(value, datetime):
            value = value.isoformat()
        plain[name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return plain


def _or_default(column: sa.Column[Any], value: Any) -> Any:
    """What an older file does not say is what the column says of itself."""
    if value is not None or column.nullable or column.server_default is None:
        return value
    default = column.server_default.arg  # type: ignore[attr-defined]
    return int(default) if isinstance(column.type, sa.Integer | sa.Float) else default


async def _lines(chunks: AsyncIterable[bytes], longest: int) -> AsyncIterator[tuple[int, bytes]]:
    unpacker, held, number = zlib.decompressobj(31), b"", 0
    async for chunk in chunks:
        while chunk:
            try:
                held += unpacker.decompress(chunk, 1 << 20)
            except zlib.error as error:
                raise _bad(f"it cannot be unpacked: {error}") from error
            chunk = unpacker.unconsumed_tail
            *complete, held = held.split(b"\n")
            for line in complete:
                number += 1
                yield number, line
            if len(held) > longest:
                raise LimitExceededError(f"line {number + 1} is longer than {longest} bytes")
    if not unpacker.eof:
        raise _bad("it ends too early; export it again")
    if unpacker.unused_data:
        raise _bad("something follows its end")
    if held:
        yield number + 1, held


@contextmanager
def _blaming(place: str) -> Iterator[None]:
    """What is wrong in a place of the file, as the caller's mistake."""
    try:
        yield
    except sa.exc.IntegrityError as error:
        raise _bad(f"{place}: a row stands there twice, or belongs to none") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _bad(f"{place}: {str(error)[:200]}") from error


def _bad(reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"this is no usable batch file of ours: {reason}; nothing was stored")
