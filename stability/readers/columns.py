"""From a table of strings and numbers, however it was stored, to checked ratings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from stability.errors import CellError, ColumnError
from stability.ratings import (
    COLUMNS,
    FLAG_COLUMNS,
    NUMBER_COLUMNS,
    TEXT_COLUMNS,
    Column,
    Flags,
    Floats,
    Ratings,
    build,
)

MISSING = "^(|na|n/a|nan|null|none|-)$"
"""Cells that stand for a missing number, in either case."""
TRUE, FALSE = ["1", "1.0", "true", "yes", "y", "t"], ["0", "0.0", "false", "no", "n", "f", ""]
RUN_COLUMN = re.compile(r"^(run|r|rep|repeat|repetition|epoch|trial|score|sample)?[ _.-]?\d+$", re.IGNORECASE)

Line = Callable[[int], int]


def ratings_from_table(table: Any, mapping: Mapping[str, str], line_of: Line, *, wide: bool = False) -> Ratings:
    """Ratings from a pyarrow Table. Raises RatingsError.

    wide: one column a run; told by itself where no column is the score and the unknown ones look like runs.
    """
    table = _rename(table, mapping)
    names = list(table.column_names)
    runs = [name for name in names if name not in COLUMNS]
    if wide or ("score" not in names and len(runs) >= 1 and all(RUN_COLUMN.match(name) for name in runs)):
        table, line_of = _long(table, runs, line_of)
        names, runs = list(table.column_names), []
    _check_columns(names, runs)
    unknown = ("unknown_columns", f"columns that mean nothing here were left out: {', '.join(runs)}")
    notes = (unknown,) if runs else ()
    texts = {name: _text(table[name]) for name in TEXT_COLUMNS if name in names}
    numbers = {name: _number(table[name], name, line_of) for name in NUMBER_COLUMNS if name in names}
    flags = {name: _flag(table[name], name, line_of) for name in FLAG_COLUMNS if name in names}
    return build(texts, numbers, flags.get("abstained"), flags.get("verified"), line_of=line_of, notes=notes)


def _rename(table: Any, mapping: Mapping[str, str]) -> Any:
    names = [str(name).strip() for name in table.column_names]
    for ours, theirs in mapping.items():
        if ours not in COLUMNS:
            raise ColumnError(
                f"mapping names {ours!r}, which is none of our columns: {', '.join(COLUMNS)}", column=ours
            )
        if theirs not in names:
            raise ColumnError(
                f"mapping {ours}={theirs!r}: there is no such column; the table has {', '.join(names)}", column=theirs
            )
    back = {theirs: ours for ours, theirs in mapping.items()}
    known = {name: name.lower() for name in names if name.lower() in COLUMNS and name.lower() not in mapping}
    names = [back.get(name, known.get(name, f"{name} (file)" if name in mapping else name)) for name in names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ColumnError(f"column {twice[0]!r} stands twice: remove or rename one", column=twice[0])
    return table.rename_columns(names)


def _check_columns(names: list[str], unknown: list[str]) -> None:
    has = ", ".join(names)
    if "score" not in names:
        runs, other = ([name for name in unknown if bool(RUN_COLUMN.match(name)) is looks] for looks in (True, False))
        step = "Rename it, or map it: score=NAME"
        if runs and other:
            free = next((column for column in ("persona", "item") if column not in names), "cluster")
            step = (
                f"{runs[0]!r} looks like one of a column a run: then say what {other[0]!r} is, as in {free}={other[0]}"
            )
        raise ColumnError(f"there is no column 'score'; the table has {has}. {step}", column="score")
    if "item" not in names and unknown:
        raise ColumnError(
            f"there is no column 'item'; the table has {has}. Rename it, or map it: item=NAME", column="item"
        )
    for name in unknown:
        near = get_close_matches(name.lower(), [column for column in COLUMNS if column not in names], 1, 0.8)
        if near:
            raise ColumnError(f"column {name!r} is unknown: did you mean {near[0]!r}? Rename or remove it", column=name)


def _long(table: Any, runs: list[str], line_of: Line) -> tuple[Any, Line]:
    """One row per run from one column per run."""
    import pyarrow as pa

    if not runs:
        raise ColumnError("a wide table needs one column a run beside item and persona; there is none", column="score")
    kept = [name for name in table.column_names if name not in runs]
    rows = table.num_rows
    repeated = pa.concat_tables([table.select([name for name in kept if name not in ("score", "run")])] * len(runs))
    columns = {name: repeated[name] for name in repeated.column_names}
    columns["run"] = string_array([name for name in runs for _ in range(rows)])
    scores = [table[name].cast(pa.string()) for name in runs]
    columns["score"] = pa.chunked_array([chunk for score in scores for chunk in score.chunks], pa.string())
    return pa.table(columns), lambda row: line_of(row % rows)


def string_array(values: Sequence[str | None]) -> Any:
    """An Arrow array of strings, None as null, made from its buffers: `pyarrow.array` would import pandas for it."""
    import pyarrow as pa

    cells = [b"" if value is None else value.encode("utf-8", "replace") for value in values]
    ends = np.concatenate([[0], np.cumsum([len(cell) for cell in cells])]).astype(np.int64)
    known = np.packbits([value is not None for value in values], bitorder="little") if cells else np.zeros(0, np.uint8)
    buffers = [pa.py_buffer(part) for part in (known, ends, b"".join(cells))]
    return pa.Array.from_buffers(pa.large_string(), len(cells), buffers)


def _whole(column: Any) -> Any:
    """One Arrow array of a chunked one."""
    import pyarrow as pa

    while isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks else pa.nulls(0, column.type)
    return column


def _filled(array: Any, kind: np.dtype[Any], null: float) -> npt.NDArray[Any]:
    """The values of an Arrow array of numbers of this kind, copied from its buffers: `to_numpy` would import pandas."""
    here = slice(array.offset, array.offset + len(array))
    known, held = array.buffers()
    values = np.frombuffer(held, kind)[here].copy() if len(array) else np.zeros(0, kind)
    if known is not None and len(array):
        values[np.unpackbits(np.frombuffer(known, np.uint8), bitorder="little")[here] == 0] = null
    return values


def _text(column: Any) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        whole = column.cast(pa.int64(), safe=False)
        if pc.all(pc.equal(column, whole.cast(column.type))).as_py() is not False:
            column = whole
    strings = pc.utf8_trim_whitespace(column.cast(pa.string()))
    encoded = _whole(_whole(strings).dictionary_encode())
    names = encoded.dictionary.to_pylist()
    codes = _filled(encoded.indices, np.dtype(np.int32), -1)
    if "" in names:
        blank = names.index("")
        codes = np.where(codes == blank, -1, np.where(codes > blank, codes - 1, codes)).astype(np.int32)
        names.pop(blank)
    return Column(codes, tuple(names))


def _number(column: Any, name: str, line_of: Line) -> Floats:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        missing = pc.match_substring_regex(trimmed, MISSING, ignore_case=True)
        column = pc.if_else(missing, pa.nulls(len(trimmed), trimmed.type), trimmed)
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:
            _refuse_text(column.to_pylist(), name, line_of)
    try:
        values: Floats = _filled(_whole(column.cast(pa.float64())), np.dtype(np.float64), np.nan)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CellError(f"column {name!r} holds {column.type}, not numbers", column=name) from error
    endless = np.flatnonzero(np.isinf(values))
    if len(endless):
        line = line_of(int(endless[0]))
        raise CellError(f"line {line}: column {name!r} is infinite; leave it empty", line=line, column=name)
    return values


def _refuse_text(values: list[str | None], name: str, line_of: Line) -> None:
    for row, value in enumerate(values):
        try:
            float(value or 0)
        except ValueError:
            line = line_of(row)
            hint = "use a point for decimals" if re.fullmatch(r"-?\d+,\d+", str(value)) else "leave it empty if missing"
            raise CellError(
                f"line {line}: column {name!r} holds {str(value)[:80]!r}, not a number; {hint}", line=line, column=name
            ) from None
    raise CellError(f"column {name!r} holds something that is not a number", column=name)


def _flag(column: Any, name: str, line_of: Line) -> Flags:
    import pyarrow as pa

    values = [str(value or "").strip().lower() for value in column.cast(pa.string()).to_pylist()]
    for row, value in enumerate(values):
        if value not in TRUE and value not in FALSE:
            line = line_of(row)
            raise CellError(
                f"line {line}: column {name!r} holds {value[:80]!r}; use true or false", line=line, column=name
            )
    return np.asarray([value in TRUE for value in values], dtype=bool)
