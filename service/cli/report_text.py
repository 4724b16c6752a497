"""A stability report for the terminal: the sentence first, then the figures behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.cli.console import clean, results

if TYPE_CHECKING:
    from stability import DimensionReport, Estimate, StabilityReport, Texts


def number(value: float | None, digits: int = 3) -> str:
    """A number for people: so many significant digits, `undefined` for None."""
    if value is None:
        return "undefined"
    if value == 0 or abs(value) >= 1e-4:
        return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:.1e}"


def figure(estimate: Estimate | None) -> str:
    """`0.41 (0.35 to 0.48)`; says so where there is no value or no interval."""
    if estimate is None:
        return "not measured"
    if estimate.value is None or estimate.ci is None:
        return number(estimate.value) if estimate.value is None else f"{number(estimate.value)} (no interval)"
    low, high = estimate.ci.low, estimate.ci.high
    return f"{number(estimate.value)} ({'-inf' if low is None else number(low)} to {'inf' if high is None else number(high)})"


def component(estimate: Estimate) -> str:
    """A figure, and whether it may be 0: a variance does not fall below 0, its estimate and its interval can."""
    low = estimate.ci.low if estimate.ci else None
    unclear = estimate.value is not None and (estimate.value <= 0 or (low is not None and low <= 0))
    return figure(estimate) + (": not distinguishable from 0" if unclear else "")


def print_report(report: StabilityReport) -> None:
    """Every dimension, one after the other, on stdout."""
    console = results()
    population = report.population
    console.print(
        f"{_count(population.items, 'item')} in {_count(population.clusters, 'cluster')}, "
        f"{_count(population.personas, 'persona')}, up to {_count(population.runs, 'run')}; {population.ratings_used} of {population.ratings_asked} ratings used."
    )
    for dimension in report.dimensions.values():
        console.print()
        console.print(clean(dimension.sentence))
        console.print(_table(dimension))
        for warning in dimension.warnings:
            console.print(clean(f"  note ({warning.code}): {warning.message}"))
    if report.texts is not None:
        console.print()
        console.print(_said(report.texts))
    for warning in report.warnings:
        console.print(clean(f"note ({warning.code}): {warning.message}"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _table(dimension: DimensionReport) -> object:
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 2))
    for label, value in _rows(dimension):
        table.add_row(label, value)
    return table


def _rows(dimension: DimensionReport) -> list[tuple[str, str]]:
    parts, claim, trust = dimension.components, dimension.claim, dimension.dependability
    rows = [
        ("variance between items", component(parts.item)),
        ("  between personas", component(parts.persona)),
        ("  item x persona", component(parts.item_persona)),
        ("  between runs of one persona", component(parts.run)),
        ("run minus persona variance", f"{figure(claim.delta)}: {claim.holds.replace('_', ' ')}"),
        ("dependability of one call", figure(trust.single)),
        ("  of the panel, one run each", figure(trust.panel)),
    ]
    if trust.debate:
        rows.append(("  of one debate", figure(trust.debate)))
    rows.append(("flip rate of one re-run", figure(dimension.flips.threshold or dimension.flips.categorical)))
    for arm, told in dimension.arms.items():
        name = arm.replace("_", " ")
        rows.append((f"{name}: variance against one judge", figure(told.sr_single)))
        rows.append(
            (f"{name}: against an equally dear panel", f"{figure(told.sr_panel)}: {told.verdict.replace('_', ' ')}")
        )
        rows.append((f"{name}: noise to signal against it", figure(told.nsr_panel)))
    judges = dimension.effective_judges
    if judges.value is not None:
        bound = any(warning.code == "effective_judges_lower_limit" for warning in dimension.warnings)
        beside = f"{'at least ' if bound else ''}{figure(judges)}, of {len(dimension.icc)} personas"
        beside += ": no shared error to be seen" if judges.value >= len(dimension.icc) else ""
        rows.append(("effective number of judges", beside))
    rows += _changes(dimension)
    if dimension.cheapest:
        plan = dimension.cheapest
        rows.append(
            (
                "cheapest plan for the target",
                f"{_count(plan.personas, 'persona')} x {_count(plan.runs, 'run')} = {_count(plan.calls, 'call')}",
            )
        )
    return rows


def _said(texts: Texts) -> object:
    from rich.table import Table

    table = Table(
        show_header=False,
        box=None,
        padding=(0, 2, 0, 2),
        title=f"What was said, from {texts.runs} of {texts.runs_asked} transcripts",
    )
    table.title_justify = "left"
    for label, value in (
        ("turns that repeat the persona", figure(texts.repetitive)),
        ("  that repeat another persona", figure(texts.echoing)),
        ("  that move a score and cite nothing", figure(texts.moved_without_reason)),
        ("  whose words gainsay their score", figure(texts.words_against_score)),
        ("different reasons for one item", figure(texts.different_reasons)),
    ):
        table.add_row(label, value)
    if texts.personas is not None:
        table.add_row(
            "different personas by their cards", f"{number(texts.personas.vendi)} of {texts.personas.personas}"
        )
    return table


def _changes(dimension: DimensionReport) -> list[tuple[str, str]]:
    """How many positions change: those that change of themselves first, because no debate is credited with them."""
    found = dimension.position_changes
    if found is None:
        return []
    named = (
        ("positions changed on second thoughts", "spontaneous"),
        ("  more after the peers' scores", "conformity"),
        ("  more after their arguments", "persuasion"),
    )
    return [(label, figure(value)) for label, key in named if (value := getattr(found, key)) is not None]
