"""What the operations of one shared commit leave to its end, where it is done once for all of them.

In a transaction of one's own there is nobody to share with: it is done at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.inserting import Insertion, join_insertions


class Gathered(Protocol):
    """A write of which several may be made as one."""

    def joined(self, later: Self) -> Self:
        """Both in one."""

    async def __call__(self, connection: AsyncConnection) -> Any:
        """Makes it; it may leave more to the end."""


class Shared:
    """The part of a shared commit's connection that remembers what is left to the end."""

    def __init__(self) -> None:
        self.rows: list[Insertion] = []
        self.left: dict[str, Any] = {}

    async def catch_up(self, connection: AsyncConnection) -> None:
        """Does it: first what may leave more, then the rows. In one order, so that no two writers wait for each other."""
        while self.left:
            await self.left.pop(min(self.left))(connection)
        rows, self.rows = self.rows, []
        await join_insertions(rows)(connection)


async def insert_at_end(connection: AsyncConnection, rows: Mapping[sa.Table, Sequence[Mapping[str, Any]]]) -> None:
    """Inserts rows that nobody reads in the same commit, each with a value for every column: many in a statement."""
    insertion = Insertion(rows)
    if isinstance(connection, Shared):
        connection.rows.append(insertion)
    else:
        await insertion(connection)


async def once_at_end(connection: AsyncConnection, key: str, write: Gathered) -> None:
    """Makes a write together with those that come in the same commit by the same key, in one."""
    if isinstance(connection, Shared):
        before = connection.left.get(key)
        connection.left[key] = write if before is None else before.joined(write)
    else:
        await write(connection)


async def catch_up(connection: AsyncConnection) -> None:
    """Makes now what was left to the end: for who reads it, or has to come after it."""
    if isinstance(connection, Shared):
        await connection.catch_up(connection)
