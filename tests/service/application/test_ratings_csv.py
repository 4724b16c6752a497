"""A batch's ratings as CSV: what a table holds, in any spreadsheet, and no formula among it."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from service.application import ratings_csv
from service.application.ratings_csv import csv_chunks
from stability import COLUMNS, Rating, Ratings, read_ratings, stability_report


def parquet(folder: Path, rows: list[Rating]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "ratings.parquet"
    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    pq.write_table(pa.table(columns), path)
    return path


async def read(path: Path) -> list[dict[str, str]]:
    text = b"".join([chunk async for chunk in csv_chunks(path)]).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|calc", '=HYPERLINK("a")'])
async def test_a_strangers_formula_is_a_text(tmp_path: Path, text: str) -> None:
    (row,) = await read(parquet(tmp_path, [Rating(item=text, persona=text, score=-1.0, model='m,"n"\nx')]))
    assert row["item"] == row["persona"] == f"'{text}"
    assert row["score"] == "-1.0", "a number is none"
    assert row["model"] == 'm,"n"\nx'


async def test_what_is_unknown_is_empty_and_no_zero(tmp_path: Path) -> None:
    (row,) = await read(parquet(tmp_path, [Rating(item="a", persona="p", abstained=True)]))
    assert list(row) == list(COLUMNS)
    assert {name for name, value in row.items() if value} == {"item", "persona", "run", "dimension", "abstained"}
    assert row["abstained"] == "true"


async def test_it_comes_in_parts_and_holds_what_the_file_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratings_csv, "_ROWS", 7)
    rows = [
        Rating(item=f"i{item}", persona=f"p{persona}", run=str(run), score=float((item + run * persona) % 3))
        for item in range(5)
        for persona in range(3)
        for run in range(3)
    ]
    path = parquet(tmp_path, rows)
    chunks = [chunk async for chunk in csv_chunks(path)]
    assert len(chunks) == 1 + -(-len(rows) // 7)
    (tmp_path / "ratings.csv").write_bytes(b"".join(chunks))

    def report(ratings: Ratings) -> Any:
        return stability_report(ratings).dimensions["score"].components

    assert report(read_ratings(tmp_path / "ratings.csv")) == report(Ratings.from_rows(rows))


async def test_who_stops_reading_leaves_no_open_file(tmp_path: Path) -> None:
    chunks = csv_chunks(parquet(tmp_path, [Rating(item="a", persona="p", score=1.0)]))
    assert (await anext(chunks)).startswith(b"item,")
    await chunks.aclose()  # type: ignore[attr-defined]
    (tmp_path / "ratings.parquet").unlink()
