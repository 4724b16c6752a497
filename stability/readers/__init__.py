"""Reads tables of ratings: ours and what others write."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Literal, get_args

from stability.errors import UnreadableRatingsError
from stability.ratings import Ratings
from stability.readers import inspect_logs, promptfoo, tables

Format = Literal["csv", "ndjson", "parquet", "wide", "inspect", "promptfoo"]
_FOREIGN: dict[str, Callable[[bytes, Mapping[str, str]], Ratings]] = {
    "inspect": inspect_logs.read, "promptfoo": promptfoo.read,
}  # fmt: skip


def read_ratings(
    source: str | Path | bytes | BinaryIO, *, format: str | None = None, mapping: Mapping[str, str] | None = None
) -> Ratings:
    """Ratings from a file, its bytes or an open binary file.

    format: csv, ndjson, parquet, wide (a csv with one column a run), inspect (an Inspect AI log, .json or .eval) or
    promptfoo (its JSON result); None tells by name and content. mapping: our column name to the file's,
    `{"persona": "judge_name"}`. Raises RatingsError, naming line, column and the next step.
    """
    content, name = _load(source)
    if not content.strip():
        raise UnreadableRatingsError(f"{name} is empty: give a table with the columns item, persona, run, score")
    if format is not None and format not in get_args(Format):
        raise UnreadableRatingsError(f"format {format!r} is unknown: use one of {', '.join(get_args(Format))}")
    try:
        return _read(content, format or _tell(content, name), dict(mapping or {}))
    except RecursionError as error:
        raise UnreadableRatingsError(f"{name} nests too deep: a score is a number") from error


def _read(content: bytes, kind: str, renamed: Mapping[str, str]) -> Ratings:
    if kind in _FOREIGN:
        try:
            return _FOREIGN[kind](content, renamed)
        except (AttributeError, TypeError, LookupError, OverflowError, EOFError, zlib.error) as error:
            reason = f"some part of it has another shape than {kind} writes ({str(error)[:100]})"
            raise UnreadableRatingsError(f"this is no {kind} result: {reason}") from error
    if kind == "parquet":
        return tables.read_parquet(content, renamed)
    if kind == "ndjson":
        return tables.read_ndjson(content, renamed)
    return tables.read_csv(content, renamed, wide=kind == "wide")


def _load(source: str | Path | bytes | BinaryIO) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        return source, "the input"
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            return path.read_bytes(), repr(str(source))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UnreadableRatingsError(f"cannot read {str(source)!r}: {reason}; check the path") from error
    return source.read(), "the input"


def _tell(content: bytes, name: str) -> str:
    """The format, by content first and name second."""
    if content[:4] == b"PAR1":
        return "parquet"
    if content[:2] == b"PK":
        return "inspect"
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start not in (b"{", b"["):
        if b"\x00" in content[:4096]:
            raise UnreadableRatingsError(f"{name} is not text (or UTF-16): save it as csv in UTF-8, ndjson or parquet")
        return "csv"
    head = content[:200_000]
    first_line = head.split(b"\n", 1)[0]
    if b'"samples"' in content and b'"eval"' in head:
        return "inspect"
    if b'"results"' in head and b'"score"' not in first_line:
        return "promptfoo"
    if b'"results"' in head and (b'"gradingResult"' in content or b'"evalId"' in head):
        return "promptfoo"
    return "ndjson"


__all__ = ["Format", "read_ratings"]
