"""Transcripts and reports as text for people. Judged text and model text are escaped, never rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader

from agents import RunResult, Turn

if TYPE_CHECKING:
    from clustering import PersonaSet
    from stability import DimensionReport, Estimate, StabilityReport

_environment = Environment(loader=PackageLoader("service.api", "templates"), autoescape=True, trim_blocks=True)


def transcript_html(result: RunResult, persona_set: PersonaSet | None = None) -> str:
    """A run's transcript as one self-contained page without scripts. persona_set: gives names, else ids stand there."""
    names = {persona.id: persona.name for persona in persona_set.personas} if persona_set else {}

    def speaker(turn: Turn) -> str:
        return names.get(turn.persona_id or "") or turn.persona_id or "coordinator"

    return _environment.get_template("transcript.html").render(
        result=result, turns=sorted(result.transcript.turns, key=lambda turn: turn.index), speaker=speaker
    )


def report_markdown(report: StabilityReport) -> str:
    """The report as Markdown: for each dimension the sentence, then a table of its figures."""
    population = report.population
    lines = [
        "# Stability report",
        "",
        f"{population.items} items in {population.clusters} clusters, {population.personas} personas, up to "
        f"{population.runs} runs; {population.ratings_used} of {population.ratings_asked} ratings used.",
        "",
    ]
    for name, dimension in report.dimensions.items():
        lines += [
            f"## {_plain(name)}",
            "",
            _plain(dimension.sentence),
            "",
            "| figure | value | 95 % interval |",
            "|---|---|---|",
        ]
        lines += [f"| {label} | {_number(one)} | {_interval(one)} |" for label, one in _figures(dimension)]
        lines += ["", *(f"- {_plain(warning.code)}: {_plain(warning.message)}" for warning in dimension.warnings), ""]
    lines += _said(report)
    lines += [f"- {_plain(warning.code)}: {_plain(warning.message)}" for warning in report.warnings]
    return "\n".join(lines).rstrip() + "\n"


def _said(report: StabilityReport) -> list[str]:
    """What was said, or why nothing is known of it."""
    from stability import texts_table

    table = texts_table(report.texts)
    if table is None:
        return [f"What was said: {_plain(report.texts_reason or 'unknown')}.", ""]
    head = [
        "## What was said",
        "",
        f"{_plain(table.caption)}.",
        "",
        "| figure | value | 95 % interval |",
        "|---|---|---|",
    ]
    return [*head, *(f"| {' | '.join(_plain(cell) for cell in row[:3])} |" for row in table.rows), ""]


def _figures(dimension: DimensionReport) -> list[tuple[str, Estimate | None]]:
    parts, trust = dimension.components, dimension.dependability
    rows: list[tuple[str, Estimate | None]] = [
        ("variance between items", parts.item),
        ("variance between personas", parts.persona),
        ("variance item x persona", parts.item_persona),
        ("variance between runs", parts.run),
        ("run minus persona variance", dimension.claim.delta),
        ("dependability of one call", trust.single),
        ("dependability of the panel", trust.panel),
        ("dependability of the debate", trust.debate),
        ("flip rate", dimension.flips.categorical),
        ("flip rate at the threshold", dimension.flips.threshold),
    ]
    for arm, told in dimension.arms.items():
        rows.append((f"{arm}: variance against one judge", told.sr_single))
        rows.append((f"{arm}: variance against an equally dear panel", told.sr_panel))
        rows.append((f"{arm}: noise to signal against it", told.nsr_panel))
    return [row for row in rows if row[1] is not None]


def _number(estimate: Estimate | None) -> str:
    return "undefined" if estimate is None or estimate.value is None else f"{estimate.value:.4g}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.ci is None:
        return ""
    low, high = estimate.ci.low, estimate.ci.high
    return f"{'-inf' if low is None else f'{low:.4g}'} to {'inf' if high is None else f'{high:.4g}'}"


def _plain(text: str) -> str:
    """Text that stays text in Markdown: no line breaks, no markup."""
    cleaned = " ".join(text.split())
    for mark in "\\`*_[]<>|#":
        cleaned = cleaned.replace(mark, "\\" + mark)
    return cleaned
