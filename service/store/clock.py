"""The database's own time: the one clock that several machines can tell by, however theirs are set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from service.store.columns import Moment


class moment_ago(FunctionElement[datetime]):  # noqa: N801 - named as it reads in a query
    """`moment_ago(12.0)`: what the database's clock showed so many seconds ago; 0 for now."""

    type = Moment()
    inherit_cache = True

    def __init__(self, seconds: float) -> None:
        super().__init__(sa.literal(float(seconds), sa.Float))


@compiles(moment_ago, "postgresql")
def _in_postgres(element: Any, compiler: Any, **options: Any) -> str:
    return f"(CURRENT_TIMESTAMP - make_interval(secs => {compiler.process(element.clauses, **options)}))"


@compiles(moment_ago, "sqlite")
def _in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    """As SQLAlchemy writes a time into SQLite: six digits of a second, of which the database knows three."""
    seconds = compiler.process(element.clauses, **options)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || {seconds} || ' seconds') || '000')"
