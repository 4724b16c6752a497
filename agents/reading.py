"""A transcript as a person reads it: Markdown, with every stranger's word escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from agents.item import DialogueItem, Item
from agents.material import place_name, places
from agents.protocol import Arm
from agents.speaking import seat_of
from agents.transcript import Evidence, Outcome, Phase, RunResult, Turn
from clustering import Persona, PersonaSet

_ACTIVE = re.compile(r"([\\`*_\[\]<>|~]|^\s*(?:[#>+=-]|\d+[.)]))", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_STOPPED = {
    "passed": "nobody had more to say",
    "unchanged": "nobody moved for a whole round",
    "agreed": "they stand close enough",
    "turns_max": "all turns were used",
    "tokens_max": "all tokens were used",
    "cancelled": "the run was cancelled",
    "alone": "there was nobody to debate with",
}
_VERBS = {
    "claim": "makes a claim",
    "rebuttal": "disagrees",
    "concession": "concedes",
    "question": "asks",
    "pass": "passes",
}
_WHY = {"evidence": "for evidence", "argument": "for an argument", "nothing": "without a reason that holds"}
_SWAPPED = " (outputs swapped: “A” in these words is output B)"
_ARMS = {
    Arm.PANEL: "panel (no debate)",
    Arm.SELF_REFLECTION: "after self-reflection",
    Arm.STANCE: "after seeing the others' scores",
    Arm.DEBATE: "after the debate",
}


def transcript_markdown(result: RunResult, persona_set: PersonaSet | None = None, item: Item | None = None) -> str:
    """One run as Markdown: verdicts, judgements alone, each table's debate, what was restated in each arm, texts judged.

    persona_set: gives names and what each persona looks at; without it personas go by their ids. item: the texts that
    quotes are from, at the end; without it they are left out. Text of judges and callers is untrusted: it is escaped, so
    that it stays text in any renderer.
    """
    names = _Names(persona_set, result.transcript.turns)
    blocks = [
        f"# Hearing {result.run.repeat + 1} of {_escaped(result.run.item_id)}",
        *_head(result),
        *_verdicts(result),
        *_alone(result, names),
        *_debates(result, names),
        *_restatements(result, names),
        *(_judged(item) if item else ()),
    ]
    return "\n\n".join(blocks) + "\n"


class _Names:
    """Ids as a reader knows them."""

    def __init__(self, persona_set: PersonaSet | None, turns: Iterable[Turn]) -> None:
        self._turns = {turn.id: turn for turn in turns}
        self._personas = {persona.id: persona for persona in persona_set.personas} if persona_set else {}

    def persona(self, turn: Turn) -> Persona | None:
        return self._personas.get(turn.persona_id or "")

    def of(self, turn: Turn) -> str:
        persona = self.persona(turn)
        plays = f" ({_escaped(turn.model)})" if "@" in seat_of(turn) else ""
        return _escaped(persona.name if persona else (turn.persona_id or "clerk")) + plays

    def place(self, found_in: str) -> str:
        """Where a quote stands: in a text of the item, in an excerpt, or in what somebody said."""
        part, _, turn_id = found_in.partition(":")
        if part != "turn":
            return place_name(found_in)
        turn = self._turns.get(turn_id)
        return f"said by {self.of(turn)}" if turn else "said before"

    def table(self, group: str) -> str:
        """What its personas are called together, as the first of them says it; the id where nobody is known."""
        group_of = (persona.stakeholder for persona in self._personas.values() if persona.group_id == group)
        return _escaped(next(group_of, None) or group.replace("_", " ").replace("-", " "))


def _head(result: RunResult) -> Iterator[str]:
    if result.simulated:
        yield "*Simulated judge: for trying the service and testing the statistics, not for judging.*"
    if "injection_suspected" in result.transcript.flags:
        yield "**The judged text holds words that address its judges. Look at it before you trust a score.**"
    if "order_following" in result.transcript.flags:
        yield "**Somebody preferred whichever output stood first, or last: such a preference counts as a tie.**"


def _verdicts(result: RunResult) -> Iterator[str]:
    yield "## Verdict"
    pair = any(turn.order for turn in result.transcript.turns)
    rows = ["| dimension | arm | value | decided | dissent |", "|---|---|---|---|---|"]
    for name in next(iter(result.verdicts.values())).dimensions:
        for arm, verdict in result.verdicts.items():
            part = verdict.dimensions[name]
            value = f"{part.value:.2f}{_preference(part.value, pair)}" if part.value is not None else str(part.outcome)
            passed = {True: ", passes", False: ", does not pass", None: ""}[part.passed]
            dissent = "" if part.dissent is None else f"{part.dissent:.2f}"
            rows.append(
                f"| {_spoken(name)} | {_ARMS[arm]} | {value}{passed} | {part.n_used} of {part.n_asked} | {dissent} |"
            )
    yield "\n".join(rows)
    if pair:
        yield (
            "*1: all prefer output A; -1: all prefer output B; 0: neither. Everybody judged both orders: where outputs were "
            "swapped, words call output B “A”, and grades are of the item's own A and B all the same.*"
        )
    for arm, verdict in result.verdicts.items():
        if verdict.synthesis:
            yield f"Written by a model about the verdict {_ARMS[arm]}:"
            yield _quoted(verdict.synthesis)


def _preference(value: float, pair: bool) -> str:
    """Which output a pair's value leans to; nothing where it is a grade."""
    if not pair:
        return ""
    return ", a tie" if value == 0 else f", for output {'A' if value > 0 else 'B'}"


