"""How far each persona's words moved from its card, on the run's page and on a page of its own."""

from __future__ import annotations

from dataclasses import dataclass

from agents import Drift, LexicalPoint
from clustering import PersonaSet
from service.application.probe_records import DriftRecord
from service.pages.views.anchors import anchor, run_href


@dataclass(frozen=True, slots=True)
class DriftCell:
    """One contribution's distances."""

    text: str
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class DriftRow:
    """One judge: its distances in order, and what they say."""

    judge: str
    cells: tuple[DriftCell, ...]
    said: str


@dataclass(frozen=True, slots=True)
class DriftPage:
    run_href: str
    model: str | None
    notes: tuple[str, ...]
    """Why something is not known."""
    rows: tuple[DriftRow, ...]
    columns: int
    """Contributions of whoever spoke most."""
    simulated: bool


def drift_page(record: DriftRecord, personas: PersonaSet, *, simulated: bool) -> DriftPage:
    """The page; `personas` gives names."""
    names = {persona.id: persona.name for persona in personas.personas}
    rows = tuple(
        DriftRow(
            names.get(judge.partition("@")[0], judge),
            tuple(_cell(record.run_id, point) for point in own.points),
            _said(own.to_card),
        )
        for judge, own in record.judges.items()
    )
    notes = tuple(note for note in (record.unknown, record.card_unknown, record.plain_unknown) if note)
    return DriftPage(
        run_href(record.run_id), record.model, notes, rows, max((len(row.cells) for row in rows), default=0), simulated
    )


def _cell(run_id: str, point: LexicalPoint) -> DriftCell:
    told = [point.turn_id]
    for name, distance in (("its card", point.to_card), ("its model without a persona", point.to_plain)):
        told.append(f"to {name}: " + ("unknown" if distance is None else f"{distance:.3f}"))
    text = "–" if point.to_card is None else f"{point.to_card:.2f}"
    return DriftCell(text, "; ".join(told), f"{run_href(run_id)}#{anchor(point.turn_id)}")


def _said(found: Drift) -> str:
    if found.slope is None:
        return "said too little to tell"
    onset = "no onset" if found.onset is None else f"onset at contribution {found.onset + 1}"
    if found.slope_low is None or found.slope_high is None:
        return f"{found.slope:+.3f} a contribution, no interval; {onset}"
    return f"{found.slope:+.3f} a contribution, {found.slope_low:+.3f} to {found.slope_high:+.3f}; {onset}"
