"""INSERTs that both engines know under different names, and many of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

_ROWS_AT_ONCE = (32, 16, 8, 4, 2, 1)
"""Rows in one statement: few different statements, so that every one of them stays prepared."""


def insert_if_absent(connection: AsyncConnection, table: sa.Table) -> Any:
    """An INSERT that leaves a row that is already there as it is."""
    return _built(connection.dialect.name, table)


@cache
def _built(engine: str, table: sa.Table) -> Any:
    """Once: building a statement costs more than SQLite takes to carry it out."""
    dialect: Any = sqlite if engine == "sqlite" else postgresql
    # without it SQLAlchemy asks the cursor, once that is closed: psycopg then says -1, as if a row had been inserted
    return dialect.insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@dataclass(frozen=True, slots=True)
class Insertion:
    """A write that inserts rows where they are absent; the rows of many such writes go into a few statements.

    rows: by table, each with a value for every column. One statement of many rows is one step out of Python and back;
    on SQLite the writing thread waits for its turn after every step while other threads are busy.
    """

    rows: Mapping[sa.Table, Sequence[Mapping[str, Any]]]

    async def __call__(self, connection: AsyncConnection) -> None:
        """Inserts them."""
        for table, rows in self.rows.items():
            encode = _encoder(connection.dialect.name, table)
            left = [encode(row) for row in rows]
            for many in _ROWS_AT_ONCE:
                while len(left) >= many:
                    some, left = left[:many], left[many:]
                    values = tuple(value for row in some for value in row)
                    await connection.exec_driver_sql(_statement(connection.dialect.name, table, many), values)


def join_insertions(insertions: Iterable[Insertion]) -> Insertion:
    """All of their rows, each once, in the order of their keys: writers that share rows then never wait for each other."""
    rows: dict[sa.Table, dict[tuple[Any, ...], Mapping[str, Any]]] = {}
    for insertion in insertions:
        for table, some in insertion.rows.items():
            names = [column.name for column in table.primary_key]
            found = rows.setdefault(table, {})
            for row in some:
                found.setdefault(tuple(row[name] for name in names), row)
    return Insertion({table: [found[key] for key in sorted(found)] for table, found in rows.items()})


@cache
def _statement(engine: str, table: sa.Table, rows: int) -> str:
    mark = "?" if engine == "sqlite" else "%s"
    names = ", ".join(f'"{column.name}"' for column in table.c)
    row = f"({', '.join([mark] * len(table.c))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join([row] * rows)} ON CONFLICT DO NOTHING"  # nosec B608 # noqa: S608 - our names


@cache
def _encoder(engine: str, table: sa.Table) -> Callable[[Mapping[str, Any]], list[Any]]:
    """A row as the driver takes it."""
    dialect: sa.Dialect = sqlite.dialect() if engine == "sqlite" else postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
    columns = [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in table.c]
    return lambda row: [process(row[name]) if process else row[name] for name, process in columns]
