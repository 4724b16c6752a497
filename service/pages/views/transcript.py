"""A transcript as it is read: phase by phase, who answers whom, and whether each quote stands where its speaker says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents import Dimension, Evidence, Outcome, Phase, Transcript, Turn, place_name
from clustering import Persona, PersonaSet
from service.pages.formatting import score, words
from service.pages.views.anchors import anchor, material_href, passage_href, run_href, seen_href
from service.pages.views.changes import Change, changes
from service.pages.views.quoted import QuotedRange

_STOPPED = {
    "passed": "everyone passed",
    "unchanged": "no position moved for a round",
    "agreed": "positions agree",
    "turns_max": "the limit of turns was reached",
    "tokens_max": "the limit of tokens was reached",
    "cancelled": "cancelled",
}
_TABLES = {"cross-group": "across groups", "": "all personas"}
"""Where personas debate who have no group to debate in."""
_FOUND = {
    "exact": "verified: stands there word for word",
    "normalised": "verified: stands there but for spaces, quotes or case",
    "fuzzy": "nearly: a closely similar passage stands there",
    "unverified": "unverified: not found where the speaker says",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """One piece of evidence."""

    text: str
    status: str
    verified: bool
    explanation: str
    place: str
    href: str | None
    passage: QuotedRange | None
    """Where it stands in the judged item's texts; None where it stands elsewhere or nowhere."""


@dataclass(frozen=True, slots=True)
class Link:
    """Another turn, named."""

    href: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ScoreMark:
    """One score after a turn."""

    name: str
    text: str
    change: Change | None
    title: str
    """Label of the level; empty between two."""


@dataclass(frozen=True, slots=True)
class TurnView:
    id: str
    anchor: str
    href: str
    number: int
    phase: str
    arm: str | None
    persona_id: str | None
    speaker: str
    stakeholder: str
    kind: str
    reply_to: Link | None
    answered_by: tuple[Link, ...]
    paragraphs: tuple[str, ...]
    quotes: tuple[Quote, ...]
    scores: tuple[ScoreMark, ...]
    certainty: int | None
    outcome: str
    flags: tuple[str, ...]
    changed: bool
    disagrees: bool
    """Whether it answers another turn against it, or moves a position: where `d` stops."""
    model: str
    seen_href: str
    seen_count: int


@dataclass(frozen=True, slots=True)
class Section:
    """Turns of one phase, group and arm."""

    anchor: str
    title: str
    detail: str
    turns: tuple[TurnView, ...]


@dataclass(frozen=True, slots=True)
class TranscriptView:
    sections: tuple[Section, ...]
    flags: tuple[str, ...]
    speakers: tuple[tuple[str | None, str], ...]
    """Id and name of each lane, in the order of first speaking; the id is None where no persona speaks."""
    turns: int
    quotes: int
    quotes_verified: int
    undecided: int
    """Turns that abstained, could not be parsed, or failed."""


class _Reader:
    """What every turn of one transcript is printed with."""

    def __init__(self, run_id: str, transcript: Transcript, personas: PersonaSet, dimensions: Sequence[Dimension]):
        self.run_id = run_id
        self.turns = sorted(transcript.turns, key=lambda turn: turn.index)
        self.by_id = {turn.id: turn for turn in self.turns}
        self.personas = {persona.id: persona for persona in personas.personas}
        self.dimensions = dimensions
        self.moved = changes(self.turns)

    def speaker(self, turn: Turn) -> str:
        if turn.persona_id is None:
            return "Synthesis" if turn.phase is Phase.SYNTHESIS else "Coordinator"
        persona = self.personas.get(turn.persona_id)
        return persona.name if persona else turn.persona_id

    def link(self, turn: Turn) -> Link:
        return Link(f"#{anchor(turn.id)}", self.speaker(turn), turn.kind)

    def view(self, turn: Turn, number: int) -> TurnView:
        persona = self.personas.get(turn.persona_id or "")
        target = self.by_id.get(turn.reply_to or "")
        marks = self._marks(turn)
        changed = any(mark.change for mark in marks)
        return TurnView(
            id=turn.id,
            anchor=anchor(turn.id),
            href=f"{run_href(self.run_id)}#{anchor(turn.id)}",
            number=number,
            phase=turn.phase.value,
            arm=turn.arm.value if turn.arm else None,
            persona_id=turn.persona_id,
            speaker=self.speaker(turn),
            stakeholder=persona.stakeholder if persona else "",
            kind=turn.kind,
            reply_to=self.link(target) if target else None,
            answered_by=tuple(self.link(other) for other in self.turns if other.reply_to == turn.id),
            paragraphs=tuple(part.strip() for part in turn.text.split("\n\n") if part.strip()),
            quotes=tuple(self._quote(evidence, persona) for evidence in turn.evidence),
            scores=marks,
            certainty=turn.certainty,
            outcome=turn.outcome.value,
            flags=tuple(words(flag) for flag in turn.flags),
            changed=changed,
            disagrees=changed or turn.kind == "rebuttal",
            model=turn.model,
            seen_href=seen_href(self.run_id, turn.id),
            seen_count=len(turn.seen),
        )

    def _marks(self, turn: Turn) -> tuple[ScoreMark, ...]:
        return tuple(self._mark(turn, dimension) for dimension in self.dimensions if dimension.name in turn.scores)

    def _mark(self, turn: Turn, dimension: Dimension) -> ScoreMark:
        value = turn.scores[dimension.name]
        change = self.moved.get((turn.id, dimension.name))
        label = next((level.label for level in dimension.levels if level.value == value), "")
        return ScoreMark(words(dimension.name), score(value), change, label)

    def _quote(self, evidence: Evidence, persona: Persona | None) -> Quote:
        href, place = self._place(evidence, persona)
        return Quote(
            text=evidence.quote,
            status=evidence.status,
            verified=evidence.status != "unverified",
            explanation=_FOUND[evidence.status],
            place=place,
            href=href,
            passage=_range(evidence),
        )

    def _place(self, evidence: Evidence, persona: Persona | None) -> tuple[str | None, str]:
        part, _, name = (evidence.found_in or "").partition(":")
        if part == "turn" and name in self.by_id:
            return f"#{anchor(name)}", f"said by {self.speaker(self.by_id[name])}"
        if part == "excerpt" and persona and name.isdigit() and int(name) < len(persona.excerpts):
            span = persona.excerpts[int(name)].span
            return (
                passage_href(span.document_id, span.start, span.end) if span else None
            ), "the persona's own excerpts"
        if part in ("", "turn", "excerpt"):
            return None, f"said to be from the {evidence.claimed_from}"
        href = material_href(self.run_id, evidence.found_in or "", evidence.start, evidence.end)
        return href, place_name(evidence.found_in or "")


