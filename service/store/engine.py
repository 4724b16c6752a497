"""The engine: one schema on SQLite and on Postgres; where they differ, it is decided here."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.errors import StoreConflictError, StoreError, StoreFullError, StoreUnreachableError

_BUSY_MS = 30_000  # other processes on the same file hold it for milliseconds; this outlasts a slow disk
_POSTGRES_FULL = ("53100", "53200", "54")  # disk full, out of memory, a limit exceeded
_POSTGRES_GONE = ("08", "57P", "53300")  # connection lost, server going down, too many connections
POSTGRES_CONNECTING = {
    "connect_timeout": 10,
    # a server that lost its power says no goodbye: without these a write would wait for it for hours
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000,
}  # fmt: skip
_POSTGRES_CONFLICT = ("40001", "40P01")  # writes that could not be put in an order, or waited for each other
WRITES = "writes"
"""Execution option of a connection that is going to write: SQLite then takes its lock at once, instead of failing later."""


def open_engine(
    url: str, *, pool_size: int = 10, pool_timeout_s: float = 30.0, sqlite_pages_max: int | None = None
) -> AsyncEngine:
    """An async engine for the store's URL, connections checked before use."""
    if make_url(url).get_backend_name() == "sqlite":
        database = make_url(url).database
        if database:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(url, pool_size=pool_size, max_overflow=0, pool_timeout=pool_timeout_s)
        prepare_sqlite(engine.sync_engine, pages_max=sqlite_pages_max)
        return engine
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=True,
        connect_args=POSTGRES_CONNECTING,
    )


def prepare_sqlite(
    engine: sa.Engine, *, pages_max: int | None = None, busy_ms: int = _BUSY_MS, log_pages: int | None = None
) -> None:
    """WAL, waiting for locks, foreign keys; and transactions that begin when SQLAlchemy says so."""

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {busy_ms}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute(
            "PRAGMA synchronous = NORMAL"
        )  # a killed process loses nothing; a power cut may lose the last moments
        cursor.execute("PRAGMA foreign_keys = ON")
        if log_pages is not None:
            cursor.execute(f"PRAGMA wal_autocheckpoint = {log_pages}")
        if pages_max is not None:
            cursor.execute(f"PRAGMA max_page_count = {pages_max}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def store_error(error: Exception) -> StoreError | None:
    """What a database error means to the operator; None for what is not about the database's state."""
    if isinstance(error, sa.exc.TimeoutError):
        return StoreUnreachableError(
            "all database connections are busy; raise REHEARING_STORE_POOL_SIZE or lower the load"
        )
    if not isinstance(error, sa.exc.DBAPIError):
        return None
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or ""
    text = str(cause).lower()
    if isinstance(cause, sqlite3.Error):
        if "full" in text or "i/o error" in text:
            return StoreFullError(
                "the database is full; free disk space, then try again: nothing that was stored is lost"
            )
        if "locked" in text or "unable to open" in text:
            return StoreUnreachableError(f"the database does not answer: {cause}")
        if "malformed" in text or "not a database" in text:
            return StoreError(f"the database file is damaged: {cause}; restore it from a copy")
        return None
    if state in _POSTGRES_CONFLICT:
        return StoreConflictError("two writes got in each other's way; try again")
    if state.startswith(_POSTGRES_FULL):
        return StoreFullError("the database server has no room left; free disk space, then try again")
    if (
        error.connection_invalidated
        or state.startswith(_POSTGRES_GONE)
        or (not state and isinstance(error, sa.exc.OperationalError))
    ):
        return StoreUnreachableError(
            "the database does not answer; is Postgres running, and is REHEARING_DATABASE_URL right?"
        )
    return None
