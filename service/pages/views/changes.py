"""How positions move: every persona's score after every turn, and what kind of change it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from agents import Arm, Phase, Turn


@dataclass(frozen=True, slots=True)
class Change:
    """One persona's score on one dimension, changed by one turn."""

    before: float
    after: float
    direction: str
    """`majority`, `away`, or `neither`: towards the median of the others' latest scores, away from it, or as far as before."""
    because: str
    """`verified evidence`, `unverified evidence`, `argument`, `nothing` or `unsaid`."""

    @property
    def rises(self) -> bool:
        return self.after > self.before


def _because(turn: Turn) -> str:
    if turn.changed_because == "evidence":
        checked = any(evidence.status != "unverified" for evidence in turn.evidence)
        return "verified evidence" if checked else "unverified evidence"
    return turn.changed_because or "unsaid"


def _direction(before: float, after: float, others: Sequence[float]) -> str:
    if not others:
        return "neither"
    middle = median(others)
    moved = abs(after - middle) - abs(before - middle)
    return "majority" if moved < 0 else "away" if moved > 0 else "neither"


def changes(turns: Sequence[Turn]) -> dict[tuple[str, str], Change]:
    """The changes by (turn id, dimension). A turn in an arm is compared with that persona's last turn in the arm, or alone."""
    alone: dict[str, dict[str, float]] = {}
    by_arm: dict[Arm, dict[str, dict[str, float]]] = {}
    found: dict[tuple[str, str], Change] = {}
    for turn in sorted(turns, key=lambda turn: turn.index):
        if turn.persona_id is None:
            continue
        if turn.phase is Phase.ALONE or turn.arm is None:
            positions = alone
        else:
            positions = by_arm.setdefault(turn.arm, {name: dict(own) for name, own in alone.items()})
        own = positions.setdefault(turn.persona_id, {})
        for dimension, after in turn.scores.items():
            before = own.get(dimension)
            if before is not None and after is not None and before != after:
                others = [
                    position[dimension]
                    for name, position in positions.items()
                    if name != turn.persona_id and dimension in position
                ]
                found[turn.id, dimension] = Change(before, after, _direction(before, after, others), _because(turn))
            if after is not None:
                own[dimension] = after
    return found
