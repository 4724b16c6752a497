"""One evaluation: the verdict card with its stability, its repeats, and who stood where in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from agents import Arm, Dimension, Rubric, Verdict
from clustering import PersonaSet
from service.application import public_names
from service.application.records import EvaluationRecord, RunRecord
from service.pages.formatting import mean, score, waits, words
from service.pages.views.anchors import run_href
from service.pages.views.material import Material, texts
from service.pages.views.matrix import tint
from service.pages.views.strip import DimensionLine, dimension_lines, distrust, widest


@dataclass(frozen=True, slots=True)
class RunLine:
    """One repeat in the table of repeats."""

    id: str
    href: str
    repeat: int
    status: str
    outcome: str | None
    values: tuple[str, ...]
    """By dimension."""
    calls: int
    cost_usd: float | None
    attempts: int
    error: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One persona in one repeat: where it began, where it ended."""

    href: str
    text: str
    title: str
    tint: int
    moved: str
    """`up`, `down` or empty."""


@dataclass(frozen=True, slots=True)
class StandingRow:
    persona: str
    stakeholder: str
    cells: tuple[Standing, ...]
    alone_flips: bool
    """Whether the persona alone gave more than one score over the repeats."""


@dataclass(frozen=True, slots=True)
class StandingTable:
    name: str
    rows: tuple[StandingRow, ...]
    repeats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HumanLine:
    name: str
    value: float
    author: str
    note: str


@dataclass(frozen=True, slots=True)
class EvaluationPage:
    id: str
    name: str
    kind: str
    system: str | None
    cluster: str | None
    batch_id: str | None
    status: str
    live: bool
    progress_done: int
    progress_total: int
    error: str | None
    waits: str | None
    """For which model it waits; None where all answer."""
    error_code: str | None
    simulated: bool
    lines: tuple[DimensionLine, ...]
    bar_max: float
    runs: tuple[RunLine, ...]
    dimensions: tuple[str, ...]
    compare_href: str | None
    """The two most different repeats, side by side; None below two decided ones."""
    standings: tuple[StandingTable, ...]
    humans: tuple[HumanLine, ...]
    materials: tuple[Material, ...]
    persona_set_id: str
    persona_set: str
    """Its name."""
    rubric: Rubric
    models: tuple[str, ...]
    arms: tuple[str, ...]
    repeats_text: str
    calls: int
    cost_usd: float | None
    cost_by_purpose: tuple[tuple[str, float | None], ...]
    events_href: str


def evaluation_page(
    evaluation: EvaluationRecord,
    runs: Sequence[RunRecord],
    rubric: Rubric,
    personas: PersonaSet,
    arm: str | None = None,
    *,
    persona_set: str,
) -> EvaluationPage:
    """The page. `runs`: by repeat, in any state."""
    ordered = sorted(runs, key=lambda run: run.repeat)
    hrefs = {run.repeat: run_href(run.id) for run in ordered}
    lines = dimension_lines(evaluation.scores, rubric.dimensions, hrefs, arm)
    shown = widest(evaluation.scores, arm) or Arm.DEBATE.value
    spreads = [v for line in lines for v in (*(f.sd for f in line.arms), line.single_sd) if v is not None]
    state, spent = evaluation.state, evaluation.spent
    return EvaluationPage(
        id=evaluation.id,
        name=evaluation.custom_id or evaluation.item_id,
        kind=evaluation.item_kind,
        system=evaluation.system,
        cluster=evaluation.cluster,
        batch_id=evaluation.batch_id,
        status=state.status.value,
        live=not state.status.ended,
        progress_done=state.progress.done,
        progress_total=state.progress.total,
        error=state.error,
        waits=waits(state.waiting_for),
        error_code=state.error_code,
        simulated=evaluation.simulated,
        lines=tuple(sorted(lines, key=distrust)),
        bar_max=max(spreads, default=0.0) or 1.0,
        runs=tuple(_run_line(run, rubric.dimensions, shown) for run in ordered),
        dimensions=tuple(words(dimension.name) for dimension in rubric.dimensions),
        compare_href=_compare_href(evaluation, most_different(evaluation, ordered, rubric.dimensions, shown)),
        standings=tuple(_standings(dimension, ordered, personas, shown) for dimension in rubric.dimensions),
        humans=tuple(HumanLine(words(h.dimension), h.value, h.author, h.note) for h in evaluation.human_scores),
        materials=texts(evaluation.item) if evaluation.item is not None else (),
        persona_set_id=evaluation.persona_set_id,
        persona_set=persona_set,
        rubric=rubric,
        models=public_names(evaluation.models),
        arms=tuple(words(arm.value) for arm in evaluation.protocol.arms),
        repeats_text=_repeats_text(evaluation),
        calls=spent.calls,
        cost_usd=spent.cost_usd,
        cost_by_purpose=tuple(spent.cost_usd_by_purpose.items()),
        events_href=f"/v1/evaluations/{evaluation.id}/events",
    )


