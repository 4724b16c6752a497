from __future__ import annotations

import asyncio
import random
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.errors import StoreDamagedError, StoreFullError, StoreOutdatedError, StoreUnreachableError
from service.store import Store, head_revision, insert_if_absent, migrate, new_id, stored_revision, tables
from tests.service.conftest import BOTH, new_database, quick_settings


def _document(number: int, body: str = "text") -> dict[str, Any]:
    return {
        "id": f"do_{number:05}", "owner": "me", "created_at": datetime.now(UTC), "title": "t", "media_type": "text/plain",
        "characters": 4, "content_hash": "0" * 64, "attributes": {"k": "nul \x00 and \ud800"}, "body": body,
    }  # fmt: skip


async def test_values_come_back_as_they_were(store: Store) -> None:
    row = _document(1, body="a \x00 b \U0001f600")
    await store.write(lambda connection: connection.execute(sa.insert(tables.documents), row))
    async with store.read() as connection:
        found = (await connection.execute(sa.select(tables.documents))).one()
    assert found._mapping == row
    assert found.created_at.tzinfo is not None


async def test_writes_that_wait_together_share_a_commit_and_a_failing_one_fails_alone(store: Store) -> None:
    async def insert(number: int) -> None:
        await store.write(lambda connection: connection.execute(sa.insert(tables.documents), _document(number)))

    await insert(7)
    done = await asyncio.gather(*(insert(number) for number in range(20)), return_exceptions=True)
    assert [isinstance(one, sa.exc.IntegrityError) for one in done] == [number == 7 for number in range(20)]
    async with store.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tables.documents))).scalar() == 20


async def test_after_a_commit_of_many_the_next_waits_for_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.store.store._GATHERED_S", 0.5)
    commit, sizes = store._thread.commit, list[int]()

    async def counted(operations: Any) -> list[Any]:
        sizes.append(len(operations))
        return await commit(operations)

    monkeypatch.setattr(store._thread, "commit", counted)

    async def insert(number: int) -> None:
        await store.write(lambda connection: connection.execute(sa.insert(tables.documents), _document(number)))

    await asyncio.gather(*(insert(number) for number in range(8)))
    late = asyncio.create_task(insert(8))
    await asyncio.sleep(0.05)
    await asyncio.gather(late, insert(9))
    await insert(10)  # after two alone nothing is waited for
    assert sizes == [8, 2, 1]


async def test_an_insert_says_whether_the_row_was_there_already(store: Store) -> None:
    key = {"owner": "me", "key": "k", "created_at": datetime.now(UTC), "fingerprint": "f"}

    async def operation(connection: Any) -> int:
        insert = insert_if_absent(connection, tables.idempotency_keys).values(**key)
        return int((await connection.execute(insert)).rowcount)

    assert [await store.write(operation) for _ in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("database", BOTH)
async def test_many_processes_may_migrate_at_once(database: str, tmp_path: Path) -> None:
    with ExitStack() as made:
        told = {} if database == "sqlite" else {"database_url": made.enter_context(new_database())}
        stores = [Store(quick_settings(tmp_path, **told).store_url) for _ in range(4)]
        assert await stored_revision(stores[0]) is None
        await asyncio.gather(*(migrate(one) for one in stores))
        assert {await stored_revision(one) for one in stores} == {head_revision()}
        for one in stores:
            await one.aclose()


async def test_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    async with store.read() as connection:
        found = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True}), tables.metadata
            )
        )
    assert found == []


async def test_a_newer_database_is_refused(store: Store) -> None:
    await store.write(lambda connection: connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(StoreOutdatedError, match="9999"):
        await migrate(store)


async def test_a_full_disk_is_named_and_nothing_stored_is_lost(sqlite_settings: Any) -> None:
    store = Store(sqlite_settings.store_url, sqlite_pages_max=150)
    await migrate(store)
    chance, stored, failure = random.Random(0), 0, None
    while failure is None:
        row = _document(stored, "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000)))
        try:
            await store.write(lambda connection, row=row: connection.execute(sa.insert(tables.documents), row))
        except StoreFullError as error:
            failure = error
        else:
            stored += 1
    async with store.read() as connection:
        assert (
            (await connection.execute(sa.select(sa.func.count()).select_from(tables.documents))).scalar() == stored > 0
        )
        assert (await connection.execute(sa.text("PRAGMA integrity_check"))).scalar() == "ok"
    await store.aclose()
    assert "free disk space" in str(failure)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    store = Store("postgresql+psycopg://nobody@127.0.0.1:9/none")
    with pytest.raises(StoreUnreachableError, match="REHEARING_DATABASE_URL"):
        async with store.read() as connection:
            await connection.execute(sa.text("SELECT 1"))
    await store.aclose()


async def test_when_all_connections_are_busy_that_is_said(sqlite_settings: Any) -> None:
    from service.store.engine import store_error

    error = store_error(sa.exc.TimeoutError("QueuePool limit"))
    assert isinstance(error, StoreUnreachableError)
    assert "REHEARING_STORE_POOL_SIZE" in str(error)


async def test_a_damaged_text_is_not_taken_for_a_text(store: Store) -> None:
    await store.write(lambda connection: connection.execute(sa.insert(tables.documents), _document(1)))
    await store.write(lambda c: c.execute(sa.text("UPDATE documents SET body = :body"), {"body": b"no zlib"}))
    with pytest.raises(StoreDamagedError):
        async with store.read() as connection:
            (await connection.execute(sa.select(tables.documents.c.body))).one()


def test_ids_sort_by_their_making() -> None:
    made = [new_id("ev") for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == 1000
    assert all(one.startswith("ev_") and len(one) == 29 for one in made)


def test_ids_sort_though_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id("rn")
    monkeypatch.setattr("service.store.ids.time.time_ns", lambda: 0)
    assert new_id("rn") > before
