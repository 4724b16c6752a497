"""The stability report's own plots, for the batch page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree  # nosec B405 # parses only what our renderer drew

from service.pages.views.figures import items_href
from stability import StabilityReport, flips_svg, shares_svg

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
LEADS_TO = "/evaluations"
"""The only page that a mark leads to."""


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
    return drawing and own_links(drawing)


def own_links(drawing: str) -> str:
    """The SVG with addresses on this server alone: the renderer puts an origin of its own before each.

    An address of another page, of another scheme or inside a frame is taken off; a fragment stays.
    """
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.fromstring(drawing)  # nosec B314 # noqa: S314  our renderer wrote it, and it declares no entities
    for element in root.iter():
        found = [element.attrib.pop(name) for name in ("href", f"{{{XLINK}}}href") if name in element.attrib]
        element.attrib.pop("target", None)
        own = next((kept for one in found if (kept := _own_address(one))), None)
        if own:
            element.set("href", own)
    return ElementTree.tostring(root, encoding="unicode")


def _own_address(address: str) -> str | None:
    if address.startswith("#"):
        return address
    try:
        scheme, _, path, query, _ = urlsplit(address)
    except ValueError:
        return None
    if scheme not in ("", "http", "https") or not path.endswith(LEADS_TO) or not query:
        return None
    return f"{LEADS_TO}?{query}"