def _repeats_text(evaluation: EvaluationRecord) -> str:
    low, high = evaluation.repeats_min, evaluation.repeats_max
    if evaluation.half_width is None:
        return str(high)
    return f"{low} to {high}, until the interval is within {score(evaluation.half_width, 2)} either side"


def _verdict(run: RunRecord, arm: str) -> Verdict | None:
    dump = run.verdicts.get(arm)
    return None if dump is None else Verdict.model_validate(dump)


def _value(run: RunRecord, arm: str, dimension: str) -> float | None:
    verdict = _verdict(run, arm)
    own = verdict.dimensions.get(dimension) if verdict else None
    return own.value if own else None


def _run_line(run: RunRecord, dimensions: Sequence[Dimension], arm: str) -> RunLine:
    times = run.state.timestamps
    end = times.get("completed") or times.get("failed")
    start = times.get("running")
    return RunLine(
        id=run.id,
        href=run_href(run.id),
        repeat=run.repeat,
        status=run.state.status.value,
        outcome=run.outcome,
        values=tuple(mean(_value(run, arm, dimension.name), dimension.pass_threshold) for dimension in dimensions),
        calls=run.spent.calls,
        cost_usd=run.spent.cost_usd,
        attempts=run.attempts,
        error=run.state.error,
        seconds=(end - start).total_seconds() if start and end else None,
    )


def most_different(
    evaluation: EvaluationRecord, runs: Sequence[RunRecord], dimensions: Sequence[Dimension], arm: str | None = None
) -> tuple[RunRecord, RunRecord] | None:
    """The two repeats whose verdicts lie furthest apart, in shares of each scale, one on each side of a pass mark first.

    Over the dimensions that both decided; None below two repeats with a verdict.
    """
    shown = widest(evaluation.scores, arm) or Arm.DEBATE.value

    def distance(one: RunRecord, other: RunRecord) -> tuple[int, float]:
        crossed, total = 0, 0.0
        for dimension in dimensions:
            a, b = _value(one, shown, dimension.name), _value(other, shown, dimension.name)
            if a is not None and b is not None:
                total += abs(a - b) / (dimension.high - dimension.low)
                mark = dimension.pass_threshold
                crossed += mark is not None and (a >= mark) != (b >= mark)
        return crossed, total

    decided = [run for run in sorted(runs, key=lambda run: run.repeat) if run.verdicts]
    return max(combinations(decided, 2), key=lambda pair: distance(*pair), default=None)


def _compare_href(evaluation: EvaluationRecord, pair: tuple[RunRecord, RunRecord] | None) -> str | None:
    return f"/evaluations/{evaluation.id}/compare?a={pair[0].id}&b={pair[1].id}" if pair else None


def _standings(dimension: Dimension, runs: Sequence[RunRecord], personas: PersonaSet, arm: str) -> StandingTable:
    heard = [run for run in runs if run.verdicts]
    alone = {run.id: _by_persona(run, Arm.PANEL.value, dimension.name) for run in heard}
    final = {run.id: _by_persona(run, arm, dimension.name) for run in heard}
    rows = []
    for persona in personas.personas:
        if not any(persona.id in final[run.id] for run in heard):
            continue
        cells = tuple(
            _standing(dimension, run, alone[run.id].get(persona.id), final[run.id].get(persona.id)) for run in heard
        )
        begun = {value for run in heard if (value := alone[run.id].get(persona.id)) is not None}
        rows.append(StandingRow(persona.name, persona.stakeholder, cells, len(begun) > 1))
    return StandingTable(words(dimension.name), tuple(rows), tuple(run.repeat for run in heard))


def _by_persona(run: RunRecord, arm: str, dimension: str) -> dict[str, float | None]:
    verdict = _verdict(run, arm)
    own = verdict.dimensions.get(dimension) if verdict else None
    return dict(own.by_persona) if own else {}


def _standing(dimension: Dimension, run: RunRecord, before: float | None, after: float | None) -> Standing:
    moved = ""
    if before is not None and after is not None and before != after:
        moved = "up" if after > before else "down"
    title = f"hearing {run.repeat + 1}: alone {score(before)}, in the end {score(after)}"
    return Standing(run_href(run.id), score(after), title, tint(dimension, after), moved)
