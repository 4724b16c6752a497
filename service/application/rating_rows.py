"""The ratings of one run, kept as JSON columns beside its transcript, so that figures need no transcripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from agents import Item, RunResult
from service.store import write_json

_ALWAYS = ("score", "dimension")


def rating_rows(result: RunResult, item: Item) -> str:
    """A run's ratings as JSON: column name to values, one per row; columns that hold nothing are left out, save the
    scores and what they are about, which say how many rows there are: none where no judge could be asked.

    The columns of `stability.Ratings`, without building one: a table of a dozen rows costs more than its run's ledger.
    """
    from stability import Rating, rows_from_result

    rows = list(rows_from_result(result, item))
    columns: dict[str, list[Any]] = {one.name: [getattr(row, one.name) for row in rows] for one in fields(Rating)}
    columns["cluster"] = [cluster or item.id for cluster in columns["cluster"]]
    columns = {
        name: values
        for name, values in columns.items()
        if name in _ALWAYS or any(value is not None for value in values)
    }
    for flag in ("abstained", "verified"):
        if flag in columns:
            columns[flag] = [bool(value) for value in columns[flag]]
    return write_json(columns)


def joined(parts: Sequence[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """Many tables under one another; a column that one of them lacks is empty there."""
    names = list(dict.fromkeys(name for part in parts for name in part))
    return {name: [entry for part in parts for entry in part.get(name, [None] * len(part["score"]))] for name in names}
