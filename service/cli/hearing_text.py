"""Personas and verdicts for the terminal, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from service.application.persona_warnings import warning_text
from service.cli.console import clean, results
from service.cli.report_text import number

if TYPE_CHECKING:
    from clustering import Assignment, PersonaSet
    from service.application import DimensionScore, Estimate, EvaluationRecord

QUOTE_CHARACTERS = 150


def print_personas(persona_set: PersonaSet, documents: Mapping[str, str]) -> None:
    """Every persona with its stakeholder group and one verbatim quote. documents: names by id."""
    console = results()
    sizes = {group.id: group for group in persona_set.groups}
    console.print(f"{len(persona_set.personas)} personas in {len(sizes)} stakeholder groups ({persona_set.method}):")
    for persona in persona_set.personas:
        marks = persona.id + (", pinned" if persona.pinned else "")
        marks += f", weight {persona.weight:.2f}" if persona.weight != 1 or persona_set.calibration else ""
        console.print(clean(f"  {persona.name} [{persona.stakeholder}] ({marks}): {persona.perspective}"))
        if persona.demographics:
            told = ", ".join(f"{name} {value}" for name, value in persona.demographics.items())
            console.print(clean(f"      {told}"))
        for excerpt in persona.excerpts[:1]:
            source = documents.get(excerpt.span.document_id, excerpt.span.document_id) if excerpt.span else "given"
            console.print(clean(f"      “{_short(excerpt.quote)}” ({source})"))
    if persona_set.calibration:
        size = persona_set.calibration.effective_size
        console.print(
            f"  weighted to a population: {len(persona_set.personas)} personas count as {size:.2f} (effective size)"
        )
    for warning in persona_set.warnings:
        console.print(clean(f"  note: {warning_text(warning)}"))


def total_cost(told: Sequence[Estimate]) -> float | None:
    """Dollars; None where any price is unknown."""
    costs = [one.cost_usd for one in told]
    return None if None in costs else sum(one for one in costs if one is not None)


def print_estimate(told: Sequence[Estimate]) -> None:
    """What the estimates come to, on one line."""
    cost, runs = total_cost(told), sum(one.runs for one in told)
    results().print(
        (f"{runs} runs, " if runs else "")
        + f"{sum(one.calls for one in told)} calls, {sum(one.input_tokens for one in told):,} input and "
        f"{sum(one.output_tokens for one in told):,} output tokens, "
        + ("cost unknown: the model's price is not known" if cost is None else f"about ${cost:.2f}")
    )


def print_assignments(found: Sequence[Assignment]) -> None:
    """Every statement of new documents with the group that it fits, or that it fits none."""
    console = results()
    fitting = sum(one.group_id is not None for one in found)
    console.print(f"{len(found)} statements: {fitting} fit a group, {len(found) - fitting} do not:")
    for one in found:
        where = one.group_id or "does not fit"
        console.print(clean(f"  {where} ({one.similarity:.2f}): “{_short(one.quote)}” ({one.span.document_id})"))


def print_verdicts(evaluations: Sequence[EvaluationRecord], arm: str) -> None:
    """One line an item: each dimension's mean, interval, and how many of the hearings agree."""
    console = results()
    for evaluation in evaluations:
        scores = evaluation.scores.get(arm) or {}
        told = "; ".join(f"{name} {_score(score)}" for name, score in scores.items())
        console.print(
            clean(
                f"  {evaluation.item_id}: {told or 'no verdict: ' + (evaluation.state.error or str(evaluation.state.status))}"
            )
        )


def _score(score: DimensionScore) -> str:
    if score.value is None:
        return f"undecided ({score.n_used}/{score.n_asked} hearings decided)"
    verdict = {True: " pass", False: " fail", None: ""}[score.passed]
    interval = (
        "no interval"
        if score.ci_low is None or score.ci_high is None
        else f"{number(score.ci_low)} to {number(score.ci_high)}"
    )
    return f"{number(score.value)} ({interval}){verdict}, {score.agree}/{score.n_asked} agree"


def _short(text: str) -> str:
    text = " ".join(text.split()).strip('"')
    return text if len(text) <= QUOTE_CHARACTERS else text[: QUOTE_CHARACTERS - 1].rsplit(" ", 1)[0] + " …"
