"""What calls came to, from columns and into them. Unknown is not zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llm import Call, spending, spending_by_purpose
from service.application.records import Estimate, Spent

COLUMNS = ("calls", "input_tokens", "output_tokens", "cost_usd", "cost_by_purpose")


def spent_columns(calls: Iterable[Call]) -> dict[str, Any]:
    """Values of the spending columns for some calls."""
    calls = list(calls)
    total = spending(calls)
    return {
        "calls": total.calls,
        "input_tokens": total.input_tokens,
        "output_tokens": total.output_tokens,
        "cost_usd": total.cost_usd,
        "cost_by_purpose": {str(purpose): part.cost_usd for purpose, part in spending_by_purpose(calls).items()},
    }


def summed_columns(rows: Iterable[Any]) -> dict[str, Any]:
    """The spending columns of an evaluation out of its runs': a run that has asked nothing yet counts as nothing."""
    rows = [row for row in rows if row.calls]
    by_purpose: dict[str, float | None] = {}
    for row in rows:
        for purpose, cost in (row.cost_by_purpose or {}).items():
            by_purpose[purpose] = _add(by_purpose.get(purpose, 0.0), cost)
    return {
        "calls": sum(row.calls for row in rows),
        "input_tokens": _total(row.input_tokens for row in rows),
        "output_tokens": _total(row.output_tokens for row in rows),
        "cost_usd": _total(row.cost_usd for row in rows),
        "cost_by_purpose": by_purpose,
    }


def spent_of(row: Mapping[Any, Any]) -> Spent:
    """The record of a row's spending columns."""
    return Spent(
        calls=row["calls"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        cost_usd_by_purpose=row["cost_by_purpose"] or {},
    )


def _total(values: Iterable[Any]) -> Any:
    total: Any = 0
    for value in values:
        total = _add(total, value)
    return total


def _add(total: Any, value: Any) -> Any:
    return None if total is None or value is None else total + value


def scaled_estimate(part: Estimate, scale: float) -> Estimate:
    """The estimate for `scale` times as many items of the same kind."""

    def scaled(value: Any) -> Any:
        return value if value is None else value * scale if isinstance(value, float) else round(value * scale)

    return Estimate(
        runs=scaled(part.runs),
        calls=scaled(part.calls),
        input_tokens=scaled(part.input_tokens),
        output_tokens=scaled(part.output_tokens),
        cost_usd=scaled(part.cost_usd),
        by_purpose={
            purpose: {name: scaled(value) for name, value in figures.items()}
            for purpose, figures in part.by_purpose.items()
        },
    )