def _alone(result: RunResult, names: _Names) -> Iterator[str]:
    yield "## Alone"
    for turn in result.transcript.turns:
        if turn.phase is Phase.ALONE:
            persona = names.persona(turn)
            looks_for = f", looking for {_looked_for(persona)}" if persona else ""
            yield f"**{names.of(turn)}**{looks_for}{_shown_as(turn)}: {_grades(turn)}{_certainty(turn)}"
            yield from _words(turn, names)


def _looked_for(persona: Persona) -> str:
    """Its perspective in quotes; one that is quoted already stays as it is."""
    perspective = persona.perspective.rstrip(".")
    quoted = perspective.startswith("“") and perspective.endswith("”")
    return _escaped(perspective) if quoted else f"“{_escaped(perspective)}”"


def _debates(result: RunResult, names: _Names) -> Iterator[str]:
    by_id = {turn.id: turn for turn in result.transcript.turns}
    for table, reason in sorted(result.transcript.stopped.items(), key=lambda entry: entry[0].startswith("ba/")):
        prefix, order = ("ba/", "ba") if table.startswith("ba/") else ("", None)
        group = table.removeprefix(prefix)
        yield f"## Debate: {names.table(group)}{_SWAPPED if order else ''}"
        said = [t for t in by_id.values() if t.phase is Phase.DEBATE and t.group_id == group and _side(t) == order]
        stands = {seat_of(turn): turn for turn in by_id.values() if turn.phase is Phase.ALONE and _side(turn) == order}
        for number, turn in enumerate(said, start=1):
            answered = by_id.get(turn.reply_to or "")
            to = f" with {names.of(answered)}" if answered and turn.kind == "rebuttal" else ""
            to = f" {names.of(answered)}" if answered and turn.kind == "question" else to
            to = f" to {names.of(answered)}" if answered and turn.kind == "concession" else to
            yield f"**{number}. {names.of(turn)}** {_VERBS.get(turn.kind, turn.kind)}{to}"
            yield from _words(turn, names)
            yield f"{_moves(stands.get(seat_of(turn)), turn)}{_certainty(turn)}"
            stands[seat_of(turn)] = turn
        yield f"*The table stopped after {len(said)} turn{'' if len(said) == 1 else 's'}: {_STOPPED.get(reason, _escaped(reason))}.*"


