"""How well each persona stayed in role, where somebody has had it rated."""

from __future__ import annotations

from dataclasses import dataclass

from agents import Adherence, Drift
from clustering import PersonaSet
from service.application.probe_records import JudgeAdherence, ProbeRecord
from service.pages.formatting import UNKNOWN, interval, plural, signed, spread, words

ASKED = {
    "role": "Does it speak as the persona?",
    "expected_action": "Does it do what the persona would?",
    "justification": "Does it give the persona's reasons?",
    "linguistic_habits": "Does it sound like the persona?",
    "consistency": "Does it fit what the card says?",
    "toxicity_control": "Is it free of toxicity?",
}
"""What a question of the observer means, for people: its identifiers are PersonaGym's."""


@dataclass(frozen=True, slots=True)
class AdherenceQuestion:
    """A column."""

    name: str
    asked: str
    scale: str


@dataclass(frozen=True, slots=True)
class AdherenceCell:
    """One question about one judge: its mean, and under it what the mean rests on."""

    text: str
    interval: str
    """Empty where there is none."""


@dataclass(frozen=True, slots=True)
class AdherenceRow:
    """One judge."""

    judge: str
    model: str
    """Empty where all judges share one."""
    used: str
    """Of the ratings, how many could be used: one reply answers every question."""
    cells: tuple[AdherenceCell, ...]
    trend: AdherenceCell
    """Of the ratings of the role, over its contributions."""
    left: str
    """When it left its role; empty where it did not."""


@dataclass(frozen=True, slots=True)
class AdherenceTable:
    """Every judge by every question."""

    observer: str
    times: int
    questions: tuple[AdherenceQuestion, ...]
    rows: tuple[AdherenceRow, ...]


def adherence_table(record: ProbeRecord | None, personas: PersonaSet) -> AdherenceTable | None:
    """None where nobody has asked, or the ratings are not in yet. `personas` gives names."""
    if record is None or not record.adherence:
        return None
    names = {persona.id: persona.name for persona in personas.personas}
    asked = list(next(iter(record.adherence.values())).ratings)
    questions = tuple(
        AdherenceQuestion(words(name).capitalize(), ASKED.get(name, ""), "0 to 3" if name == "role" else "1 to 5")
        for name in asked
    )
    rows = tuple(_row(judge, own, asked, names) for judge, own in record.adherence.items())
    return AdherenceTable(record.observer or "", record.times, questions, rows)


def _row(judge: str, own: JudgeAdherence, asked: list[str], names: dict[str, str]) -> AdherenceRow:
    persona, _, model = judge.partition("@")
    some = next(iter(own.ratings.values()))
    used = f"{some.n_used} of {plural(some.n_asked, 'rating')} used"
    left = "" if own.drift.onset is None else f"left its role at contribution {own.drift.onset + 1}"
    cells = tuple(_cell(own.ratings[name]) for name in asked)
    return AdherenceRow(names.get(persona, persona), model, used, cells, _trend(own.drift), left)


def _cell(found: Adherence) -> AdherenceCell:
    limits = interval(found.low, found.high, 2)
    return AdherenceCell(spread(found.mean), limits or ("no interval" if found.n_used else ""))


def _trend(drift: Drift) -> AdherenceCell:
    if drift.slope is None:
        return AdherenceCell(UNKNOWN, "said too little")
    if drift.slope_low is None or drift.slope_high is None:
        return AdherenceCell(signed(drift.slope), "no interval")
    return AdherenceCell(signed(drift.slope), f"{signed(drift.slope_low)} to {signed(drift.slope_high)}")
