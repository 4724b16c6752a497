"""Numbers as people read them: two or three significant digits, an interval beside its value, "undefined" said aloud."""

from __future__ import annotations

import math

from stability.report import Estimate

MINUS = "−"


def rounded(value: float | None, *, percent: bool = False) -> str:
    """`value` to three significant digits (two below 1), or as a whole per cent; "undefined" for None."""
    if value is None:
        return "undefined"
    text = _per_cent(value) if percent else _plain(value)
    return text.replace("-", MINUS)


def _plain(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.1g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 2 if abs(value) < 1 else 3
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(decimals, 4)}f}"
    return text.rstrip("0").rstrip(".") if abs(value) >= 1 and "." in text else text


def _per_cent(value: float) -> str:
    share = 100 * value
    return f"{share:.1f}%" if 0 < abs(share) < 9.95 and abs(share - round(share)) >= 0.05 else f"{share:.0f}%"


def p_text(p: float | None) -> str:
    """A p value, never as 0: `0.13`, `below 0.001`."""
    return "below 0.001" if p is not None and p < 1e-3 else rounded(p)


def interval_text(estimate: Estimate, *, percent: bool = False) -> str | None:
    """`95% CI 0.44 to 0.52`; None where there is no interval."""
    interval = estimate.ci
    if interval is None:
        return None
    level = f"{interval.level:.0%} CI"
    if interval.low is None and interval.high is None:
        return f"{level} unbounded"
    if interval.low is None:
        return f"{level} at most {rounded(interval.high, percent=percent)}"
    if interval.high is None:
        return f"{level} at least {rounded(interval.low, percent=percent)}"
    return f"{level} {rounded(interval.low, percent=percent)} to {rounded(interval.high, percent=percent)}"


def estimate_text(estimate: Estimate, *, percent: bool = False) -> str:
    """Value and interval on one line: `22% (95% CI 21% to 24%)`, `undefined`."""
    if estimate.value is None:
        return "undefined"
    interval = interval_text(estimate, percent=percent)
    value = rounded(estimate.value, percent=percent)
    return f"{value} ({interval})" if interval else f"{value} (no interval)"


def dollars(cost: float | None) -> str:
    """A price in US dollars, with cents as far as they matter."""
    if cost is None:
        return "unknown"
    if cost == 0:
        return "$0"
    return f"${cost:,.2f}" if cost >= 0.1 else f"${cost:.2g}"
