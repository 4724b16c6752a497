"""Writes that must not be made twice, nor be lost, where the connection breaks in the very moment of a commit.

Then nobody but the database knows whether it was made. So it is asked, by making the write again: it looks first for what
the earlier one would have left.
"""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar, overload

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.errors import StoreUncertainError, StoreUnreachableError
from service.store.store import Operation, Store

T = TypeVar("T")

PATIENCE_S = 5.0
"""A database that is started anew takes seconds; for longer than this nobody should wait for an answer."""
_PAUSE_S, _PAUSE_MAX_S = 0.05, 0.5


@overload
async def write_once(store: Store, operation: Operation[T]) -> T: ...


@overload
async def write_once(store: Store, operation: Operation[T], *, made: sa.Select[Any] | None) -> T | None: ...


async def write_once(store: Store, operation: Operation[T], *, made: sa.Select[Any] | None = None) -> T | None:
    """What `operation` returns, once it is committed; None where an attempt whose answer was lost had been committed.

    Args:
        operation: it may be run again, also after it was committed: it inserts under ids that stay the same.
        made: finds a row where an earlier attempt was committed; None for an operation that does no harm when it is
            repeated.

    Raises StoreUncertainError where the database stayed away for PATIENCE_S after a commit was sent; any other StoreError
    means that nothing was stored.
    """
    once = _Once(operation, made)
    loop = asyncio.get_running_loop()
    deadline, pause_s, clashed = loop.time() + PATIENCE_S, _PAUSE_S, False
    while True:
        try:
            return await store.write(once)
        except StoreUnreachableError as error:
            if not once.carried_out:
                raise
            if loop.time() + pause_s > deadline:
                raise StoreUncertainError(
                    "the database broke off in the moment of storing this and has not come back; whether it was stored "
                    "is unknown"
                ) from error
        except sa.exc.IntegrityError:
            # the server may still have been busy with the first commit when the rows were looked for
            if clashed or not once.carried_out:
                raise
            clashed = True
        await asyncio.sleep(pause_s)
        pause_s = min(_PAUSE_MAX_S, pause_s * 2)


class _Once(Generic[T]):
    """An operation that looks, whenever it is run again, whether it was committed before."""

    def __init__(self, operation: Operation[T], made: sa.Select[Any] | None) -> None:
        self._operation, self._made = operation, made
        self.carried_out = False
        """It went through at least once: from then on a commit may have been sent."""

    async def __call__(self, connection: AsyncConnection) -> T | None:
        if self.carried_out and await self._is_there(connection):
            return None
        result = await self._operation(connection)
        self.carried_out = True
        return result

    async def _is_there(self, connection: AsyncConnection) -> bool:
        return self._made is not None and (await connection.execute(self._made)).first() is not None
