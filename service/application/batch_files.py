"""Batch files: read as a stream, checked whole before anything is stored, never held in memory."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from agents import Item
from service.application.evaluations import item_columns
from service.application.requests import BatchLine
from service.errors import InvalidBatchError, LimitExceededError, Problem
from service.settings import Limits

PROBLEMS_MAX = 20
"""Lines named in one answer; with more wrong, the file is."""
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_line_adapter: TypeAdapter[BatchLine] = TypeAdapter(BatchLine)


class Spool:
    """A batch file on disk, and the sha256 of its bytes."""

    def __init__(self, file: IO[bytes], digest: bytes) -> None:
        self._file, self.digest = file, digest

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Every line with its number, from 1; blank lines are left out."""
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            if line.strip():
                yield number, line


class CheckedItems:
    """The items of a file as the rows that they become, on disk: each line is parsed once, and stored when all are good."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0

    def add(self, custom_id: str, item: Item) -> None:
        """The next item."""
        self._file.write(to_json([custom_id, item_columns(item)]) + b"\n")
        self.count += 1

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each custom id with its item's columns, in order."""
        self._file.seek(0)
        for line in self._file:
            custom_id, columns = from_json(line)
            yield custom_id, columns


@asynccontextmanager
async def checked_items(folder: Path) -> AsyncIterator[CheckedItems]:
    """Room for the items of a file, given back afterwards."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        yield CheckedItems(file)


@asynccontextmanager
async def spooled(chunks: AsyncIterable[bytes], folder: Path, limits: Limits) -> AsyncIterator[Spool]:
    """The stream in a temporary file, deleted afterwards. Raises LimitExceededError."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        size = lines = length = 0
        digest = hashlib.sha256()
        async for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            if size > limits.batch_bytes:
                raise LimitExceededError(f"the file is longer than {limits.batch_bytes} bytes; split it")
            breaks = chunk.count(b"\n")
            length = length + len(chunk) if not breaks else len(chunk) - chunk.rindex(b"\n") - 1
            lines += breaks
            if length > limits.line_bytes:
                raise _line_too_long(lines + 1, limits)
            if lines > 2 * limits.items_per_batch:
                raise _too_many_items(limits)
            file.write(chunk)
        file.flush()
        yield Spool(file, digest.digest())


def check_lines(spool: Spool, limits: Limits) -> Iterator[tuple[int, BatchLine]]:
    """Every line, unless one of them is wrong.

    Raises InvalidBatchError at the end, or after PROBLEMS_MAX wrong lines, naming each; LimitExceededError.
    """
    problems: list[Problem] = []
    count = 0
    with _Seen() as seen, _Seen() as items:
        for number, line in spool:
            count += 1
            if count > limits.items_per_batch:
                raise _too_many_items(limits)
            if len(line) > limits.line_bytes:
                raise _line_too_long(number, limits)
            try:
                parsed = parse_line(number, line)
            except InvalidBatchError as error:
                problems += error.problems
            else:
                twice = _stands_twice(parsed, number, seen, items)
                problems += twice
                if not problems:
                    yield number, parsed
            if len(problems) >= PROBLEMS_MAX:
                break
    if problems:
        raise invalid_batch(problems)
    if not count:
        raise invalid_batch([Problem("line:1", "the file holds no item; write one JSON object a line", "empty")])


def parse_line(number: int, line: bytes) -> BatchLine:
    """One line. An item without an id takes the custom_id. Raises InvalidBatchError."""
    if _NUL.search(line):
        raise invalid_batch([Problem(f"line:{number}", "a text holds \\u0000 (NUL); take it out", "nul_character")])
    try:
        return _line_adapter.validate_json(line)
    except ValidationError as error:
        if _lacks_only_the_item_id(error):
            return _line_adapter.validate_python(_with_id(line))
        told = [
            Problem(f"line:{number}", f"{'/'.join(map(str, one['loc'])) or 'line'}: {one['msg']}", one["type"])
            for one in error.errors(include_url=False, include_input=False)[:3]
        ]
        raise invalid_batch(told) from None


def _stands_twice(line: BatchLine, number: int, custom_ids: _Seen, item_ids: _Seen) -> list[Problem]:
    problems = []
    for name, value, seen in (("custom_id", line.custom_id, custom_ids), ("item.id", line.item.id, item_ids)):
        first = seen.add(value, number)
        if first is not None:
            code = f"duplicate_{name.replace('.', '_')}"
            problems.append(Problem(f"line:{number}", f"{name} {value!r} stands on line {first} already", code))
    return problems


def invalid_batch(problems: list[Problem]) -> InvalidBatchError:
    first = problems[0]
    more = f", and {len(problems) - 1} more" if problems[1:] else ""
    return InvalidBatchError(
        f"{first.pointer.replace(':', ' ')}: {first.detail}{more}; nothing was stored: correct the file and send it again",
        problems[:PROBLEMS_MAX],
    )


def _lacks_only_the_item_id(error: ValidationError) -> bool:
    found = error.errors(include_url=False, include_input=False)
    return (
        len(found) == 1 and found[0]["type"] == "missing" and found[0]["loc"][-1] == "id" and len(found[0]["loc"]) == 3
    )


def _with_id(line: bytes) -> object:
    import json

    data = json.loads(line)
    return {**data, "item": {"id": data["custom_id"], **data["item"]}}


def expanded(line: BatchLine) -> list[tuple[str, Item]]:
    """The items of a line with their custom ids: a dialogue that is judged at each turn becomes many, `ID#3`."""
    from agents import expand

    parts = expand(line.item)
    if len(parts) == 1 and parts[0].id == line.item.id:
        return [(line.custom_id, parts[0])]
    return [(line.custom_id + part.id.removeprefix(line.item.id), part) for part in parts]


def _too_many_items(limits: Limits) -> LimitExceededError:
    return LimitExceededError(f"more than {limits.items_per_batch} items; split the file")


def _line_too_long(number: int, limits: Limits) -> LimitExceededError:
    message = f"longer than {limits.line_bytes} bytes"
    return LimitExceededError(f"line {number} is {message}", [Problem(f"line:{number}", message, "limit_exceeded")])


class _Seen:
    """Which ids were seen on which line; on disk beyond a few thousand, so that memory stays flat."""

    def __enter__(self) -> _Seen:
        self._connection = sqlite3.connect("")  # a temporary database: in memory until it is large
        self._connection.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, custom_id: str, line: int) -> int | None:
        """The line it stands on already; None where it is new."""
        try:
            self._connection.execute("INSERT INTO seen VALUES (?, ?)", (custom_id, line))
        except sqlite3.IntegrityError:
            found = self._connection.execute("SELECT line FROM seen WHERE id = ?", (custom_id,)).fetchone()
            return int(found[0])
        return None
