"""`report_html`: the stability report as one file that opens from disk, without scripts or the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from stability.page import figures
from stability.page.charts import PARTS, flips_svg, shares_svg
from stability.page.tables import Table, detail_tables, texts_table
from stability.report import DimensionReport, Estimate, ReportWarning, StabilityReport

if TYPE_CHECKING:
    from jinja2 import Template

LINK_SCHEMES = {"", "http", "https", "mailto"}
"""Where a link may lead: nowhere that runs a script."""


class Headline(NamedTuple):
    """One dimension at the top of the page: its sentence and its three numbers."""

    name: str
    anchor: str
    verdict: str
    sentence: str
    numbers: tuple[tuple[str, str, str], ...]
    """(label, number, what qualifies it)."""


class Section(NamedTuple):
    """One dimension's details: its plot 2 as trusted SVG, tables and warnings."""

    name: str
    anchor: str
    flips: Any
    tables: tuple[Table, ...]
    warnings: tuple[ReportWarning, ...]


def report_html(
    report: StabilityReport, *, title: str = "How stable is this verdict?", links: Mapping[str, str] | None = None
) -> str:
    """The report as a self-contained page; every name and message in it is escaped.

    Args:
        report: what `stability_report` returned.
        title: heading and browser title.
        links: label to address, shown under the heading (transcripts, the JSON twin).

    Raises:
        ValueError: a link leads anywhere but to http, https, mailto or a relative address.
    """
    from markupsafe import Markup

    for label, address in (links or {}).items():
        if urlsplit(address.strip()).scheme.lower() not in LINK_SCHEMES:
            raise ValueError(f"link {label!r} leads to {address!r}; use http, https, mailto or a relative address")
    shares = shares_svg(report)
    return _template().render(
        title=title,
        links=dict(links or {}),
        css=Markup(_own_file("report.css")),  # nosec B704 # noqa: S704  our own file
        report=report,
        simulated=_simulated(report),
        headlines=[
            _headline(name, number, dimension) for number, (name, dimension) in enumerate(report.dimensions.items(), 1)
        ],
        shares=Markup(shares) if shares else None,  # nosec B704 # noqa: S704  text in it is escaped by the renderer
        parts=[part.name for part in PARTS],
        sections=[
            _section(name, number, dimension) for number, (name, dimension) in enumerate(report.dimensions.items(), 1)
        ],
        texts=texts_table(report.texts),
        warnings=len(report.warnings) + sum(len(dimension.warnings) for dimension in report.dimensions.values()),
        footer=list(_footer(report)),
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def _own_file(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _simulated(report: StabilityReport) -> bool:
    """Whether the simulated judge judged, by the report's own word or by a model's name."""
    models = report.provenance.models or ()
    named = (models,) if isinstance(models, str) else models
    return bool(report.provenance.simulated) or any(name.startswith("simulated") for name in named)


def _headline(name: str, number: int, dimension: DimensionReport) -> Headline:
    flips = dimension.flips.threshold or dimension.flips.categorical
    single = dimension.dependability.single
    return Headline(
        name=name,
        anchor=f"dimension-{number}",
        verdict=dimension.verdict,
        sentence=dimension.sentence,
        numbers=(
            ("flip rate of one re-run", *_number(flips, percent=True)),
            ("dependability of one call", *_number(single)),
            ("calls for a dependable verdict", *_cheapest(dimension)),
        ),
    )


def _number(estimate: Estimate, *, percent: bool = False) -> tuple[str, str]:
    if estimate.value is None:
        return "undefined", f"{estimate.n_used} of {estimate.n_asked} usable; see the warnings"
    interval = figures.interval_text(estimate, percent=percent) or "no interval; see the warnings"
    return figures.rounded(estimate.value, percent=percent), interval


def _cheapest(dimension: DimensionReport) -> tuple[str, str]:
    plan = dimension.cheapest
    if plan is None:
        return "none", "no plan examined reaches the target" if dimension.plan else "no plan could be made"
    personas = f"{plan.personas} persona{'s' if plan.personas != 1 else ''}"
    runs = f"{plan.runs} run{'s' if plan.runs != 1 else ''}"
    facets = "".join(f" × {count} {name}" for name, count in plan.facets.items())
    return str(plan.calls), f"{personas} × {runs}{facets}, dependability {figures.rounded(plan.phi)}"


def _section(name: str, number: int, dimension: DimensionReport) -> Section:
    from markupsafe import Markup

    plot = flips_svg(dimension)
    return Section(
        name=name,
        anchor=f"dimension-{number}",
        flips=Markup(plot) if plot else None,  # nosec B704 # noqa: S704  text in it is escaped by the renderer
        tables=detail_tables(dimension),
        warnings=dimension.warnings,
    )


def _footer(report: StabilityReport) -> Iterator[tuple[str, str]]:
    population = report.population
    yield "items", f"{population.items:,} in {population.clusters:,} clusters"
    yield "personas", f"{population.personas:,}"
    yield "runs", f"at most {population.runs:,} per item and persona"
    yield "ratings", f"{population.ratings_used:,} used of {population.ratings_asked:,} asked"
    failed, abstained = (
        sum(_lost(dimension, what) for dimension in report.dimensions.values()) for what in ("failed", "abstained")
    )
    yield "without a score", f"{failed:,} ratings failed, {abstained:,} abstained"
    yield "intervals", _intervals(report)
    if report.texts_reason:
        yield "what was said", report.texts_reason
    for name, value in report.provenance.known().items():
        if isinstance(value, (list, tuple)):
            value = ", ".join(map(str, value))
        yield name.replace("_", " "), str(value)


def _lost(dimension: DimensionReport, what: str) -> int:
    """Ratings of personas and verdicts of arms that failed or abstained."""
    counts = [*dimension.missing.personas.values(), *dimension.missing.arms.values()]
    return sum(one.failed if what == "failed" else one.abstained for one in counts)


def _intervals(report: StabilityReport) -> str:
    """How the intervals were made, and whom they speak for."""
    universes = {dimension.claim.delta.universe for dimension in report.dimensions.values()}
    whom = "any such personas where they say so, else these" if "random" in universes else "these personas"
    return f"95 %, delete-one-cluster jackknife with Student's t (their method stands in the JSON); for {whom}"