def _restatements(result: RunResult, names: _Names) -> Iterator[str]:
    before = {(_side(t), seat_of(t)): t for t in result.transcript.turns if t.phase is Phase.ALONE}
    for arm in result.verdicts:
        restated = [t for t in result.transcript.turns if t.phase is Phase.RESTATED and t.arm is arm]
        if not restated:
            continue
        yield f"## Restated {_ARMS[arm]}"
        yield "*What has changed, has changed since the judgement alone.*"
        for turn in restated:
            alone = before.get((_side(turn), seat_of(turn)))
            yield f"**{names.of(turn)}**{_shown_as(turn)}: {_moves(alone, turn)}{_certainty(turn)}"
            yield from _words(turn, names)


def _judged(item: Item) -> Iterator[str]:
    yield "## What was judged"
    for place in places(item):
        speaker = ""
        part, _, number = place.name.partition(":")
        if isinstance(item, DialogueItem) and part in ("dialogue", "output"):
            speaker = f", {_escaped(item.turns[int(number or 0) - 1].speaker)}"
        name = place_name(place.name)
        yield f"**{name[0].upper()}{name[1:]}**{speaker}"
        yield _quoted(place.text)


def _side(turn: Turn) -> str | None:
    return "ba" if turn.order == "ba" else None


def _shown_as(turn: Turn) -> str:
    return _SWAPPED if turn.order == "ba" else ""


def _words(turn: Turn, names: _Names) -> Iterator[str]:
    if turn.outcome in (Outcome.FAILED, Outcome.UNPARSEABLE):
        yield f"*No usable answer: {_escaped(', '.join(turn.flags) or str(turn.outcome))}.*"
        return
    yield _quoted(turn.text)
    if turn.evidence:
        yield "\n".join(f"- {_proof(part, names)}" for part in turn.evidence)
    flags = [flag for flag in turn.flags if not flag.startswith("call_")]
    if flags:
        yield f"*Noticed by code: {', '.join(flag.replace('_', ' ') for flag in flags)}.*"


def _proof(part: Evidence, names: _Names) -> str:
    if part.status == "unverified":
        return f"✗ “{_escaped(part.quote)}”: found nowhere (said to be from {part.claimed_from})"
    how = "" if part.status == "exact" else f", {part.status}"
    return f"✓ “{_escaped(part.quote)}” ({names.place(part.found_in or '')}{how})"


def _moves(before: Turn | None, after: Turn) -> str:
    """`safety 2 → 3, for an argument; helpfulness 4 kept`."""
    old: Mapping[str, float | None] = before.scores if before else {}
    parts, moved = [], False
    for name, score in after.scores.items():
        if score is None or old.get(name) is None or old[name] == score:
            parts.append(f"{_spoken(name)} {_grade(after, score)}")
        else:
            moved = True
            parts.append(f"**{_spoken(name)} {_grade(after, old[name])} → {_grade(after, score)}**")
    why = f", {_WHY[after.changed_because]}" if moved and after.changed_because else ""
    return ", ".join(parts) + why


def _grades(turn: Turn) -> str:
    return ", ".join(f"{_spoken(name)} {_grade(turn, score)}" for name, score in turn.scores.items())


def _certainty(turn: Turn) -> str:
    return "" if turn.certainty is None else f" (certainty {turn.certainty})"


def _grade(turn: Turn, score: float | None) -> str:
    """A grade; of a pair the output that is preferred, by its letter in the item whatever order it was shown in."""
    if score is None:
        return "none"
    return f"{score:g}" if turn.order is None else {1.0: "A", -1.0: "B"}.get(score, "tie")


def _spoken(name: str) -> str:
    return _escaped(name.replace("_", " "))


def _quoted(text: str) -> str:
    lines: Iterable[str] = _escaped(text).splitlines() or ["(no words)"]
    return "\n".join(f"> {line}" for line in lines)


def _escaped(text: str) -> str:
    """Text without control or direction characters, and with every Markdown sign as itself."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n"))
    return _ACTIVE.sub(lambda match: re.sub(r"([^\s\d])", r"\\\1", match.group()), text).replace("&", "&amp;")
