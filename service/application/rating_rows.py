"""The ratings of one run, kept as JSON columns beside its transcript, so that figures need no transcripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agents import Item, RunResult

_ROWS = "rows"


def rating_rows(result: RunResult, item: Item) -> str:
    """A run's ratings as JSON: column name to values, one per row."""
    from stability import ratings_from_results

    return json.dumps(columns_of(ratings_from_results([result], [item])), separators=(",", ":"))


def columns_of(ratings: Any) -> dict[str, list[Any]]:
    """A ratings table as plain lists; columns that hold nothing are left out."""
    columns: dict[str, list[Any]] = {}
    for name, value in vars(ratings).items():
        if value is None or name in ("notes", "provenance"):
            continue
        if hasattr(value, "codes"):
            columns[name] = [None if code < 0 else value.names[code] for code in value.codes.tolist()]
        else:
            columns[name] = [None if entry != entry else entry for entry in value.tolist()]  # NaN is not itself
    return columns


def joined(parts: Sequence[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """Many tables under one another; a column that one of them lacks is empty there."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    return {name: [entry for part in parts for entry in part.get(name, [None] * len(part["score"]))] for name in names}
