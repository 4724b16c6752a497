"""What is deleted leaves nothing behind: not in the store, not in the data folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application import (
    Application,
    BatchRequest,
    EvaluationRequest,
    PersonaSetRequest,
    Purged,
    open_application,
)
from service.application.loading import forget_abandoned
from service.application.stopped_runs import settle_dropped
from service.errors import InvalidRequestError, NotFoundError
from service.store import tables

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def ratings_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.parquet")]


async def ended_batch(app: Application, personas: Any, rubric: Any, item: Any) -> tuple[str, str]:
    """(batch, persona set): a batch that was cancelled before anybody heard it, with its ratings file written."""
    persona_set = await app.persona_sets.create("me", PersonaSetRequest(personas=personas))

    async def lines() -> AsyncIterator[bytes]:
        yield json.dumps({"custom_id": "a", "item": item.model_dump(mode="json")}).encode() + b"\n"

    batch = await app.batches.create("me", BatchRequest(persona_set=persona_set.id, rubric=rubric), lines())
    await app.batches.cancel("me", batch.id)
    await app.batches.ratings("me", batch.id)
    return batch.id, persona_set.id


async def test_a_deleted_batch_takes_its_ratings_file_along(
    sqlite_settings: Any, personas: Any, rubric: Any, item: Any, tmp_path: Path
) -> None:
    async with open_application(sqlite_settings) as app:
        batch_id, _ = await ended_batch(app, personas, rubric, item)
        assert ratings_files(tmp_path) == [f"{batch_id}.parquet"]
        await app.batches.delete("me", batch_id)
    assert ratings_files(tmp_path) == []


async def test_a_purge_first_says_what_it_would_delete(
    settings: Any, personas: Any, rubric: Any, item: Any, tmp_path: Path
) -> None:
    async with open_application(settings) as app:
        batch_id, set_id = await ended_batch(app, personas, rubric, item)
        kept = await app.persona_sets.create("me", PersonaSetRequest(personas=personas))
        await app.evaluations.create("me", EvaluationRequest(persona_set=kept.id, rubric=rubric, item=item))
        assert await app.purge(timedelta(days=1), dry_run=True) == Purged(0, 0, 0, 0, 0)
        told = await app.purge(timedelta(0), dry_run=True)
        assert (told.batches, told.evaluations, told.persona_sets) == (1, 0, 1)
        assert (await app.batches.get("me", batch_id)).id == batch_id
        assert await app.purge(timedelta(0)) == told
        assert ratings_files(tmp_path) == []
        with pytest.raises(NotFoundError):
            await app.persona_sets.get("me", set_id)
        assert (await app.persona_sets.get("me", kept.id)).id == kept.id


async def test_a_purge_deletes_some_rows_in_a_commit_and_lets_others_write_in_between(
    settings: Any, personas: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.application.retention._AT_ONCE", 2)
    monkeypatch.setattr("service.application.retention._SETS_AT_ONCE", 2)
    deleted: dict[str, list[int]] = {}

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith("DELETE FROM") and cursor.rowcount:
            deleted.setdefault(statement.split()[2], []).append(cursor.rowcount)

    async with open_application(settings) as app:
        for number in range(5):
            await app.documents.add("me", f"Text {number} of a document.".encode(), f"{number}.txt")
            await app.persona_sets.create("me", PersonaSetRequest(personas=personas))
            await app.idempotency.begin("me", f"key {number}", "f" * 64)
        sa.event.listen(sa.Engine, "after_cursor_execute", note)
        try:
            told = await app.purge(timedelta(0))
        finally:
            sa.event.remove(sa.Engine, "after_cursor_execute", note)
        assert (told.documents, told.persona_sets, told.idempotency_keys) == (5, 5, 5)
        assert await app.purge(timedelta(0), dry_run=True) == Purged(0, 0, 0, 0, 0)
    for table in ("documents", "persona_sets", "idempotency_keys"):
        assert deleted[table] == [2, 2, 1], table


async def test_a_file_that_ends_in_the_middle_leaves_nothing(
    settings: Any, personas: Any, rubric: Any, item: Any
) -> None:
    async with open_application(settings) as app:
        await _import_broken_files(app, personas, rubric, item)


async def _import_broken_files(app: Application, personas: Any, rubric: Any, item: Any) -> None:
    async def counts() -> list[int]:
        async with app.context.store.read() as connection:
            queries = [
                sa.select(sa.func.count()).select_from(one)
                for one in (tables.persona_sets, tables.batches, tables.evaluations, tables.runs, tables.calls)
            ]
            return [int((await connection.execute(query)).scalar_one()) for query in queries]

    batch_id = (await ended_batch(app, personas, rubric, item))[0]
    whole = gzip.decompress(b"".join([chunk async for chunk in app.batches.export(None, batch_id)]))
    lines = whole.splitlines(keepends=True)
    before = await counts()
    for broken in ([*lines[:-1], b'{"table": "calls"}\n'], [*lines, lines[3]], lines[:4] + lines[2:]):

        async def chunks(data: bytes = gzip.compress(b"".join(broken))) -> AsyncIterator[bytes]:
            yield data

        with pytest.raises(InvalidRequestError, match="nothing was stored"):
            await app.batches.import_(None, chunks())
        assert await counts() == before


def call_of(scope_id: str, subject_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A recorded call, and a text of it."""
    call = {"subject_id": subject_id, "key": "k-1", "scope_id": scope_id, "number": 0, "body": "{}"}
    return call, {"scope_id": scope_id, "sha256": "0" * 64, "body": "what was judged"}


