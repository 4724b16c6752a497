"""Idempotency keys: a creating request that is sent again gets the first answer again."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import LOCAL_OWNER, Context, now
from service.application.records import StoredAnswer
from service.errors import IdempotencyError
from service.store import insert_if_absent, tables

_ABANDONED_AFTER = timedelta(minutes=5)  # a process that died while answering leaves its key in flight


class Idempotency:
    """First answers, kept for a day under (owner, key)."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def begin(self, owner: str | None, key: str, fingerprint: str) -> StoredAnswer | None:
        """None where the caller is to do the work and `finish`; else the first answer.

        Raises IdempotencyError while the first is still being worked on, or where it had another fingerprint.
        """
        table, moment = tables.idempotency_keys, now()
        mine = (table.c.owner == (owner or LOCAL_OWNER), table.c.key == key)
        row = {"owner": owner or LOCAL_OWNER, "key": key, "created_at": moment, "fingerprint": fingerprint}
        stale = sa.or_(
            table.c.created_at < moment - self._context.settings.idempotency_kept,
            sa.and_(table.c.status.is_(None), table.c.created_at < moment - _ABANDONED_AFTER),
        )

        async def operation(connection: AsyncConnection) -> bool:
            await connection.execute(sa.delete(table).where(*mine, stale))
            return bool((await connection.execute(insert_if_absent(connection, table).values(**row))).rowcount)

        if await self._context.store.write(operation):
            return None
        async with self._context.store.read() as connection:
            held = (await connection.execute(sa.select(table).where(*mine))).one_or_none()
        if held is None or (held.status is None and held.fingerprint == fingerprint):
            raise IdempotencyError(
                f"the request with idempotency key {key!r} is still being answered; try again", in_flight=True
            )
        if held.fingerprint != fingerprint:
            raise IdempotencyError(
                f"idempotency key {key!r} was used with another body; use a new one", in_flight=False
            )
        return StoredAnswer(held.status, held.headers, held.body)

    async def finish(self, owner: str | None, key: str, answer: StoredAnswer) -> None:
        """Keeps the first answer."""
        table = tables.idempotency_keys
        update = (
            sa.update(table)
            .where(table.c.owner == (owner or LOCAL_OWNER), table.c.key == key)
            .values(status=answer.status, headers=dict(answer.headers), body=answer.body)
        )
        await self._context.store.write(lambda connection: connection.execute(update))

    async def abandon(self, owner: str | None, key: str) -> None:
        """Gives the key back after a failure that stored nothing, so that the request can be sent again."""
        table = tables.idempotency_keys
        delete = sa.delete(table).where(
            table.c.owner == (owner or LOCAL_OWNER), table.c.key == key, table.c.status.is_(None)
        )
        await self._context.store.write(lambda connection: connection.execute(delete))
