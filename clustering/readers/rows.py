"""Rows of jsonl and csv files as documents: one column is the text, the others its metadata."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from clustering.document import Document
from clustering.readers.limits import ReadingLimits, SkipError, Skipped, SkipReason

TEXT_FIELDS = ("text", "statement", "comment", "quote", "response", "answer", "feedback", "review", "body", "content",
               "message", "transcript", "document")  # fmt: skip
"""Names under which the text of a row is looked for, in this order; else the longest field is taken."""
_ID_FIELDS = ("id", "document_id", "_id")
_TITLE_FIELDS = ("title", "subject", "heading")
_METADATA_CHARACTERS_MAX = 500

Rows = tuple[list[Document], list[Skipped]]


def jsonl_documents(name: str, text: str, limits: ReadingLimits) -> Rows:
    """One document per line, an object with a text field or a string; a bad line is skipped by its number."""
    documents: list[Document] = []
    skipped: list[Skipped] = []
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    _check_rows(len(lines), limits)
    for number, line in lines:
        where = f"{name}#{number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            skipped.append(Skipped(name=where, reason=SkipReason.BROKEN, detail=f"the line is no JSON ({error})"[:200]))
            continue
        _add(where, {"text": row} if isinstance(row, str) else row, documents, skipped)
    return documents, skipped


def csv_documents(name: str, text: str, limits: ReadingLimits) -> Rows:
    """One document per row below the header. Cells are text and nothing else: a formula stays a string."""
    try:
        dialect: Any = csv.Sniffer().sniff(text[:10_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    documents: list[Document] = []
    skipped: list[Skipped] = []
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), dialect=dialect)
        for number, row in enumerate(reader, 2):
            _check_rows(number - 1, limits)
            cells = {str(key): value for key, value in row.items() if key is not None and isinstance(value, str)}
            _add(f"{name}#{number}", cells, documents, skipped)
    except csv.Error as error:
        raise SkipError(SkipReason.BROKEN, f"the csv cannot be parsed ({error})") from error
    return documents, skipped


def _add(where: str, row: Any, documents: list[Document], skipped: list[Skipped]) -> None:
    if not isinstance(row, Mapping):
        skipped.append(
            Skipped(name=where, reason=SkipReason.BROKEN, detail="the line is neither an object nor a string")
        )
        return
    field = _text_field(row)
    if field is None:
        detail = f"no field holds text; name it {TEXT_FIELDS[0]!r} (found {list(row)[:8]!r})"
        skipped.append(Skipped(name=where, reason=SkipReason.EMPTY, detail=detail))
        return
    rest = {str(key): str(value) for key, value in row.items() if key != field and _is_plain(value)}
    documents.append(
        Document(
            id=_first(rest, _ID_FIELDS) or where, text=row[field].replace("\r\n", "\n"),
            title=_first(rest, _TITLE_FIELDS), media_type="text/plain",
            metadata={**{key.lower(): value for key, value in rest.items()}, "source": where},
        )
    )  # fmt: skip


def _text_field(row: Mapping[str, Any]) -> str | None:
    lower = {str(key).strip().lower(): key for key in row}
    for name in TEXT_FIELDS:
        value = row.get(lower.get(name, ""))
        if isinstance(value, str) and value.strip():
            return str(lower[name])
    if any(name in lower for name in TEXT_FIELDS):
        return None  # the column for text is there, and empty
    texts = {key: value for key, value in row.items() if isinstance(value, str) and value.strip()}
    return max(texts, key=lambda key: len(texts[key]), default=None)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= _METADATA_CHARACTERS_MAX


def _first(row: Mapping[str, str], names: Iterable[str]) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _check_rows(count: int, limits: ReadingLimits) -> None:
    if count > limits.rows_max:
        raise SkipError(SkipReason.TOO_LARGE, f"more than {limits.rows_max} rows; split the file")
