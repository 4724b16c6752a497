"""An INSERT that both engines know under different names."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_if_absent(connection: AsyncConnection, table: sa.Table) -> Any:
    """An INSERT that leaves a row that is already there as it is."""
    return _built(connection.dialect.name, table)


@cache
def _built(engine: str, table: sa.Table) -> Any:
    """Once: building a statement costs more than SQLite takes to carry it out."""
    dialect: Any = sqlite if engine == "sqlite" else postgresql
    # without it SQLAlchemy asks the cursor, once that is closed: psycopg then says -1, as if a row had been inserted
    return dialect.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
