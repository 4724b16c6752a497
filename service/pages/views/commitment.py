"""When in its debate a run's verdict was settled: a curve for each dimension, where somebody has asked for one."""

from __future__ import annotations

from dataclasses import dataclass

from service.application.probe_records import ProbeRecord
from service.pages.formatting import words

WIDTH, HEIGHT = 240, 56
"""Of the drawing, in its own units."""
SETTLED = 0.9
"""Share of fresh verdicts that agree, from which on a verdict is called settled: nine of ten."""


@dataclass(frozen=True, slots=True)
class CommitmentPoint:
    """Fresh verdicts after so many turns of the debate."""

    after: int
    modal_share: float | None
    """Of the fresh verdicts, how many gave the most frequent one; None where none was decided."""
    entropy: float | None
    """In bits; 0 where all agree."""
    n_used: int
    n_asked: int


@dataclass(frozen=True, slots=True)
class CommitmentCurve:
    """One dimension's points, its drawing and what it says."""

    dimension: str
    points: tuple[CommitmentPoint, ...]
    line: str
    """Points of an SVG polyline, left to right over the turns, upwards with the share."""
    said: str


def commitment_curves(record: ProbeRecord | None) -> tuple[CommitmentCurve, ...]:
    """A curve for each dimension; empty where nobody has asked, or it is not drawn yet."""
    if record is None or record.commitment is None:
        return ()
    curves = []
    for name, entries in record.commitment.items():
        points = tuple(
            CommitmentPoint(one.after, one.modal_share, one.entropy, one.n_used, one.n_asked) for one in entries
        )
        curves.append(CommitmentCurve(words(name), points, _line(points), _said(points)))
    return tuple(curves)


def _line(points: tuple[CommitmentPoint, ...]) -> str:
    last = max((point.after for point in points), default=0) or 1
    known = [(point.after / last, point.modal_share) for point in points if point.modal_share is not None]
    return " ".join(f"{2 + x * (WIDTH - 4):.1f},{HEIGHT - 2 - y * (HEIGHT - 4):.1f}" for x, y in known)


def _said(points: tuple[CommitmentPoint, ...]) -> str:
    """From when on nine of ten fresh verdicts agree, and stay so."""
    if not any(point.modal_share is not None for point in points):
        return "no fresh verdict was decided"
    settled: int | None = None
    for point in reversed(points):
        if point.modal_share is None or point.modal_share < SETTLED:
            break
        settled = point.after
    if settled is None:
        return "not settled at the end: fresh verdicts still differ"
    return "settled before the debate began" if settled == 0 else f"settled after {settled} of {points[-1].after} turns"
