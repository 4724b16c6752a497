"""An INSERT that both engines know under different names."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


def insert_if_absent(connection: AsyncConnection, table: sa.Table) -> Any:
    """An INSERT that leaves a row that is already there as it is."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()
