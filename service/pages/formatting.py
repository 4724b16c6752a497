"""Figures and moments as people read them. Unknown is said, never shown as 0."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

UNKNOWN = "–"
MINUS = "−"
DECIMALS_MAX = 4


def score(value: float | None, decimals: int = 1) -> str:
    """A score or a mean of scores: `4`, `3.6`; an en dash where there is none."""
    if value is None:
        return UNKNOWN
    text = f"{value:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def mean(value: float | None, mark: float | None = None) -> str:
    """A mean of scores with one decimal, so that columns line up: `3.0`; with more where one would put it on the wrong side of the mark: `2.96`."""
    if value is None:
        return UNKNOWN
    decimals = 1
    while mark is not None and decimals < DECIMALS_MAX and (value < mark) != (round(value, decimals) < mark):
        decimals += 1
    return f"{value:.{decimals}f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """A difference with its sign, `+1`, `−0.5`, `0`."""
    if value is None:
        return UNKNOWN
    text = score(abs(value), 2)
    if text == "0":
        return text
    return ("+" if value > 0 else MINUS) + text


def spread(value: float | None) -> str:
    """A standard deviation, two decimals: `0.84`."""
    return UNKNOWN if value is None else f"{value:.2f}".replace("-", MINUS)


def percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:.0f}%"


def interval(low: float | None, high: float | None, decimals: int = 1) -> str:
    """`3.0 to 4.1`; empty without limits."""
    if low is None or high is None:
        return ""
    return f"{low:.{decimals}f} to {high:.{decimals}f}".replace("-", MINUS)


def dollars(cost: float | None) -> str:
    """`$0.0042`, `$1.20`, `$0`; "price unknown" where it is."""
    if cost is None:
        return "price unknown"
    if cost == 0:
        return "$0"
    return f"${cost:,.2f}" if cost >= 0.1 else f"${cost:.2g}"


def waits(since_s: Mapping[str, float]) -> str | None:
    """`Waiting for openai:x, 41 s so far`; None where nothing is waited for."""
    if not since_s:
        return None
    return "Waiting for " + ", ".join(f"{spec}, {seconds:.0f} s so far" for spec, seconds in since_s.items())


def count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def moment(value: datetime | None) -> str:
    """`2026-01-31 14:05` in the stored zone (UTC)."""
    return UNKNOWN if value is None else value.strftime("%Y-%m-%d %H:%M")


def duration(value: timedelta | None) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`."""
    if value is None:
        return UNKNOWN
    seconds = value.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def words(name: str) -> str:
    """An identifier as words: `self_reflection` as `self reflection`."""
    return name.replace("_", " ").replace("-", " ")


def plural(number: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