async def recorded(app: Application, *of: tuple[dict[str, Any], dict[str, Any]]) -> None:
    async def operation(connection: AsyncConnection) -> None:
        await connection.execute(sa.insert(tables.calls), [call for call, _ in of])
        await connection.execute(sa.insert(tables.call_texts), [text for _, text in of])

    await app.context.store.write(operation)


async def scopes_left(app: Application) -> list[set[str]]:
    async with app.context.store.read() as connection:
        columns = (tables.calls.c.scope_id, tables.call_texts.c.scope_id)
        return [set((await connection.execute(sa.select(column))).scalars()) for column in columns]


async def test_what_is_recorded_after_a_deletion_goes_when_its_worker_drops_it_or_with_the_next_purge(
    settings: Any, personas: Any, rubric: Any, item: Any
) -> None:
    async with open_application(settings) as app:
        kept = await app.persona_sets.create("me", PersonaSetRequest(personas=personas))
        asked = EvaluationRequest(persona_set=kept.id, rubric=rubric, item=item)
        evaluation = (await app.evaluations.create("me", asked)).id
        await recorded(app, call_of(evaluation, "rn_1"), call_of("ev_gone", "rn_2"), call_of("ev_gone_too", "rn_3"))
        await app.context.store.write(lambda connection: settle_dropped(connection, "rn_1"))
        await app.context.store.write(lambda connection: settle_dropped(connection, "rn_2"))
        assert await scopes_left(app) == [{evaluation, "ev_gone_too"}] * 2
        await app.purge(timedelta(days=1), dry_run=True)
        assert await scopes_left(app) == [{evaluation, "ev_gone_too"}] * 2
        await app.purge(timedelta(days=1))
        assert await scopes_left(app) == [{evaluation}] * 2


@pytest.mark.parametrize("lines_read", [2, 3, 5])
async def test_an_import_that_dies_with_its_process_leaves_nothing_that_is_seen_and_then_nothing(
    settings: Any, personas: Any, rubric: Any, item: Any, lines_read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It deletes nothing itself: the process is gone, or the database is."""

    async def die(*_: object) -> None:
        return

    async def count(table: sa.Table) -> int:
        async with app.context.store.read() as connection:
            return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())

    monkeypatch.setattr("service.application.archive._AT_ONCE", 1)
    async with open_application(settings) as app:
        batch_id = (await ended_batch(app, personas, rubric, item))[0]
        whole = gzip.decompress(b"".join([chunk async for chunk in app.batches.export(None, batch_id)]))
        *told, after = whole.splitlines(keepends=True)[: lines_read + 1]

        async def chunks() -> AsyncIterator[bytes]:
            yield gzip.compress(b"".join([*told, after, after]))

        with monkeypatch.context() as dying:
            dying.setattr("service.application.archive._Importer.undo", die)
            with pytest.raises(InvalidRequestError):
                await app.batches.import_("me", chunks())
        seen = len((await app.persona_sets.list(None)).rows), len((await app.batches.list(None)).rows)
        assert seen == (1, 1)
        assert await count(tables.persona_sets) == 2
        await forget_abandoned(app.context)
        assert await count(tables.persona_sets) == 2, "it may still be under way"
        for table in (tables.persona_sets, tables.batches):
            long_ago = sa.update(table).where(table.c.loading_at.is_not(None)).values(loading_at=LONG_AGO)
            await app.context.store.write(lambda connection, long_ago=long_ago: connection.execute(long_ago))  # type: ignore[misc]
        await forget_abandoned(app.context)
        assert (await count(tables.persona_sets), await count(tables.batches)) == (1, 1)


async def test_the_persona_set_of_an_import_is_there_with_its_batch(
    settings: Any, personas: Any, rubric: Any, item: Any
) -> None:
    async with open_application(settings) as app:
        batch_id = (await ended_batch(app, personas, rubric, item))[0]
        data = b"".join([chunk async for chunk in app.batches.export(None, batch_id)])

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        made = await app.batches.import_("you", chunks())
        assert [one.id for one in (await app.persona_sets.list("you")).rows] == [made.persona_set_id]
        assert (await app.persona_sets.get("you", made.persona_set_id)).persona_set is not None
        await forget_abandoned(app.context)
        assert (await app.batches.get("you", made.id)).persona_set_id == made.persona_set_id
