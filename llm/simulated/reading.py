"""What the simulated judge reads out of the tagged sections of its prompt."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from llm.fence import Section, sections
from llm.model import Message

JUDGED = ("source", "instruction", "knowledge", "dialogue", "reference", "output", "output_a", "output_b")
"""Sections that make up the item, and with it the item's identity."""

_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
_LABEL = re.compile(r"^(Name|Stakeholder|Looks at|Specialty): (.+)$", re.MULTILINE)
_SPEAKER = re.compile(r"^\s*\[\d+\] [^:\n]+: ", re.MULTILINE)
_QUOTE = re.compile(r"“([^”]{12,})”")


class Scale(NamedTuple):
    """One dimension of the rubric, its grades from low to high."""

    name: str
    question: str
    values: tuple[int, ...]
    labels: tuple[str, ...]


class Peer(NamedTuple):
    """What a peer has let this persona see."""

    id: str
    turn: str | None
    scores: Mapping[str, float | None]
    argument: str
    """Empty where only its stance was shown."""
    name: str = ""
    """As it was introduced; empty where it was not."""


@dataclass(frozen=True)
class Scene:
    """One prompt, understood as far as its sections go."""

    found: tuple[Section, ...]

    def texts(self, *kinds: str) -> list[str]:
        return [section.text for section in self.found if section.kind in kinds]

    @cached_property
    def scales(self) -> dict[str, Scale]:
        return {scale.name: scale for text in self.texts("rubric") for scale in _scales(text)}

    @cached_property
    def item(self) -> str:
        """The item's identity. The two outputs of a pair are one item in either order."""
        parts = [f"{part.kind.removesuffix('_a').removesuffix('_b')}:{part.text}" for part in self.found]
        judged = [part for part, section in zip(parts, self.found, strict=True) if section.kind in JUDGED]
        return hashlib.sha256("\0".join(sorted(judged)).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @cached_property
    def flipped(self) -> bool:
        """Whether a pair stands in the order that counts as its second."""
        return self.texts("output_a") > self.texts("output_b")

    @cached_property
    def persona_id(self) -> str:
        return next((section.name or "" for section in self.found if section.kind == "persona"), "")

    @cached_property
    def card(self) -> str:
        """The persona's card: all that the judge knows of it, and so the key of its biases."""
        return "\n".join(self.texts("persona"))

    @cached_property
    def card_fields(self) -> dict[str, str]:
        return {label: value.strip() for label, value in _LABEL.findall(self.card)}

    @cached_property
    def card_quotes(self) -> list[str]:
        return _QUOTE.findall(self.card)

    @cached_property
    def own_scores(self) -> Mapping[str, float | None]:
        """The scores of its own last judgement; empty where it has not judged."""
        own = [_mapping(text) for text in self.texts("own")]
        return _mapping(own[-1].get("scores")) if own else {}

    @cached_property
    def own_words(self) -> str:
        """All that it said before, as it was shown."""
        return "\n".join(self.texts("own"))

    @cached_property
    def peers(self) -> tuple[Peer, ...]:
        """The last that it saw of each peer, in the order of the prompt."""
        seen: dict[str, Peer] = {}
        for section in self.found:
            if section.kind in ("stance", "peer"):
                content = _mapping(section.text)
                id_ = section.name or str(len(seen))
                argument = str(content.get("argument") or (seen[id_].argument if id_ in seen else ""))
                seen.pop(id_, None)
                seen[id_] = Peer(
                    id_,
                    content.get("turn"),
                    _mapping(content.get("scores")),
                    argument,
                    str(content.get("speaker") or ""),
                )
        return tuple(seen.values())

    @cached_property
    def speakers(self) -> list[str]:
        """Among whom a coordinator may choose."""
        listed = [json.loads(text) for text in self.texts("speakers")]
        return [str(name) for name in listed[-1]] if listed else []

    @cached_property
    def phase(self) -> str:
        tasks = [_mapping(text) for text in self.texts("task")]
        if tasks and tasks[-1].get("phase"):
            return str(tasks[-1]["phase"])
        return "restated" if self.own_scores else "alone"

    @cached_property
    def turn(self) -> str:
        tasks = [_mapping(text) for text in self.texts("task")]
        return str(tasks[-1].get("turn")) if tasks else ""


@lru_cache(maxsize=256)
def read_scene(messages: tuple[Message, ...]) -> Scene:
    """The scene of a prompt; sections are taken from all its messages in order."""
    return Scene(tuple(sections(message.content for message in messages)))


def sentences(texts: Iterable[str]) -> list[str]:
    """Sentences of at least four words, verbatim, without the speaker's name before them."""
    spoken = (_SPEAKER.sub("\n", text) for text in texts)
    found = (match.group().strip() for text in spoken for match in _SENTENCE.finditer(text))
    return [sentence for sentence in found if len(sentence.split()) > 3]


def _scales(text: str) -> list[Scale]:
    scales = []
    for dimension in _mapping(text).get("dimensions") or ():
        levels = sorted(dimension["levels"], key=lambda level: level["value"])
        scales.append(
            Scale(
                dimension["name"],
                dimension.get("question") or "",
                tuple(level["value"] for level in levels),
                tuple(level.get("label") or "" for level in levels),
            )
        )
    return scales


def _mapping(content: Any) -> dict[str, Any]:
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except ValueError:
            return {}
    return content if isinstance(content, dict) else {}
