"""A batch: the stability report as a page whose every line leads to the items behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.application import Ranking, Swings, public_names
from service.application.records import BatchRecord, PersonaSetRecord, Status
from service.pages.formatting import dollars, plural, spread, waits, words
from service.pages.views.evaluations import EvaluationRow
from service.pages.views.figures import estimate_text, items_href
from service.pages.views.humans import Humans, humans
from service.pages.views.opening import ArmLine, Opening, Systems, arm_lines, opening, systems_ranked
from stability import DimensionReport, Estimate, ReportWarning, StabilityReport, Table, detail_tables, texts_table

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Headline:
    """One dimension: its sentence and its three numbers."""

    dimension: str
    name: str
    anchor: str
    verdict: str
    sentence: str
    numbers: tuple[tuple[str, str, str], ...]
    """Label, number, what qualifies it."""
    items_href: str
    """Its items, the least stable first."""


@dataclass(frozen=True, slots=True)
class FigureTable:
    """One table of the report, worded by `stability`."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class DimensionSection:
    name: str
    anchor: str
    arms: tuple[ArmLine, ...]
    """Side by side, with what each costs."""
    flips_svg: str | None
    tables: tuple[FigureTable, ...]
    """Variance, trust, arms, plans, agreement, changes of position, systems, humans, what is missing and its bounds."""
    warnings: tuple[ReportWarning, ...]
    systems: Systems | None
    humans: Humans | None
    """None where people have scored too few of the items."""


@dataclass(frozen=True, slots=True)
class BatchPage:
    id: str
    name: str
    status: str
    live: bool
    error: str | None
    waits: str | None
    """For which model it waits; None where all answer."""
    simulated: bool
    counts: tuple[tuple[str, int, str], ...]
    """Status, evaluations, and where they are listed."""
    done: int
    total: int
    report_status: str
    report_error: str | None
    opening: Opening | None
    """None before there is a report."""
    headlines: tuple[Headline, ...]
    shares_svg: str | None
    sections: tuple[DimensionSection, ...]
    texts: FigureTable | None
    """What was said, by the transcripts and the personas' cards."""
    population: str
    warnings: tuple[ReportWarning, ...]
    least_stable: tuple[EvaluationRow, ...]
    items_href: str
    persona_set_id: str
    persona_set: str
    """Its name."""
    models: tuple[str, ...]
    repeats: str
    calls: int
    cost_usd: float | None
    provenance: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BatchLine:
    href: str
    id: str
    name: str
    status: str
    done: int
    total: int
    report_status: str
    cost: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchesPage:
    rows: tuple[BatchLine, ...]
    next_href: str | None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class PersonaSetLine:
    href: str
    id: str
    name: str
    status: str
    personas: int | None
    groups: int | None
    documents: int
    method: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PersonaSetsPage:
    rows: tuple[PersonaSetLine, ...]
    next_href: str | None
    simulated: bool = False


def batches_page(records: Sequence[BatchRecord], next_after: str | None) -> BatchesPage:
    lines = [
        BatchLine(
            f"/batches/{record.id}",
            record.id,
            record.name or record.id,
            record.state.status.value,
            record.state.progress.done,
            record.state.progress.total,
            record.report_status,
            dollars(record.spent.cost_usd),
            record.created_at,
        )
        for record in records
    ]
    return BatchesPage(tuple(lines), f"/batches?after={next_after}" if next_after else None)


def persona_sets_page(records: Sequence[PersonaSetRecord], next_after: str | None) -> PersonaSetsPage:
    lines = [
        PersonaSetLine(
            f"/persona-sets/{record.id}",
            record.id,
            record.name or record.id,
            record.state.status.value,
            record.personas,
            record.groups,
            len(record.document_ids),
            record.method,
            record.created_at,
        )
        for record in records
    ]
    return PersonaSetsPage(tuple(lines), f"/persona-sets?after={next_after}" if next_after else None)


