"""A hearing while it is held: the replies that have come so far, in the order in which they came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from clustering import PersonaSet
from llm import Call, CallOutcome, sections
from service.pages.formatting import words

WORDS_OF_A_REPLY = ("argument", "reasoning", "summary", "synthesis", "text")
"""Where a reply's prose stands, whichever question it answers."""


@dataclass(frozen=True, slots=True)
class Said:
    """One reply."""

    key: str
    speaker: str
    purpose: str
    outcome: str
    ok: bool
    text: str
    scores: tuple[tuple[str, str], ...]


def said(calls: Sequence[Call], personas: PersonaSet) -> tuple[Said, ...]:
    """The replies of a run that is not over yet; untrusted model text."""
    names = {persona.id: persona.name for persona in personas.personas}
    return tuple(_said(call, names) for call in calls)


def _said(call: Call, names: dict[str, str]) -> Said:
    speaker = next(
        (
            section.name
            for message in call.messages
            for section in sections(message.get("content", ""))
            if section.kind == "persona" and section.name
        ),
        None,
    )
    reply = _reply(call.text)
    scores = reply.get("scores")
    return Said(
        key=f"{call.key[:16]}-{call.attempt}",
        speaker=names.get(speaker or "", speaker or "Coordinator"),
        purpose=words(call.purpose.value),
        outcome=words(call.outcome.value),
        ok=call.outcome is CallOutcome.OK,
        text=next((str(reply[name]) for name in WORDS_OF_A_REPLY if reply.get(name)), call.text or ""),
        scores=tuple((words(str(n)), str(v)) for n, v in scores.items()) if isinstance(scores, dict) else (),
    )


def _reply(text: str | None) -> dict[str, object]:
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