def _range(evidence: Evidence) -> QuotedRange | None:
    part = evidence.found_in or ""
    if evidence.start is None or evidence.end is None or part.partition(":")[0] in ("", "turn", "excerpt"):
        return None
    return QuotedRange(part, evidence.start, evidence.end)


def turn_names(transcript: Transcript, personas: PersonaSet) -> dict[str, str]:
    """Who speaks in each turn and when, by the turn's id: `Nurse (alone)`."""
    reader = _Reader("", transcript, personas, ())
    return {turn.id: f"{reader.speaker(turn)} ({words(turn.phase.value)})" for turn in reader.turns}


def transcript_view(
    run_id: str, transcript: Transcript, personas: PersonaSet, dimensions: Sequence[Dimension]
) -> TranscriptView:
    """The whole transcript, in order, cut into sections by phase, arm and group."""
    reader = _Reader(run_id, transcript, personas, dimensions)
    groups = {group.id: group.name for group in personas.groups}
    sections: dict[tuple[str, str, str], list[TurnView]] = {}
    speakers: dict[str | None, str] = {}
    for number, turn in enumerate(reader.turns, start=1):
        speakers.setdefault(turn.persona_id, reader.speaker(turn))
        group = turn.group_id or "" if turn.phase is Phase.DEBATE else ""
        key = (turn.phase.value, turn.arm.value if turn.arm and turn.phase is not Phase.DEBATE else "", group)
        sections.setdefault(key, []).append(reader.view(turn, number))
    quotes = [evidence for turn in reader.turns for evidence in turn.evidence]
    return TranscriptView(
        sections=tuple(_section(key, turns, groups, transcript.stopped) for key, turns in sections.items()),
        flags=tuple(words(flag) for flag in transcript.flags),
        speakers=tuple(speakers.items()),
        turns=len(reader.turns),
        quotes=len(quotes),
        quotes_verified=sum(evidence.status != "unverified" for evidence in quotes),
        undecided=sum(turn.outcome is not Outcome.DECIDED for turn in reader.turns),
    )


def _section(
    key: tuple[str, str, str], turns: list[TurnView], groups: Mapping[str, str], stopped: Mapping[str, str]
) -> Section:
    phase, arm, group = key
    if phase == Phase.ALONE:
        title, detail = "Alone", "every persona judges before hearing anyone"
    elif phase == Phase.DEBATE:
        title = f"Debate: {_TABLES.get(group) or groups.get(group, group)}"
        reason = stopped.get(group)
        detail = f"ended: {_STOPPED.get(reason, words(reason))}" if reason else "in progress"
    elif phase == Phase.RESTATED:
        title, detail = f"Restated: {words(arm)}", "every persona gives its scores again"
    else:
        title, detail = f"Synthesis: {words(arm)}" if arm else "Synthesis", "a model's summary; it sets no number"
    name = "-".join(part for part in ("section", phase, arm, group) if part)
    return Section(anchor(name).removeprefix("turn-"), title, detail, tuple(turns))
