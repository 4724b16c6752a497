"""What the rows of a batch file may hold: values of their columns' types and sizes, JSON of the shape its readers expect.

A file comes from anywhere. What is let in here is read by lists, reports and pages of everybody who may see it: a
single row that they cannot read would spoil them all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import TypeAdapter

from agents import Arm, DebateProtocol, Outcome, RunResult, Verdict, item_adapter
from service.application.answering import answered_of
from service.application.hearings import read_persona_set
from service.application.probes import probe_record
from service.application.records import Answered, DimensionScore, Status
from service.application.scoring import disagreement_columns, load_scores
from service.store.columns import Json, Moment, Packed

DEPTH_MAX = 64
Ended = Literal[tuple(one.value for one in Status if one.ended)]  # type: ignore[valid-type]


_SHAPES: dict[str, Any] = {
    "status": Ended,
    "protocol": DebateProtocol,
    "models": tuple[str, ...],
    "cost_by_purpose": dict[str, float | None],
    "answered": Answered,
    "scores": dict[str, dict[str, DimensionScore]],
    "verdicts": dict[Arm, Verdict],
    "outcome": Outcome,
    "data": dict[str, Any],
    "item_kind": Literal["text", "summary", "dialogue", "pair"],
    "report_status": Literal["ready", "failed", "pending"],
}
"""By the name of the column: a name means the same in every table."""
_READERS: dict[str, Callable[[Any], object]] = {"scores": load_scores, "answered": answered_of}


def checked_row(table: sa.Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row, safe to be stored. Raises ValueError that names the column, and pydantic's ValidationError."""
    values = {name: _checked(table.c[name], value) for name, value in row.items()}
    check = _WHOLE.get(table.name)
    return check(values) if check is not None else values


def _checked(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        if not column.nullable:
            raise ValueError(f"{column.name} is missing")
        return None
    try:
        value = _typed(column.type, value)
        if column.name in _SHAPES:
            _shape(column.name).validate_json(json.dumps(value), strict=True)
            _READERS.get(column.name, bool)(value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{column.name}: {str(error)[:200]}") from error
    return value


@cache
def _shape(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_SHAPES[name])


def _typed(kind: Any, value: Any) -> Any:
    """The value of a column of that type. Raises ValueError, TypeError."""
    if isinstance(kind, Moment):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a time without its zone")
        return moment.astimezone(UTC)
    if isinstance(kind, Json | sa.JSON):
        _check_plain(value, DEPTH_MAX)
        return value
    expected = next(types for base, types in _PYTHON if isinstance(kind, base))
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise TypeError(f"a {type(value).__name__} is no value of this column")
    if isinstance(value, str) and not isinstance(kind, Packed):
        _check_text(value, kind.length)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it is not finite")
    elif isinstance(kind, sa.Integer) and value.bit_length() > (63 if isinstance(kind, sa.BigInteger) else 31):
        raise ValueError("it is too large")
    return value


_PYTHON: tuple[tuple[Any, Any], ...] = (
    (sa.Boolean, bool), (sa.Integer, int), (sa.Float, (int, float)), (sa.String, str), (Packed, str),
)  # fmt: skip


def _check_text(value: str, longest: int | None) -> None:
    value.encode()  # a lone surrogate is no text to either database
    if "\0" in value:
        raise ValueError("it holds a NUL character")
    if longest is not None and len(value) > longest:
        raise ValueError(f"it is longer than {longest} characters")


def _check_plain(value: Any, levels: int) -> None:
    """Raises ValueError for JSON that nests too deep, or holds a number that is none."""
    if levels < 0:
        raise ValueError(f"it nests deeper than {DEPTH_MAX} levels")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it holds a number that is not finite")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_plain(inner, levels - 1)


def _persona_set(row: dict[str, Any]) -> dict[str, Any]:
    read_persona_set(row["body"])
    return row | {"request": {"documents": []}, "parent": None, "progress": None}


def _batch(row: dict[str, Any]) -> dict[str, Any]:
    from stability import StabilityReport

    if row["report"] is not None:
        StabilityReport.model_validate_json(row["report"])
    elif row["report_status"] == "ready":
        raise ValueError("report is missing")
    return row


def _evaluation(row: dict[str, Any]) -> dict[str, Any]:
    item = item_adapter.validate_json(row["item"])
    if (item.id, item.kind) != (row["item_id"], row["item_kind"]):
        raise ValueError("item is another than the row says")
    return row | disagreement_columns(load_scores(row["scores"]))  # files of before lists were ordered by it have none


def _result(row: dict[str, Any]) -> dict[str, Any]:
    result = RunResult.model_validate_json(row["body"])
    run = result.run.model_copy(update={"id": row["run_id"]})
    return row | {"body": result.model_copy(update={"run": run}).model_dump_json()}


def _ratings(row: dict[str, Any]) -> dict[str, Any]:
    columns = TypeAdapter(dict[str, list[str | float | bool | None]]).validate_json(row["rows"])
    if "score" not in columns or len({len(values) for values in columns.values()}) != 1:
        raise ValueError("rows must be columns of one length, score among them")
    return row


def _probe(row: dict[str, Any]) -> dict[str, Any]:
    probe_record(row)
    return row


def _call(row: dict[str, Any]) -> dict[str, Any]:
    json.loads(row["body"])
    return row


_WHOLE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "persona_sets": _persona_set,
    "batches": _batch,
    "evaluations": _evaluation,
    "results": _result,
    "ratings": _ratings,
    "probes": _probe,
    "calls": _call,
}
