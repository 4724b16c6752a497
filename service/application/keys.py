"""API keys: shown once, stored as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import Context, now
from service.application.records import KeyRecord, Scope
from service.errors import NotAllowedError, NotFoundError
from service.store import new_id, tables, write_once

_PREFIX = "rh_"
_USED_NOTED_EVERY = timedelta(minutes=1)  # a write at every request would cost more than the note is worth


class Keys:
    """Who may call, and as whom."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def create(
        self, name: str, owner: str, scopes: tuple[Scope, ...] = (Scope.READ, Scope.WRITE)
    ) -> tuple[KeyRecord, str]:
        """A new key and its secret, which is stored nowhere: 256 random bits need no slow hash."""
        secret = _PREFIX + secrets.token_urlsafe(32)
        row = {
            "id": new_id("ky"),
            "owner": owner,
            "created_at": now(),
            "name": name,
            "digest": _digest(secret),
            "scopes": [str(scope) for scope in scopes],
            "revoked_at": None,
            "last_used_at": None,
        }
        table = tables.api_keys
        await write_once(
            self._context.store,
            lambda connection: connection.execute(sa.insert(table), row),
            made=sa.select(table.c.id).where(table.c.id == row["id"]),
        )
        return _record(row), secret

    async def list(self) -> tuple[KeyRecord, ...]:
        """All keys, oldest first, revoked ones too."""
        async with self._context.store.read() as connection:
            rows = await connection.execute(sa.select(tables.api_keys).order_by(tables.api_keys.c.id))
            return tuple(_record(row._mapping) for row in rows)

    async def revoke(self, key_id: str) -> KeyRecord:
        """The key is refused from now on. Raises NotFoundError."""
        table = tables.api_keys
        revoke = (
            sa.update(table)
            .where(table.c.id == key_id)
            .values(revoked_at=sa.func.coalesce(table.c.revoked_at, now()))
            .returning(*table.c)
        )

        async def operation(connection: AsyncConnection) -> sa.Row[Any] | None:
            return (await connection.execute(revoke)).one_or_none()

        row = await self._context.store.write(operation)
        if row is None:
            raise NotFoundError(f"no key {key_id!r}; `rehearing keys list` shows them")
        return _record(row._mapping)

    async def authenticate(self, secret: str) -> KeyRecord:
        """The key that a secret belongs to. Raises NotAllowedError, with the same words for every reason.

        The lookup is by digest: how long it takes says nothing about how much of a guess was right.
        """
        table = tables.api_keys
        query = sa.select(table).where(table.c.digest == _digest(secret))

        async def operation(connection: AsyncConnection) -> sa.Row[Any] | None:
            return (await connection.execute(query)).one_or_none()

        row = await self._context.store.look(operation)
        if row is None or row.revoked_at is not None or not secrets.compare_digest(row.digest, _digest(secret)):
            raise NotAllowedError(
                "the key is not valid here; send `Authorization: Bearer rh_...` with a key that is not revoked"
            )
        moment = now()
        if row.last_used_at is None or moment - row.last_used_at > _USED_NOTED_EVERY:
            note = sa.update(table).where(table.c.id == row.id).values(last_used_at=moment)
            await self._context.store.write(lambda connection: connection.execute(note))
        return _record(row._mapping)

    async def any_exist(self) -> bool:
        """Whether a key is in force: without one, only this machine is served."""
        table = tables.api_keys
        async with self._context.store.read() as connection:
            query = sa.select(table.c.id).where(table.c.revoked_at.is_(None)).limit(1)
            return (await connection.execute(query)).one_or_none() is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _record(row: Any) -> KeyRecord:
    return KeyRecord(
        id=row["id"],
        name=row["name"],
        owner=row["owner"],
        scopes=tuple(Scope(scope) for scope in row["scopes"]),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
