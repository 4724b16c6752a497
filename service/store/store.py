"""The store: reads on connections of their own, writes gathered into shared commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import StoreConflictError, StoreFullError, StoreUnreachableError
from service.store.engine import WRITES, open_engine, store_error
from service.store.inserting import Insertion, join_insertions
from service.store.one_thread import Lookup, OneThread

T = TypeVar("T")
Operation = Callable[[AsyncConnection], Awaitable[T]]
"""Writes through the connection that it is given and awaits nothing else: it may be run again after a rollback."""

PATIENCE_S = 600.0
"""What was answered, and paid for, is worth waiting so long for the database to take it."""
_GATHERED_MAX = 64  # operations in one commit: enough to make its cost small, few enough that none waits long
_MANY, _GATHERED_S = 8, 0.01
"""After a commit of many operations the next one waits a moment: who writes so much has more to write, and it takes that along."""
_CONFLICTS_MAX = 8  # a write that loses so often in a row has met something worse than chance


@dataclass(slots=True, eq=False)
class _Waiting:
    operation: Operation[Any]
    done: asyncio.Future[Any]


class Store:
    """One database. `write` returns when what it wrote is committed."""

    def __init__(
        self, url: str, *, pool_size: int = 10, pool_timeout_s: float = 30.0, sqlite_pages_max: int | None = None
    ) -> None:
        self.url = url
        self.engine = open_engine(
            url, pool_size=pool_size, pool_timeout_s=pool_timeout_s, sqlite_pages_max=sqlite_pages_max
        )
        self._thread = OneThread(self.engine.url, pages_max=sqlite_pages_max)
        self._lookup = Lookup(self.engine.url)
        self._waiting: list[_Waiting] = []
        self._committer: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    async def aclose(self) -> None:
        """Commits what waits, then gives the connections back."""
        if self._committer is not None:
            await asyncio.gather(self._committer, return_exceptions=True)
        await asyncio.to_thread(self._thread.close)
        await self._lookup.aclose()
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading. Raises a StoreError where the database cannot answer."""
        try:
            async with self.engine.connect() as connection:
                yield connection
        except Exception as error:
            raise (store_error(error) or error) from error

    async def look(self, operation: Operation[T]) -> T:
        """What `operation` reads: a few rows by their keys, nothing longer. Raises a StoreError.

        The async drivers' steps back and forth take far longer than the rows.
        """
        try:
            found: T = await self._lookup.read(operation)
            return found
        except Exception as error:
            told = store_error(error)
            if not isinstance(told, StoreUnreachableError):
                raise (told or error) from error
        # a file that is locked for a moment is waited for there, and a connection that was lost is replaced
        async with self.read() as connection:
            return await operation(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction of one's own, for long writes such as an import. Small writes go through `write`."""
        try:
            async with self._own_turn(), self.engine.execution_options(**{WRITES: True}).begin() as connection:
                yield connection
        except Exception as error:
            raise (store_error(error) or error) from error

    async def write(self, operation: Operation[T]) -> T:
        """What `operation` returns, once it is committed.

        Operations that wait at the same time share one commit. When one of them fails, all are rolled back and each is
        run again alone, so that it alone bears its error.
        """
        waiting = _Waiting(operation, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit_all(), name="store commits")
        result: T = await waiting.done
        return result

    async def _commit_all(self) -> None:
        while self._waiting:
            gathered, self._waiting = self._waiting[:_GATHERED_MAX], self._waiting[_GATHERED_MAX:]
            gathered = [one for one in gathered if not one.done.cancelled()]
            if not await self._commit(gathered):
                for one in gathered:
                    await self._commit_alone(one)
            if len(gathered) >= _MANY and len(self._waiting) < _GATHERED_MAX:
                await asyncio.sleep(_GATHERED_S)

    async def _commit(self, gathered: list[_Waiting]) -> bool:
        """Whether all of them went into one commit."""
        if len(gathered) == 1:
            return False
        try:
            results = await self._committed([one.operation for one in gathered])
        except Exception:
            return False
        for one, result in zip(gathered, results, strict=True):
            if not one.done.done():
                one.done.set_result(result)
        return True

    async def _commit_alone(self, one: _Waiting) -> None:
        try:
            [result] = await self._committed_despite_conflicts(one.operation)
        except BaseException as error:
            if not one.done.done():
                one.done.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            if not one.done.done():
                one.done.set_result(result)

    async def _committed_despite_conflicts(self, operation: Operation[Any]) -> list[Any]:
        """On Postgres two transactions may each wait for a row of the other's: one of them is given up, to begin again."""
        for attempt in range(_CONFLICTS_MAX):
            try:
                return await self._committed([operation])
            except StoreConflictError:
                await asyncio.sleep(0.01 * 2**attempt)
        return await self._committed([operation])

    async def _committed(self, operations: list[Operation[Any]]) -> list[Any]:
        """What the operations returned, once they are committed together. Raises a StoreError, or what one raised."""
        rows = [one for one in operations if isinstance(one, Insertion)]
        if not rows:
            return await self._committed_each(operations)
        others = [one for one in operations if not isinstance(one, Insertion)]
        results = iter((await self._committed_each([join_insertions(rows), *others]))[1:])
        return [None if isinstance(one, Insertion) else next(results) for one in operations]

    async def _committed_each(self, operations: list[Operation[Any]]) -> list[Any]:
        try:
            async with self._own_turn():
                return await self._thread.commit(operations)
        except Exception as error:
            raise (store_error(error) or error) from error

    @asynccontextmanager
    async def _own_turn(self) -> AsyncIterator[None]:
        """On SQLite, writers of one process queue here rather than polling for the file's lock."""
        if not self.is_sqlite:
            yield
            return
        async with self._writing:
            yield


async def until_reachable(
    attempt: Callable[[], Awaitable[T]], *, patience_s: float = PATIENCE_S, pause_s: float = 0.5
) -> T:
    """What `attempt` returns, tried again while the database does not answer, or is full, for `patience_s` seconds."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            return await attempt()
        except (StoreUnreachableError, StoreFullError):
            if asyncio.get_running_loop().time() + pause_s > deadline:
                raise
            await asyncio.sleep(pause_s)
            pause_s = min(5.0, pause_s * 2)
