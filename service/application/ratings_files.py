"""The ratings of a batch as a Parquet file: written in parts, read in columns, made again whenever it is not there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from service.application.context import Context
from service.application.rating_rows import joined
from service.store import tables

_RUNS = 1000  # ratings of so many runs in memory at once: some 50,000 rows
_NUMBERS = ("score", "human", "certainty", "tokens", "calls", "cost_usd")
_FLAGS = ("abstained", "verified")


def ratings_path(context: Context, batch_id: str) -> Path:
    """Where the file of a batch stands, once it was written on this machine."""
    return context.settings.data_dir / "ratings" / f"{batch_id}.parquet"


async def write_ratings(context: Context, batch_id: str) -> Path:
    """Writes the file out of the store; memory stays flat however many runs there are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = ratings_path(context, batch_id)
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    schema = _schema(pa)
    writer = pq.ParquetWriter(partial, schema, compression="zstd")
    try:
        last = ""
        while rows := await _some(context, batch_id, last):
            last = rows[-1].run_id
            human = await _human_scores(context, [row.evaluation_id for row in rows])
            await asyncio.to_thread(_write, writer, pa, schema, rows, human)
    finally:
        writer.close()
    partial.replace(path)
    return path


async def _some(context: Context, batch_id: str, after: str) -> list[Any]:
    table, runs = tables.ratings, tables.runs
    query = (
        sa.select(table.c.run_id, table.c.rows, runs.c.evaluation_id)
        .join(runs, runs.c.id == table.c.run_id)
        .where(table.c.batch_id == batch_id, table.c.run_id > after)
        .order_by(table.c.run_id)
        .limit(_RUNS)
    )
    async with context.store.read() as connection:
        return list((await connection.execute(query)).all())


async def _human_scores(context: Context, evaluations: list[str]) -> dict[tuple[str, str], float]:
    """The latest human score by evaluation and dimension."""
    table, found = tables.human_scores, {}
    ids = list(dict.fromkeys(evaluations))
    async with context.store.read() as connection:
        query = sa.select(table).where(table.c.evaluation_id.in_(ids)).order_by(table.c.id)
        for row in await connection.execute(query):
            found[row.evaluation_id, row.dimension] = row.value
    return found


def _write(writer: Any, pa: Any, schema: Any, rows: list[Any], human: dict[tuple[str, str], float]) -> None:
    parts = []
    for row in rows:
        part = json.loads(row.rows)
        held = part.get("human") or [None] * len(part["score"])
        part["human"] = [
            human.get((row.evaluation_id, dimension), value)
            for dimension, value in zip(part["dimension"], held, strict=True)
        ]
        parts.append(part)
    columns = joined(parts)
    length = len(columns["score"])
    writer.write_table(pa.table({name: columns.get(name, [None] * length) for name in schema.names}, schema=schema))


def _schema(pa: Any) -> Any:
    from stability import COLUMNS

    kinds = {name: pa.float64() for name in _NUMBERS} | dict.fromkeys(_FLAGS, pa.bool_())
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
