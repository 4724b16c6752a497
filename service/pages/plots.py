"""The stability report's own plots, for the batch page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from stability import StabilityReport, flips_svg, shares_svg


class Plots(NamedTuple):
    """SVG of both plots; the second by dimension."""

    shares: str | None
    flips: Mapping[str, str | None]


def plots(report: StabilityReport) -> Plots:
    """Draws the report, once for equal reports. The first time takes about a second: call it off the event loop."""
    return _drawn(report.model_dump_json(by_alias=True))


@lru_cache(maxsize=16)
def _drawn(body: str) -> Plots:
    report = StabilityReport.model_validate_json(body)
    return Plots(shares_svg(report), {name: flips_svg(own) for name, own in report.dimensions.items()})
