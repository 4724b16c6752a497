"""Pieces of the report's pages: an estimate on one line, and the address of the items behind it."""

from __future__ import annotations

from urllib.parse import urlencode

from service.pages.formatting import percent, spread
from stability import Estimate


def items_href(batch_id: str, **filters: str) -> str:
    """The items of a batch, filtered."""
    return "/evaluations?" + urlencode({"batch": batch_id, **filters})


def estimate_text(estimate: Estimate | None, *, share: bool = False) -> str:
    """`0.84 (0.78 to 0.90)`; "undefined" where it is."""
    if estimate is None or estimate.value is None:
        return "undefined"
    show = percent if share else spread
    text = show(estimate.value)
    ci = estimate.ci
    if ci is None or (ci.low is None and ci.high is None):
        return text
    if ci.low is None or ci.high is None:
        return f"{text} ({'at most ' + show(ci.high) if ci.low is None else 'at least ' + show(ci.low)})"
    return f"{text} ({show(ci.low)} to {show(ci.high)})"
