"""How the simulated judge finds stakeholders in a document: role words, and the sentences that hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from llm.simulated.features import words
from llm.simulated.reading import sentences

_STORY = re.compile(r"\b[Aa]s an? ((?:[\w-]+ ){0,2}[\w-]+?),? I\b")
_ROLE = re.compile(
    r"\b(?:the |an? |our |many |most |some |for )((?:[a-z]+ )?[a-z]{3,}(?:ers|ors|ists|ians|ants|ents|er|or|ist|ian))\b"
)
_NO_ROLE = frozenset(
    [
        "other",
        "others",
        "another",
        "either",
        "neither",
        "number",
        "order",
        "cluster",
        "server",
        "container",
        "controller",
        "scheduler",
        "never",
        "whether",
        "however",
        "after",
        "over",
        "under",
        "later",
        "rather",
        "together",
        "paper",
        "computer",
        "buffer",
        "layer",
        "parameter",
        "factor",
        "error",
        "color",
        "floor",
        "behavior",
        "behaviour",
        "transfer",
        "counter",
        "filter",
        "pointer",
        "register",
        "letter",
        "matter",
        "quarter",
        "center",
        "corner",
        "power",
        "water",
        "summer",
        "winter",
        "driver",
        "parents",
        "parent",
        "documents",
        "document",
        "comments",
        "comment",
        "events",
        "event",
        "components",
        "component",
        "requirements",
        "agreements",
        "moments",
        "elements",
        "improvements",
        "investments",
        "payments",
        "payment",
        "content",
        "student",
        "present",
    ]
)


class Stakeholder(NamedTuple):
    """Who speaks, and the sentences in which they do, verbatim."""

    name: str
    sentences: tuple[str, ...]

    @property
    def characteristic(self) -> str:
        return f"The {self.name} whose work is touched by {topic(self.sentences[0])}."


def stakeholders(texts: Sequence[str], most: int = 4) -> list[Stakeholder]:
    """The roles that a document names most often, at most `most`; its author where it names none."""
    found: dict[str, list[str]] = {}
    spoken = sentences(texts)
    for sentence in spoken:
        for match in [*_STORY.finditer(sentence), *_ROLE.finditer(sentence)]:
            name = match.group(1).lower()
            if name.split()[-1] not in _NO_ROLE:
                found.setdefault(name, []).append(sentence)
    ranked = sorted(found.items(), key=lambda entry: -len(entry[1]))[:most]
    made = [Stakeholder(name, tuple(dict.fromkeys(said))[:3]) for name, said in ranked]
    return made or ([Stakeholder("author", tuple(spoken[:3]))] if spoken else [])


def topic(sentence: str) -> str:
    """Two words that a sentence is about, as they stand in it."""
    stems = sorted(set(words(sentence)), key=lambda stem: (-len(stem), stem))[:2]
    full = {word.strip(".,;:()'\"").lower()[:7]: word.strip(".,;:()'\"").lower() for word in sentence.split()}
    return " and ".join(full.get(stem, stem) for stem in stems) or "the matter"
