"""The stability report's own plots, for the batch page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from service.pages.views.batch import items_href
from stability import StabilityReport, flips_svg, shares_svg

_ADDRESS = re.compile(r"""xlink:href="[^"?]*(?=/evaluations\?)""")


class Plots(NamedTuple):
    """SVG of both plots; the second by dimension."""

    shares: str | None
    flips: Mapping[str, str | None]


def plots(report: StabilityReport, batch_id: str) -> Plots:
    """Draws the report, every mark a link to the batch's items behind it; once for equal reports. The first time takes about a second: call it off the event loop."""
    return _drawn(report.model_dump_json(by_alias=True), batch_id)


@lru_cache(maxsize=16)
def _drawn(body: str, batch_id: str) -> Plots:
    report = StabilityReport.model_validate_json(body)

    def share(dimension: str, component: str) -> str:
        only = {"only": "disagree"} if component == "run" else {}
        return items_href(batch_id, dimension=dimension, arm="panel", **only)

    def flips(dimension: str) -> Callable[[str], str]:
        # one persona and the panel are both heard alone, in the arm `panel`
        return lambda design: items_href(
            batch_id, dimension=dimension, arm="panel" if design == "single" else design, only="disagree"
        )

    drawn = {name: _ours(flips_svg(own, flips(name))) for name, own in report.dimensions.items()}
    return Plots(_ours(shares_svg(report, share)), drawn)


def _ours(drawing: str | None) -> str | None:
    """With addresses on this server: the renderer puts an origin of its own before each."""
    return drawing and _ADDRESS.sub('href="', drawing)