def batch_page(
    record: BatchRecord,
    report: StabilityReport | None,
    least_stable: Sequence[EvaluationRow],
    *,
    persona_set: str,
    disagreeing: int = 0,
    swings: Mapping[Ranking, Swings] | None = None,
    shares_svg: str | None = None,
    flips_svg: Mapping[str, str | None] | None = None,
) -> BatchPage:
    """The page. disagreeing: items with a hearing unlike the others. The plots are the report's own; the second by dimension."""
    state = record.state
    dimensions = report.dimensions if report else {}
    counts = [(name, number) for name, number in record.counts.items() if name != "total" and number]
    return BatchPage(
        id=record.id,
        name=record.name or record.id,
        status=state.status.value,
        live=not state.status.ended or record.report_status == "pending",
        error=state.error,
        waits=waits(state.waiting_for),
        simulated=record.simulated,
        counts=tuple(
            (name, number, items_href(record.id, status=name) if name in set(Status) else "") for name, number in counts
        ),
        done=state.progress.done,
        total=state.progress.total,
        report_status=record.report_status,
        report_error=record.report_error,
        opening=opening(record.id, report, least_stable, state.progress.total, disagreeing) if report else None,
        headlines=tuple(_headline(record.id, *pair) for pair in dimensions.items()),
        shares_svg=shares_svg,
        sections=tuple(
            _section(record.id, name, own, (flips_svg or {}).get(name), swings or {})
            for name, own in dimensions.items()
        ),
        texts=_figure_table(said) if report and (said := texts_table(report.texts)) else None,
        population=_population(report) if report else "",
        warnings=report.warnings if report else (),
        least_stable=tuple(least_stable),
        items_href=items_href(record.id),
        persona_set_id=record.persona_set_id,
        persona_set=persona_set,
        models=public_names(record.models),
        repeats=str(record.repeats_max)
        if record.half_width is None
        else f"{record.repeats_min} to {record.repeats_max}",
        calls=record.spent.calls,
        cost_usd=record.spent.cost_usd,
        provenance=tuple((words(n), _plain(v)) for n, v in report.provenance.known().items()) if report else (),
    )


def _figure_table(table: Table) -> FigureTable:
    return FigureTable(table.caption, table.columns, table.rows)


def _population(report: StabilityReport) -> str:
    own = report.population
    return (
        f"{plural(own.items, 'item')} from {plural(own.clusters, 'source')}, {plural(own.personas, 'persona')}, "
        f"up to {plural(own.runs, 'run')}; "
        f"{own.ratings_used:,} of {own.ratings_asked:,} ratings used"
    )


def _plain(value: object) -> str:
    """A provenance value on one line; of a sha256 as much as tells it from others."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    text = str(value)
    return f"{text[:12]}…" if SHA256.fullmatch(text) else text


def _number(label: str, estimate: Estimate, *, share: bool = False) -> tuple[str, str, str]:
    if estimate.value is None:
        return label, "undefined", f"{estimate.n_used} of {estimate.n_asked} usable; see the warnings"
    full = estimate_text(estimate, share=share)
    value, _, rest = full.partition(" (")
    used = f"{estimate.n_used:,} of {estimate.n_asked:,} used"
    return label, value, (f"95% CI {rest.rstrip(')')}; {used}" if rest else f"no interval; {used}")


def _headline(batch_id: str, name: str, own: DimensionReport) -> Headline:
    plan = own.cheapest
    if plan is None:
        cheapest = ("calls for a dependable verdict", "none", "no plan examined reaches the target")
    else:
        detail = f"{plural(plan.personas, 'persona')} × {plural(plan.runs, 'run')}, dependability {spread(plan.phi)}"
        cheapest = ("calls for a dependable verdict", str(plan.calls), detail)
    return Headline(
        dimension=name,
        name=words(name),
        anchor=f"dimension-{name}",
        verdict=own.verdict,
        sentence=_capital(own.sentence.removeprefix(f"{name}: ")),
        numbers=(
            _number("flip rate of one re-run", own.flips.threshold or own.flips.categorical, share=True),
            _number("dependability of one call", own.dependability.single),
            cheapest,
        ),
        items_href=items_href(batch_id, dimension=name),
    )


def _section(
    batch_id: str, name: str, own: DimensionReport, flips_svg: str | None, swings: Mapping[Ranking, Swings]
) -> DimensionSection:
    return DimensionSection(
        name=words(name),
        anchor=f"dimension-{name}",
        arms=arm_lines(batch_id, name, own, swings),
        flips_svg=flips_svg,
        tables=tuple(_figure_table(table) for table in detail_tables(own)),
        warnings=own.warnings,
        systems=systems_ranked(batch_id, name, own),
        humans=humans(own),
    )


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
