"""Writes on one thread: a commit is one step off the event loop, however many statements it holds.

And looking up a few rows of SQLite, which takes less time than one step to another thread and back.

The async drivers go back and forth for every statement, fetch and close. A gathered commit of the ledger has dozens, and
those steps cost more processor time than the statements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.checkpoints import LEFT_TO_THE_WRITER, Checkpoints
from service.store.engine import POSTGRES_CONNECTING, WRITES, prepare_sqlite
from service.store.shared import Shared

Operation = Callable[[AsyncConnection], Awaitable[Any]]
_LOOKERS = 2  # connections to Postgres: a look takes less than a millisecond


class OneThread:
    """The writing connection of one process."""

    def __init__(self, url: sa.URL, *, pages_max: int | None = None) -> None:
        self._checkpoints: Checkpoints | None = None
        if url.get_backend_name() == "sqlite":
            self._engine = sa.create_engine(
                url.set(drivername="sqlite"), poolclass=sa.StaticPool, connect_args={"check_same_thread": False}
            )
            prepare_sqlite(self._engine, pages_max=pages_max, log_pages=LEFT_TO_THE_WRITER)
            self._checkpoints = Checkpoints(url.database or "")
        else:
            self._engine = sa.create_engine(
                url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=POSTGRES_CONNECTING
            )
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def commit(self, operations: Sequence[Operation]) -> list[Any]:
        """What each operation returned, once all are committed together; raises what the first to fail raised."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._commit, operations)

    def _commit(self, operations: Sequence[Operation]) -> list[Any]:
        with self._engine.execution_options(**{WRITES: True}).begin() as connection:
            at_once = _AtOnce(connection)
            results = [_finished(operation(cast("AsyncConnection", at_once))) for operation in operations]
            _finished(at_once.catch_up(cast("AsyncConnection", at_once)))
        if self._checkpoints is not None:
            self._checkpoints.committed()
        return results

    def close(self) -> None:
        """Ends the thread and gives the connection back."""
        self._thread.shutdown()
        if self._checkpoints is not None:
            self._checkpoints.close()
        self._engine.dispose()


class Lookup:
    """Reads a few rows by their keys: of SQLite in the thread that asks, where with a write-ahead log no writer makes it
    wait; of Postgres in one of a few threads, without a transaction around them."""

    def __init__(self, url: sa.URL) -> None:
        self._threads: ThreadPoolExecutor | None = None
        if url.get_backend_name() == "sqlite":
            self._engine = sa.create_engine(url.set(drivername="sqlite"), poolclass=sa.StaticPool)
            prepare_sqlite(self._engine, busy_ms=0)
        else:
            self._engine = sa.create_engine(
                url, pool_size=_LOOKERS, max_overflow=0, isolation_level="AUTOCOMMIT", connect_args=POSTGRES_CONNECTING
            )
            self._threads = ThreadPoolExecutor(max_workers=_LOOKERS, thread_name_prefix="look")

    async def read(self, operation: Operation) -> Any:
        """What the operation returns. Raises what SQLAlchemy raises, where the file is locked or a connection lost too."""
        if self._threads is None:
            return self._read(operation)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, operation)

    def _read(self, operation: Operation) -> Any:
        with self._engine.connect() as connection:
            return _finished(operation(cast("AsyncConnection", _AtOnce(connection))))

    async def aclose(self) -> None:
        """Ends the threads and gives the connections back."""
        if self._threads is not None:
            await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()


class _AtOnce(Shared):
    """A connection as operations know it; what is awaited on it is done already."""

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__()
        self._connection = connection

    @property
    def dialect(self) -> sa.Dialect:
        return self._connection.dialect

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        return self._connection.execute(*arguments, **options)

    async def exec_driver_sql(self, *arguments: Any) -> Any:
        return self._connection.exec_driver_sql(*arguments)


def _finished(operation: Awaitable[Any]) -> Any:
    """The result of an operation that awaits nothing but its connection, and so never has to wait."""
    running = cast("Coroutine[Any, Any, Any]", operation)
    try:
        running.send(None)
    except StopIteration as done:
        return done.value
    running.close()
    raise RuntimeError("it awaited something other than its connection; do that before or after")
