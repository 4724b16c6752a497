"""The ratings of a batch as CSV: one row for each item, run, persona and dimension, and for each verdict."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Generator, Iterable
from pathlib import Path
from typing import Any

_ROWS = 5000  # in memory at once
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|")
"""What makes a spreadsheet take a cell for a formula (OWASP, CSV injection), and what older ones run as a command."""


async def csv_chunks(file: Path) -> AsyncIterator[bytes]:
    """The rows of a ratings file (`ratings_files`) as UTF-8, the names of the columns first; what is unknown is empty.

    Names are strangers' words: a text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    chunks = _chunks(file)
    try:
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            yield chunk
    finally:
        await asyncio.to_thread(chunks.close)


def _chunks(file: Path) -> Generator[bytes]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as ratings:
        yield _lines([ratings.schema_arrow.names])
        for batch in ratings.iter_batches(batch_size=_ROWS):
            columns = [column.to_pylist() for column in batch.columns]
            yield _lines([_cell(value) for value in row] for row in zip(*columns, strict=True))


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return str(value).lower() if isinstance(value, bool) else value


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
