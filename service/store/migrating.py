"""Brings a database to this code's schema, one process at a time."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from service.errors import StoreOutdatedError
from service.store.engine import WRITES, store_error
from service.store.store import Store

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x72656865  # any number, the same in every process of ours


@cache
def head_revision() -> str:
    """The newest schema that this code knows."""
    head = ScriptDirectory(str(_FOLDER)).get_current_head()
    assert head is not None
    return head


async def stored_revision(store: Store) -> str | None:
    """The schema that the database has; None for an empty one."""
    async with store.read() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


async def migrate(store: Store) -> None:
    """Brings the database to `head_revision`; safe to call from many processes at once.

    Raises StoreOutdatedError where the database is already newer than this code.
    """
    await asyncio.to_thread(_migrate, store)


def _migrate(store: Store) -> None:
    engine = _sync_engine(store)
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            _upgrade(connection)
    except sa.exc.DBAPIError as error:
        raise (store_error(error) or error) from error
    finally:
        engine.dispose()


def _sync_engine(store: Store) -> sa.Engine:
    from service.store.engine import prepare_sqlite

    if not store.is_sqlite:
        return sa.create_engine(store.engine.url, poolclass=sa.NullPool)
    engine = sa.create_engine(store.engine.url.set(drivername="sqlite"), poolclass=sa.NullPool)
    prepare_sqlite(engine)
    return engine


def _upgrade(connection: sa.Connection) -> None:
    """Inside a transaction that holds the lock: on SQLite BEGIN IMMEDIATE is the lock."""
    current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory(str(_FOLDER))
    if current == scripts.get_current_head():
        return
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    try:
        if current is not None:
            scripts.get_revision(current)
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreOutdatedError(
            f"the database is at schema {current!r}, which this version does not know; start the newer version, "
            "or restore the copy that was made before the upgrade"
        ) from error
