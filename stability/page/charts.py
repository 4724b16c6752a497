"""The report's two plots, drawn by altair and rendered to SVG or PNG by vl-convert, both imported when first drawn.

Ink is `currentColor`, so a plot inlined in a page follows its light or dark scheme (in a PNG it is black on white).
No distinction rests on colour: segments carry their share, lines differ by dash and marker, and the four fills differ
in lightness, so that both plots read in grey.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from stability.page.figures import estimate_text, rounded
from stability.report import ByCalls, DimensionReport, Estimate, StabilityReport

if TYPE_CHECKING:
    import altair

INK = "currentColor"
FONT = "Arial, Liberation Sans, Helvetica, sans-serif"
PNG_SCALE = 2.0
STEP = 1.1
"""Ratio of calls at which two markers of plot 2 stand clear of each other."""
SMALLEST_LABELLED_SHARE = 0.06
"""A narrower segment has no room for its per cent; the table has it."""


class Part(NamedTuple):
    """One variance component in plot 1: its key, name, fill and the ink that reads on the fill."""

    key: str
    name: str
    fill: str
    ink: str


PARTS = (
    Part("item", "Items (signal)", "#2f5d9b", "#ffffff"),
    Part("persona", "Personas", "#c8652a", "#000000"),
    Part("item_persona", "Item × persona", "#efbe5b", "#000000"),
    Part("run", "Re-runs (chance)", "#dedede", "#000000"),
)


class Line(NamedTuple):
    """One design in plot 2: its name, colour, marker and dash; a debate is a single point."""

    key: str
    name: str
    colour: str
    shape: str
    dash: tuple[int, ...]


LINES = (
    Line("single", "One persona", "#8a8f98", "circle", (5, 4)),
    Line("panel", "Panel, no debate", "#3f7fce", "square", (1, 0)),
    Line("debate", "Debate", "#d1622b", "diamond", (1, 0)),
    Line("self_reflection", "Self-reflection", "#9a6fc0", "triangle-up", (1, 0)),
    Line("stance", "Stances only", "#2f9179", "triangle-down", (1, 0)),
)


Address = Callable[[str, str], str]
"""Where a mark leads: of a dimension and a component in plot 1, of a dimension and a design in plot 2."""


def shares_svg(report: StabilityReport, address: Address | None = None) -> str | None:
    """Plot 1: each dimension's variance as stacked shares; None where no dimension has shares. Every share is a link
    where an address is given."""
    return _svg(_shares_chart(report, address))


def shares_png(report: StabilityReport) -> bytes | None:
    """Plot 1 as a PNG on white at 2x; None where no dimension has shares."""
    return _png(_shares_chart(report))


def flips_svg(dimension: DimensionReport, address: Callable[[str], str] | None = None) -> str | None:
    """Plot 2: flip rate against calls per verdict, by design; None where no design has a flip rate. Every point is a
    link where an address of its design is given."""
    return _svg(_flips_chart(dimension, address))


def flips_png(dimension: DimensionReport) -> bytes | None:
    """Plot 2 as a PNG on white at 2x; None where no design has a flip rate."""
    return _png(_flips_chart(dimension))


def _shares_rows(report: StabilityReport, address: Address | None = None) -> list[dict[str, Any]]:
    rows = []
    for name, dimension in report.dimensions.items():
        start = 0.0
        for order, part in enumerate(PARTS):
            share = dimension.shares.get(part.key)
            if share is None or share.value is None:
                continue
            rows.append(
                {
                    "dimension": name,
                    "component": part.name,
                    "order": order,
                    "start": start,
                    "end": start + share.value,
                    "middle": start + share.value / 2,
                    "label": f"{share.value:.0%}" if share.value >= SMALLEST_LABELLED_SHARE else "",
                    "ink": part.ink,
                    "description": f"{name}, {part.name}: {estimate_text(share, percent=True)}",
                    "href": address(name, part.key) if address else "",
                }
            )
            start += share.value
    return rows


def _shares_chart(report: StabilityReport, address: Address | None = None) -> altair.LayerChart | None:
    rows = _shares_rows(report, address)
    if not rows:
        return None
    import altair as alt

    order = list(dict.fromkeys(row["dimension"] for row in rows))
    shared = alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("dimension:N", sort=order, title=None))
    bars = shared.mark_bar(stroke=INK, strokeWidth=0.75).encode(
        x=alt.X("start:Q", title="share of the variance of one call", axis=alt.Axis(format="%"), scale=_unit(alt)),
        x2="end:Q",
        color=alt.Color(
            "component:N",
            scale=alt.Scale(domain=[part.name for part in PARTS], range=[part.fill for part in PARTS]),
            legend=alt.Legend(title=None, orient="top", columns=4, symbolStrokeColor=INK, symbolStrokeWidth=0.75),
        ),
        description="description:N",
    )
    if address:
        bars = bars.encode(href="href:N")
    labels = shared.mark_text(fontWeight="bold", aria=False).encode(
        x="middle:Q", text="label:N", color=alt.Color("ink:N", scale=None)
    )
    return _styled((bars + labels).properties(width=600, height=alt.Step(38)))


def _unit(alt: Any) -> Any:
    return alt.Scale(domain=[0, 1], nice=False)


def _flip_row(
    point: ByCalls, flips: Estimate, line: Line, address: Callable[[str], str] | None = None
) -> dict[str, Any]:
    interval = flips.ci
    return {
        "calls": point.calls,
        "flips": flips.value,
        "low": flips.value if interval is None or interval.low is None else interval.low,
        "high": flips.value if interval is None or interval.high is None else interval.high,
        "design": line.name,
        "dash": list(line.dash),
        "description": f"{line.name}, {rounded(point.calls)} calls: {estimate_text(flips, percent=True)}",
        "href": address(line.key) if address else "",
    }


def _flips_rows(dimension: DimensionReport, address: Callable[[str], str] | None = None) -> list[dict[str, Any]]:
    lines = {line.key: line for line in LINES}
    order = list(lines)
    points = [point for point in dimension.flips_by_calls if point.flips.value is not None and point.calls > 0]
    points.sort(key=lambda point: (point.calls, order.index(point.design)))
    rows = [_flip_row(point, point.flips, lines[point.design], address) for point in points]
    for row, place in zip(rows, _side_by_side([point.calls for point in points]), strict=True):
        row["place"] = place
    return rows


def _side_by_side(calls: list[float]) -> list[float]:
    """Where points stand that would hide one another: about the same place, a step apart on the log scale.

    calls: rising. Points whose calls differ by less than a step are one group, spread around its middle.
    """
    places: list[float] = []
    start = 0
    for end in range(1, len(calls) + 1):
        if end == len(calls) or calls[end] >= calls[end - 1] * STEP:
            group = calls[start:end]
            middle = (group[0] * group[-1]) ** 0.5
            places += [middle * STEP ** (place - (len(group) - 1) / 2) for place in range(len(group))]
            start = end
    return places


def _flips_chart(dimension: DimensionReport, address: Callable[[str], str] | None = None) -> altair.LayerChart | None:
    rows = _flips_rows(dimension, address)
    if not rows:
        return None
    import altair as alt

    shown = [line for line in LINES if any(row["design"] == line.name for row in rows)]
    names = [line.name for line in shown]
    ticks = _ticks([row["calls"] for row in rows])
    ends = [ticks[0] / 1.25, ticks[-1] * 1.25]
    shared = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "place:Q",
            title="calls per verdict",
            scale=alt.Scale(type="log", base=2, domain=ends, nice=False),
            axis=alt.Axis(values=ticks, format=".3~r", grid=False),
        ),
        color=alt.Color("design:N", scale=alt.Scale(domain=names, range=[line.colour for line in shown]), title=None),
        description="description:N",
    )
    rate = alt.Y("flips:Q", title="flip rate", axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(zero=True))
    lines = shared.mark_line(strokeWidth=2, aria=False).encode(
        y=rate,
        # as it stands in the row: with a scale, the legend's marks are dashed too, and a dashed circle is a torn one
        strokeDash=alt.StrokeDash("dash:N", scale=None),
    )
    bars = shared.mark_rule(strokeWidth=1.5, aria=False).encode(y="low:Q", y2="high:Q")
    points = shared.mark_point(size=90, filled=True, opacity=1, stroke=INK, strokeWidth=0.75).encode(
        y=rate,
        shape=alt.Shape("design:N", scale=alt.Scale(domain=names, range=[line.shape for line in shown]), title=None),
    )
    if address:
        points = points.encode(href="href:N")
    return _styled((lines + bars + points).properties(width=430, height=240))


def _ticks(calls: list[float]) -> list[float]:
    """At most seven of the numbers of calls, each at least a third above the one before, both ends kept."""
    every = sorted(set(calls))
    kept = [every[0]]
    for value in every[1:-1]:
        if value >= kept[-1] * 1.35 and value * 1.35 <= every[-1]:
            kept.append(value)
    return [*kept, every[-1]] if len(every) > 1 else kept


def _styled(chart: altair.LayerChart) -> altair.LayerChart:
    styled: altair.LayerChart = (
        chart.properties(background="transparent")
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            domainColor=INK,
            tickColor=INK,
            gridColor=INK,
            gridOpacity=0.15,
            labelFontSize=13,
            titleFontSize=13,
            titleFontWeight="normal",
            labelLimit=180,
        )
        .configure_legend(
            labelColor=INK, labelFontSize=13, orient="top", symbolSize=120, labelLimit=220, columnPadding=28
        )
        .configure_text(fontSize=13)
    )
    return styled


def _svg(chart: altair.LayerChart | None) -> str | None:
    if chart is None:
        return None
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_json()))


def _png(chart: altair.LayerChart | None) -> bytes | None:
    if chart is None:
        return None
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(chart.properties(background="white").to_json(), scale=PNG_SCALE))
