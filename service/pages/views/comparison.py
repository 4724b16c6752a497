"""Two runs of one item side by side, aligned by phase and persona, with the place where they first part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents import Dimension, Phase, Transcript, Turn
from clustering import PersonaSet
from service.application.records import EvaluationRecord, RunRecord
from service.pages.formatting import mean, score, words
from service.pages.views.anchors import anchor, run_href


@dataclass(frozen=True, slots=True)
class Side:
    """One run's turn in an aligned row."""

    href: str
    text: str
    kind: str
    scores: tuple[str, ...]
    outcome: str


@dataclass(frozen=True, slots=True)
class Aligned:
    """The same persona's same contribution in both runs; a side is None where that run has none."""

    anchor: str
    phase: str
    speaker: str
    left: Side | None
    right: Side | None
    differs: bool
    """Whether scores or outcome differ. Words nearly always do."""
    first: bool
    """Whether the runs part here for the first time."""


@dataclass(frozen=True, slots=True)
class RunName:
    href: str
    name: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    evaluation_id: str
    evaluation_href: str
    item: str
    simulated: bool
    left: RunName
    right: RunName
    dimensions: tuple[str, ...]
    rows: tuple[Aligned, ...]
    first_anchor: str | None
    differing: int
    warnings: tuple[str, ...]
    others: tuple[RunName, ...]
    """Every run of the evaluation, to choose another pair from."""


def comparison_page(
    evaluation: EvaluationRecord,
    runs: Sequence[RunRecord],
    left: tuple[RunRecord, Transcript],
    right: tuple[RunRecord, Transcript],
    personas: PersonaSet,
    dimensions: Sequence[Dimension],
    prompts: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
) -> ComparisonPage:
    """The page. Both runs are of `evaluation`, so that item, rubric and protocol are the same by construction.

    prompts: of either run, the sha256 of each prompt that it used, by the prompt's id.
    """
    rows = _rows(left, right, personas, dimensions)
    first = next((row.anchor for row in rows if row.first), None)
    return ComparisonPage(
        evaluation_id=evaluation.id,
        evaluation_href=f"/evaluations/{evaluation.id}",
        item=evaluation.custom_id or evaluation.item_id,
        simulated=evaluation.simulated,
        left=_name(left[0], dimensions),
        right=_name(right[0], dimensions),
        dimensions=tuple(words(dimension.name) for dimension in dimensions),
        rows=rows,
        first_anchor=first,
        differing=sum(row.differs for row in rows),
        warnings=_warnings(left, right, prompts),
        others=tuple(_name(run, dimensions) for run in sorted(runs, key=lambda run: run.repeat)),
    )


def _name(run: RunRecord, dimensions: Sequence[Dimension]) -> RunName:
    verdict = run.verdicts.get("debate") or next(iter(run.verdicts.values()), None)
    own = verdict["dimensions"] if verdict else {}
    parts = [f"{words(d.name)} {_decided(own[d.name]['value'], d.pass_threshold)}" for d in dimensions if d.name in own]
    return RunName(run_href(run.id), f"Hearing {run.repeat + 1}", ", ".join(parts))


def _decided(value: float | None, mark: float | None) -> str:
    """`3.6 (fail)`; the mean alone without a pass mark."""
    side = "" if value is None or mark is None else f" ({'pass' if value >= mark else 'fail'})"
    return mean(value, mark) + side


def _warnings(
    left: tuple[RunRecord, Transcript],
    right: tuple[RunRecord, Transcript],
    prompts: tuple[Mapping[str, str], Mapping[str, str]],
) -> tuple[str, ...]:
    found = []
    (one, spoken), (other, answered) = left, right
    if one.code_version != other.code_version:
        found.append(f"The code differs: {one.code_version} and {other.code_version}.")
    models = [sorted({turn.model for turn in script.turns}) for script in (spoken, answered)]
    if models[0] != models[1]:
        found.append(f"The models differ: {', '.join(models[0])} and {', '.join(models[1])}.")
    changed = [name for name in prompts[0] if prompts[1].get(name, prompts[0][name]) != prompts[0][name]]
    if changed:
        found.append(f"The prompts differ: {', '.join(sorted(changed))}.")
    if one.simulated != other.simulated:
        found.append("One of the two was judged by the simulated judge.")
    if spoken.speaking_order != answered.speaking_order:
        found.append("The personas spoke in another order, which by itself can change where they end.")
    return tuple(found)


def _keyed(transcript: Transcript) -> dict[tuple[str, str, str, int], Turn]:
    """Turns by phase, arm, persona and how manieth contribution of that persona there it is."""
    found: dict[tuple[str, str, str, int], Turn] = {}
    for turn in sorted(transcript.turns, key=lambda turn: turn.index):
        arm = turn.arm.value if turn.arm else ""
        number = 0
        while (key := (turn.phase.value, arm, turn.persona_id or "", number)) in found:
            number += 1
        found[key] = turn
    return found


def _rows(
    left: tuple[RunRecord, Transcript],
    right: tuple[RunRecord, Transcript],
    personas: PersonaSet,
    dimensions: Sequence[Dimension],
) -> tuple[Aligned, ...]:
    ones, others = _keyed(left[1]), _keyed(right[1])
    names = {persona.id: persona.name for persona in personas.personas}
    phases = [phase.value for phase in Phase]
    order = {persona.id: place for place, persona in enumerate(personas.personas)}
    keys = sorted(
        ones.keys() | others.keys(),
        key=lambda key: (phases.index(key[0]), key[1] == "debate", key[1], key[3], order.get(key[2], len(order))),
    )
    rows: list[Aligned] = []
    for number, key in enumerate(keys):
        phase, arm, persona, again = key
        one, other = ones.get(key), others.get(key)
        differs = _standing(one) != _standing(other)
        phase_name = words(phase) + (f", {words(arm)}" if phase == Phase.RESTATED else "")
        rows.append(
            Aligned(
                anchor=f"row-{number + 1}",
                phase=phase_name + (f", {again + 1}" if phase == Phase.DEBATE else ""),
                speaker=names.get(persona, persona or words(phase).capitalize()),
                left=_side(left[0], one, dimensions),
                right=_side(right[0], other, dimensions),
                differs=differs,
                first=differs and not any(row.differs for row in rows),
            )
        )
    return tuple(rows)


def _standing(turn: Turn | None) -> object:
    return None if turn is None else (turn.outcome, tuple(sorted(turn.scores.items())))


def _side(run: RunRecord, turn: Turn | None, dimensions: Sequence[Dimension]) -> Side | None:
    if turn is None:
        return None
    return Side(
        href=f"{run_href(run.id)}#{anchor(turn.id)}",
        text=turn.text,
        kind=turn.kind,
        scores=tuple(score(turn.scores.get(dimension.name)) for dimension in dimensions),
        outcome=turn.outcome.value,
    )
