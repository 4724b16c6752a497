"""What is left to the end of a shared commit is done there once, and at once where nobody shares."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from service.store import Store, catch_up, insert_at_end, once_at_end, tables

MADE: list[tuple[int, ...]] = []


def document(number: int) -> dict[str, Any]:
    return {
        "id": f"do_{number:05}", "owner": "me", "created_at": datetime.now(UTC), "title": "t", "media_type": "text/plain",
        "characters": 4, "content_hash": "0" * 64, "attributes": {}, "body": "text",
    }  # fmt: skip


class Numbered(NamedTuple):
    """Leaves a row for each of its numbers."""

    numbers: tuple[int, ...]

    def joined(self, later: Numbered) -> Numbered:
        return Numbered(self.numbers + later.numbers)

    async def __call__(self, connection: Any) -> None:
        MADE.append(self.numbers)
        await insert_at_end(connection, {tables.documents: [document(number) for number in self.numbers]})


async def stored(connection: Any) -> list[str]:
    return list((await connection.execute(sa.select(tables.documents.c.id).order_by(tables.documents.c.id))).scalars())


async def test_writes_of_one_commit_are_made_as_one(store: Store) -> None:
    MADE.clear()

    async def write(number: int) -> None:
        await store.write(lambda connection: once_at_end(connection, "of all", Numbered((number,))))

    await asyncio.gather(*(write(number) for number in range(20)))
    async with store.read() as connection:
        assert await stored(connection) == [f"do_{number:05}" for number in range(20)]
    assert len(MADE) < 20, "several of them shared a commit"


async def test_they_are_undone_and_made_again_with_the_rest_of_the_commit(store: Store) -> None:
    async def write(number: int) -> None:
        async def operation(connection: Any) -> None:
            await once_at_end(connection, "of all", Numbered((number,)))
            if number == 3:
                raise ValueError(number)

        await store.write(operation)

    done = await asyncio.gather(*(write(number) for number in range(5)), return_exceptions=True)
    assert [isinstance(one, ValueError) for one in done] == [number == 3 for number in range(5)]
    async with store.read() as connection:
        assert await stored(connection) == [f"do_{number:05}" for number in (0, 1, 2, 4)]


async def test_who_reads_them_in_the_same_commit_has_them_made_first(store: Store) -> None:
    async def operation(connection: Any) -> tuple[list[str], list[str]]:
        await once_at_end(connection, "of all", Numbered((1, 2)))
        before = await stored(connection)
        await catch_up(connection)
        return before, await stored(connection)

    assert await store.write(operation) == ([], ["do_00001", "do_00002"])


async def test_in_a_transaction_of_ones_own_they_are_made_at_once(store: Store) -> None:
    async with store.transaction() as connection:
        await once_at_end(connection, "of all", Numbered((7,)))
        assert await stored(connection) == ["do_00007"]
        await catch_up(connection)
