"""The stability report's own plots, for the batch page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stability import StabilityReport, flips_svg, shares_svg


class Plots(NamedTuple):
    """SVG of both plots; the second by dimension."""

    shares: str | None
    flips: Mapping[str, str | None]


def plots(report: StabilityReport) -> Plots:
    """Draws the report. Takes about a second: call it off the event loop."""
    return Plots(shares_svg(report), {name: flips_svg(own) for name, own in report.dimensions.items()})
