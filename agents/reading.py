"""A transcript as a person reads it: Markdown, with every stranger's word escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

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
_SWAPPED = " (outputs swapped)"
_ARMS = {
    Arm.PANEL: "panel (no debate)",
    Arm.SELF_REFLECTION: "after self-reflection",
    Arm.STANCE: "after seeing the others' scores",
    Arm.DEBATE: "after the debate",
}


def transcript_markdown(result: RunResult, persona_set: PersonaSet | None = None) -> str:
    """One run as Markdown: verdicts, judgements alone, each table's debate, what was restated in each arm.

    persona_set: gives names and what each persona looks at; without it personas go by their ids. Text of judges is
    untrusted: it is escaped, so that it stays text in any renderer.
    """
    names = _Names(persona_set)
    blocks = [
        f"# Hearing of {_escaped(result.run.item_id)}, repeat {result.run.repeat}",
        *_head(result),
        *_verdicts(result),
        *_alone(result, names),
        *_debates(result, names),
        *_restatements(result, names),
    ]
    return "\n\n".join(blocks) + "\n"


class _Names:
    """Ids as a reader knows them."""

    def __init__(self, persona_set: PersonaSet | None) -> None:
        self._personas = {persona.id: persona for persona in persona_set.personas} if persona_set else {}

    def persona(self, turn: Turn) -> Persona | None:
        return self._personas.get(turn.persona_id or "")

    def of(self, turn: Turn) -> str:
        persona = self.persona(turn)
        plays = f" ({_escaped(turn.model)})" if "@" in seat_of(turn) else ""
        return _escaped(persona.name if persona else (turn.persona_id or "clerk")) + plays

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
    rows = ["| dimension | arm | value | decided | dissent |", "|---|---|---|---|---|"]
    for name in next(iter(result.verdicts.values())).dimensions:
        for arm, verdict in result.verdicts.items():
            part = verdict.dimensions[name]
            value = f"{part.value:.2f}" if part.value is not None else str(part.outcome)
            passed = {True: ", passes", False: ", does not pass", None: ""}[part.passed]
            dissent = "" if part.dissent is None else f"{part.dissent:.2f}"
            rows.append(
                f"| {_spoken(name)} | {_ARMS[arm]} | {value}{passed} | {part.n_used} of {part.n_asked} | {dissent} |"
            )
    yield "\n".join(rows)
    if any(turn.order for turn in result.transcript.turns):
        yield (
            "*1 prefers output A, -1 output B, 0 neither. Grades are of the item's own A and B; where outputs were swapped, "
            "what a judge calls A in its words is the item's B.*"
        )
    for arm, verdict in result.verdicts.items():
        if verdict.synthesis:
            yield f"Written by a model about the verdict {_ARMS[arm]}:"
            yield _quoted(verdict.synthesis)


def _alone(result: RunResult, names: _Names) -> Iterator[str]:
    yield "## Alone"
    for turn in result.transcript.turns:
        if turn.phase is Phase.ALONE:
            persona = names.persona(turn)
            looks_for = f", looking for “{_escaped(persona.perspective.rstrip('.'))}”" if persona else ""
            yield f"**{names.of(turn)}**{looks_for}{_shown_as(turn)}: {_grades(turn)}{_certainty(turn)}"
            yield from _words(turn)


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
            yield from _words(turn)
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
        for turn in restated:
            alone = before.get((_side(turn), seat_of(turn)))
            yield f"**{names.of(turn)}**{_shown_as(turn)}: {_moves(alone, turn)}{_certainty(turn)}"
            yield from _words(turn)


def _side(turn: Turn) -> str | None:
    return "ba" if turn.order == "ba" else None


def _shown_as(turn: Turn) -> str:
    return _SWAPPED if turn.order == "ba" else ""


def _words(turn: Turn) -> Iterator[str]:
    if turn.outcome in (Outcome.FAILED, Outcome.UNPARSEABLE):
        yield f"*No usable answer: {_escaped(', '.join(turn.flags) or str(turn.outcome))}.*"
        return
    yield _quoted(turn.text)
    if turn.evidence:
        yield "\n".join(f"- {_proof(part)}" for part in turn.evidence)
    flags = [flag for flag in turn.flags if not flag.startswith("call_")]
    if flags:
        yield f"*Noticed by code: {', '.join(flag.replace('_', ' ') for flag in flags)}.*"


def _proof(part: Evidence) -> str:
    if part.status == "unverified":
        return f"✗ “{_escaped(part.quote)}”: found nowhere (said to be from {part.claimed_from})"
    how = "" if part.status == "exact" else f", {part.status}"
    return f"✓ “{_escaped(part.quote)}” ({_escaped(part.found_in or '')}{how})"


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
