"""Idempotency keys: a creating request that is sent again gets the first answer again.

The answer is stored in the very commit that makes the thing. So a key has its answer exactly where the thing is there,
however the connection, the process or the client ended.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import LOCAL_OWNER, Context, now
from service.application.records import StoredAnswer
from service.errors import IdempotencyError, StoreFullError, StoreUncertainError, StoreUnreachableError
from service.store import insert_if_absent, tables, until_reachable, write_once

R = TypeVar("R")
Keep = Callable[[AsyncConnection, R], Awaitable[None]]
"""What is stored besides a record, in the commit that makes it: the answer to the key that it was asked for with."""

ABANDONED_AFTER = timedelta(minutes=5)
"""A process that died while it answered leaves its key in flight. Whoever was only slow makes nothing any more once
another request has the key: `Claim.keep` fails."""


class Claim(NamedTuple):
    """The right to answer a key, as long as nobody has taken it over."""

    owner: str
    key: str
    token: str

    async def keep(self, connection: AsyncConnection, answer: StoredAnswer) -> None:
        """Stores the answer, inside the write that makes what it tells of; again does no harm.

        Raises IdempotencyError where the key was taken over, so that nothing of the write stays.
        """
        table = tables.idempotency_keys
        values = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        update = sa.update(table).where(*self._mine()).values(**values)
        if not (await connection.execute(update)).rowcount:
            raise IdempotencyError(
                f"another request took the idempotency key {self.key!r} over while this one was answered; "
                "send it again to get that one's answer",
                in_flight=True,
            )

    async def release(self, connection: AsyncConnection) -> None:
        """Gives the key back, inside a write, unless it has its answer."""
        table = tables.idempotency_keys
        await connection.execute(sa.delete(table).where(*self._mine(), table.c.status.is_(None)))

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        columns = tables.idempotency_keys.c
        return columns.owner == self.owner, columns.key == self.key, columns.claim == self.token


class Idempotency:
    """First answers, kept for a day under (owner, key)."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._releasing: set[asyncio.Task[None]] = set()

    async def begin(self, owner: str | None, key: str, fingerprint: str) -> Claim | StoredAnswer:
        """The first answer; a claim where there is none yet: the caller is to do the work, and to `keep` its answer or to
        `abandon` the claim.

        Raises IdempotencyError while the first is still being worked on, or where it had another fingerprint.
        """
        claim = Claim(owner or LOCAL_OWNER, key, secrets.token_hex(16))
        try:
            held = await write_once(self._context.store, lambda connection: self._claim(connection, claim, fingerprint))
        except StoreUncertainError as error:
            self._release_later(claim)  # it may have been stored all the same
            raise StoreUnreachableError("the database broke off before anything was made; send it again") from error
        if held is None or held.claim == claim.token:  # the latter where the commit's answer was lost
            return claim
        if held.fingerprint != fingerprint:
            raise IdempotencyError(
                f"idempotency key {key!r} was used with another body; use a new one", in_flight=False
            )
        if held.status is None:
            raise _in_flight(key)
        return StoredAnswer(held.status, held.headers, held.body)

    async def _claim(self, connection: AsyncConnection, claim: Claim, fingerprint: str) -> sa.Row[Any] | None:
        """None where the key is claimed now; else its row."""
        table, moment = tables.idempotency_keys, now()
        named = (table.c.owner == claim.owner, table.c.key == claim.key)
        stale = sa.or_(
            table.c.created_at < moment - self._context.settings.idempotency_kept,
            sa.and_(table.c.status.is_(None), table.c.created_at < moment - ABANDONED_AFTER),
        )
        row = {"owner": claim.owner, "key": claim.key, "claim": claim.token}
        await connection.execute(sa.delete(table).where(*named, stale))
        insert = insert_if_absent(connection, table).values(**row, created_at=moment, fingerprint=fingerprint)
        if (await connection.execute(insert)).rowcount:
            return None
        held: sa.Row[Any] | None = (await connection.execute(sa.select(table).where(*named))).one_or_none()
        if held is None:  # given back in this very moment
            raise _in_flight(claim.key)
        return held

    async def keep(self, claim: Claim, answer: StoredAnswer) -> None:
        """Stores the answer to a request that made nothing. Raises IdempotencyError where the key was taken over."""
        await write_once(self._context.store, lambda connection: claim.keep(connection, answer))

    async def abandon(self, claim: Claim) -> None:
        """Gives the key back after a request that made nothing, so that it can be sent again; where the database is away,
        as soon as it is back. A key that has its answer keeps it."""
        try:
            await self._context.store.write(claim.release)
        except (StoreUnreachableError, StoreFullError):
            self._release_later(claim)

    def _release_later(self, claim: Claim) -> None:
        async def release() -> None:
            await until_reachable(lambda: self._context.store.write(claim.release))

        task = asyncio.create_task(release(), name="giving an idempotency key back")
        self._releasing.add(task)
        task.add_done_callback(self._released)

    def _released(self, task: asyncio.Task[None]) -> None:
        self._releasing.discard(task)
        if not task.cancelled():
            task.exception()  # after the patience of `until_reachable` the key is given back by its age

    async def aclose(self) -> None:
        """Stops trying to give keys back: they are, once they are as old as `ABANDONED_AFTER`."""
        for task in self._releasing:
            task.cancel()
        await asyncio.gather(*self._releasing, return_exceptions=True)


def _in_flight(key: str) -> IdempotencyError:
    return IdempotencyError(
        f"the request with idempotency key {key!r} is still being answered; try again", in_flight=True
    )
