"""How well each persona stayed in role, where somebody has had it rated."""

from __future__ import annotations

from dataclasses import dataclass

from agents import Adherence
from clustering import PersonaSet
from service.application.probe_records import JudgeAdherence, ProbeRecord
from service.pages.formatting import words


@dataclass(frozen=True, slots=True)
class AdherenceCell:
    """One question about one judge."""

    text: str
    title: str


@dataclass(frozen=True, slots=True)
class AdherenceRow:
    """One judge."""

    judge: str
    cells: tuple[AdherenceCell, ...]
    said: str
    """Of its drift."""


@dataclass(frozen=True, slots=True)
class AdherenceTable:
    """Every judge by every question."""

    observer: str
    times: int
    questions: tuple[str, ...]
    rows: tuple[AdherenceRow, ...]


def adherence_table(record: ProbeRecord | None, personas: PersonaSet) -> AdherenceTable | None:
    """None where nobody has asked, or the ratings are not in yet. `personas` gives names."""
    if record is None or not record.adherence:
        return None
    names = {persona.id: persona.name for persona in personas.personas}
    questions = list(next(iter(record.adherence.values())).ratings)
    rows = tuple(
        AdherenceRow(
            names.get(judge.partition("@")[0], judge),
            tuple(_cell(own.ratings[name]) for name in questions),
            _said(own),
        )
        for judge, own in record.adherence.items()
    )
    scales = (f"{words(name)} ({'0 to 3' if name == 'role' else '1 to 5'})" for name in questions)
    return AdherenceTable(record.observer or "", record.times, tuple(scales), rows)


def _cell(found: Adherence) -> AdherenceCell:
    used = f"{found.n_used} of {found.n_asked} ratings used"
    if found.mean is None:
        return AdherenceCell("–", used)
    interval = "no interval" if found.low is None or found.high is None else f"{found.low:.2f} to {found.high:.2f}"
    return AdherenceCell(f"{found.mean:.2f}", f"{interval}; {used}")


def _said(own: JudgeAdherence) -> str:
    """What the role ratings do over its contributions."""
    slope, low, high, onset = own.drift
    if slope is None:
        return "said too little to tell"
    told = (
        f"{slope:+.2f} a contribution" if low is None or high is None else f"{slope:+.2f} ({low:+.2f} to {high:+.2f})"
    )
    return told + ("" if onset is None else f"; left its role at contribution {onset + 1}")
