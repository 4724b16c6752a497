"""The position matrix: persona x phase, one cell a score, one mark a change. This is the debate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents import Arm, Dimension, Outcome, Phase, Turn
from clustering import PersonaSet
from service.pages.formatting import score, words
from service.pages.views.anchors import anchor
from service.pages.views.changes import Change, changes


@dataclass(frozen=True, slots=True)
class Position:
    """One cell."""

    href: str | None
    """The turn that it comes from; None where the persona said nothing in this column."""
    text: str
    outcome: str | None
    """None where the persona did not speak and keeps its position."""
    change: Change | None
    title: str
    tint: int
    """0-4: where on the scale it stands, low to high; -1 without a score."""


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    name: str
    detail: str
    """What personas had seen by then."""


@dataclass(frozen=True, slots=True)
class MatrixRow:
    persona_id: str
    persona: str
    group: str
    cells: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """One dimension."""

    dimension: str
    name: str
    question: str
    scale: str
    columns: tuple[Column, ...]
    rows: tuple[MatrixRow, ...]
    shared_groups: frozenset[str]
    """Groups with more than one persona: they are worth a heading."""
    changed: int
    towards_majority: int
    by_verified_evidence: int


_DETAIL = {
    Arm.SELF_REFLECTION: "having seen its own judgement again",
    Arm.STANCE: "having seen the others' scores",
    Arm.DEBATE: "after the debate",
}


def matrices(turns: Sequence[Turn], dimensions: Sequence[Dimension], personas: PersonaSet) -> tuple[Matrix, ...]:
    """One matrix per dimension, personas in the order of their groups."""
    moved = changes(turns)
    columns = _columns(turns)
    spoken = [turn for turn in sorted(turns, key=lambda turn: turn.index) if turn.persona_id is not None]
    return tuple(_matrix(dimension, spoken, columns, moved, personas) for dimension in dimensions)


def _column_key(turn: Turn) -> str:
    if turn.phase is Phase.DEBATE:
        return f"debate/{turn.round or 1}"
    if turn.phase is Phase.RESTATED:
        return f"restated/{turn.arm or Arm.DEBATE}"
    return turn.phase.value


def _columns(turns: Sequence[Turn]) -> tuple[Column, ...]:
    keys = {_column_key(turn) for turn in turns if turn.persona_id is not None}
    rounds = sorted(int(key.split("/")[1]) for key in keys if key.startswith("debate/"))
    found = [Column("alone", "Alone", "before hearing anyone")] if "alone" in keys else []
    for arm in (Arm.SELF_REFLECTION, Arm.STANCE):
        if f"restated/{arm}" in keys:
            found.append(Column(f"restated/{arm}", words(arm.value).capitalize(), _DETAIL[arm]))
    found += [Column(f"debate/{number}", f"Round {number}", "in its group's debate") for number in rounds]
    if f"restated/{Arm.DEBATE}" in keys:
        found.append(Column(f"restated/{Arm.DEBATE}", "Final", _DETAIL[Arm.DEBATE]))
    return tuple(found)


def _matrix(
    dimension: Dimension,
    spoken: Sequence[Turn],
    columns: tuple[Column, ...],
    moved: Mapping[tuple[str, str], Change],
    personas: PersonaSet,
) -> Matrix:
    groups = {group.id: group.name for group in personas.groups}
    present = {turn.persona_id for turn in spoken}
    rows = [
        MatrixRow(
            persona.id,
            persona.name,
            groups.get(persona.group_id, persona.stakeholder),
            tuple(_cell(dimension, persona.id, column, spoken, moved) for column in columns),
        )
        for persona in personas.personas
        if persona.id in present
    ]
    shared = frozenset(name for name, size in Counter(row.group for row in rows).items() if size > 1)
    own = [change for (_, name), change in moved.items() if name == dimension.name]
    return Matrix(
        dimension=dimension.name,
        name=words(dimension.name),
        question=dimension.question,
        scale=f"{dimension.low} {dimension.levels[0].label} to {dimension.high} {dimension.levels[-1].label}",
        columns=columns,
        rows=tuple(sorted(rows, key=lambda row: (row.group in shared, row.group))),
        shared_groups=shared,
        changed=len(own),
        towards_majority=sum(change.direction == "majority" for change in own),
        by_verified_evidence=sum(change.because == "verified evidence" for change in own),
    )


def _cell(
    dimension: Dimension,
    persona_id: str,
    column: Column,
    spoken: Sequence[Turn],
    moved: Mapping[tuple[str, str], Change],
) -> Position:
    own = [turn for turn in spoken if turn.persona_id == persona_id and _column_key(turn) == column.key]
    if not own:
        return Position(None, "", None, None, "did not speak", -1)
    changed = [turn for turn in own if (turn.id, dimension.name) in moved]
    turn = changed[-1] if changed else own[-1]
    value = own[-1].scores.get(dimension.name)
    change = moved.get((turn.id, dimension.name))
    outcome = turn.outcome if value is None else Outcome.DECIDED
    title = words(outcome.value) if value is None else f"{score(value)}"
    if change is not None:
        title += f", {describe(change)}"
    return Position(f"#{anchor(turn.id)}", score(value), outcome.value, change, title, tint(dimension, value))


def describe(change: Change) -> str:
    """A change in words: `falls by 1 towards the majority, because of verified evidence`."""
    where = {
        "majority": "towards the majority",
        "away": "away from the majority",
        "neither": "as far from the majority",
    }
    why = {"nothing": "no reason given", "unsaid": "no reason given"}.get(
        change.because, f"because of {change.because}"
    )
    how = f"{'rises' if change.rises else 'falls'} by {score(abs(change.after - change.before), 2)}"
    return f"{how}, {where[change.direction]}, {why}"


def tint(dimension: Dimension, value: float | None) -> int:
    """Where on its scale a value stands, in five steps from 0 to 4; -1 without a value."""
    if value is None:
        return -1
    share = (value - dimension.low) / (dimension.high - dimension.low)
    return max(0, min(4, round(4 * share)))
