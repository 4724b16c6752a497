"""The database of the job engine's own tables, as this process connects to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from service.store.engine import POSTGRES_CONNECTING

_CONNECTIONS = 7  # of the engine five, of whoever fills the queue two


def open_queue_database(url: str) -> sa.Engine:
    """An engine for `Settings.jobs_url`.

    On SQLite with a write-ahead log that is synchronised at checkpoints alone: a killed process loses nothing, and a
    power cut at most the last moments of the queue, which the store knows better: a job that is done is looked up
    there before it is begun again, and one that the queue forgot is found by `stranded`.
    """
    if not url.startswith("sqlite"):
        psycopg = sa.make_url(url).set(drivername="postgresql+psycopg")
        return sa.create_engine(
            psycopg, pool_size=2, max_overflow=0, pool_pre_ping=True, connect_args=POSTGRES_CONNECTING
        )
    Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, pool_size=_CONNECTIONS, max_overflow=0)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"  # as DBOS has it: a transaction that will write locks at once
        for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
