"""When in its debate a run's verdict was settled: a curve for each dimension, where somebody has asked for one."""

from __future__ import annotations

from dataclasses import dataclass

from service.application.probe_records import ProbeRecord
from service.pages.formatting import words

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
    """Points of an SVG polyline in a square of 100: a column for each point, upwards with the share."""
    dots: str
    """Where they stand, as an SVG path."""
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
        places = _places(points)
        line = " ".join(f"{x},{y}" for x, y in places)
        dots = "".join(f"M{x} {y}h0" for x, y in places)
        curves.append(CommitmentCurve(words(name), points, line, dots, _said(points)))
    return tuple(curves)


def _places(points: tuple[CommitmentPoint, ...]) -> list[tuple[float, float]]:
    """In the middle of each point's column; none where no fresh verdict was decided."""
    width = 100 / max(len(points), 1)
    return [
        (round(width * (number + 0.5), 1), round(100 * (1 - point.modal_share), 1))
        for number, point in enumerate(points)
        if point.modal_share is not None
    ]


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
