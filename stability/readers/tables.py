"""Long and wide tables: csv, ndjson, parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from stability.errors import CellError, UnreadableRatingsError
from stability.ratings import NUMBER_COLUMNS, Ratings
from stability.readers.columns import ratings_from_table, string_array


def read_csv(content: bytes, mapping: Mapping[str, str], *, wide: bool = False) -> Ratings:
    """Ratings from csv (comma, semicolon or tab; UTF-8 with or without BOM; any line ends)."""
    import pyarrow as pa
    import pyarrow.csv

    content = content.removeprefix(b"\xef\xbb\xbf")
    content += b"" if b"\n" in content else b"\n"  # a header alone is an empty table, not a damaged one
    head = content.split(b"\n", 1)[0].strip(b"\r")
    try:
        header = head.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableRatingsError("the header is not UTF-8: save the table as csv in UTF-8") from error
    delimiter = max(",;\t", key=header.count)
    try:
        names = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error as error:  # such as a name of 131,072 characters
        raise UnreadableRatingsError(f"the header cannot be read: {error}") from error
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableRatingsError(f"column {twice!r} stands twice in the header: remove or rename one")
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(content),
            read_options=pyarrow.csv.ReadOptions(use_threads=False),
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in content),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise UnreadableRatingsError(f"the csv is damaged: {str(error)[:300]}") from error
    return ratings_from_table(table, mapping, lambda row: _csv_line(content, delimiter, row), wide=wide)


def _csv_line(content: bytes, delimiter: str, row: int) -> int:
    """The line on which a data row ends; only counted when an error must name it."""
    rows = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""), delimiter=delimiter)
    seen = -2  # the header comes first
    with suppress(csv.Error):
        for cells in rows:
            seen += bool(cells)
            if seen == row:
                return rows.line_num
    return row + 2


def read_ndjson(content: bytes, mapping: Mapping[str, str]) -> Ratings:
    """Ratings from one JSON object a line, or from one JSON array of objects."""
    rows, lines = _objects(content)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    return ratings_from_table(_as_table(columns, mapping, lines), mapping, lambda row: lines[row])


def _objects(content: bytes) -> tuple[list[dict[str, Any]], list[int]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableRatingsError(f"the file is not UTF-8 (byte {error.start}): save it in UTF-8") from error
    if text.lstrip().startswith("["):
        numbered = list(enumerate(_parsed(text, 1), start=1))
    else:
        numbered = [(n, _parsed(line, n)) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    for number, row in numbered:
        if not isinstance(row, dict):
            raise UnreadableRatingsError(
                f"line {number} holds {str(row)[:80]!r}, not an object such as "
                '{"item": "a", "persona": "p", "run": 1, "score": 3}',
                line=number,
            )
    return [row for _, row in numbered], [number for number, _ in numbered]


def _parsed(text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UnreadableRatingsError(
            f"line {line} is not JSON ({error}); one object a line is needed", line=line
        ) from error


def _as_table(columns: dict[str, list[Any]], mapping: Mapping[str, str], lines: list[int]) -> Any:
    """Every column as strings; numbers and booleans print as they stand, nested values are refused where they count."""
    import pyarrow as pa

    numbers = {mapping.get(name, name) for name in NUMBER_COLUMNS}
    for name, values in columns.items():
        for row, value in enumerate(values):
            if isinstance(value, dict | list) and name in numbers:
                raise CellError(
                    f"line {lines[row]}: column {name!r} holds {str(value)[:80]!r}, not a number",
                    line=lines[row],
                    column=name,
                )
    return pa.table({name: string_array([_shown(value) for value in values]) for name, values in columns.items()})


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, dict | list | bool) else repr(value)


def read_parquet(content: bytes, mapping: Mapping[str, str]) -> Ratings:
    """Ratings from parquet; the "line" of a row is its 1-based position."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableRatingsError(f"the parquet file is damaged: {str(error)[:300]}") from error
    return ratings_from_table(table, mapping, lambda row: row + 1)
