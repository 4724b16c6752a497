"""An item as prompt sections, and as the places where a quote may stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agents.item import DialogueItem, Item, PairItem, SummaryItem, TextItem, Utterance
from llm import fence


class Place(NamedTuple):
    """A text that a judge may quote."""

    name: str
    """`output`, `source:0`, `dialogue:3`, `excerpt:2`, `turn:ID`."""
    text: str


def material_kind(item: Item) -> str:
    """Which prompt presents the item: its kind, or `response` for a dialogue judged at its last utterance."""
    if isinstance(item, DialogueItem) and item.judge != "whole":
        return "response"
    return item.kind


def material(item: Item) -> str:
    """The item's fenced sections."""
    return "\n\n".join(_sections(item))


def places(item: Item) -> tuple[Place, ...]:
    """Every text of the item that may be quoted, as the caller gave it."""
    return tuple(_places(item))


def place_name(name: str) -> str:
    """A place's name as a reader says it: `source:0` as `source 1`, `dialogue:3` as `utterance 3`, `output_a` as `output A`."""
    part, _, number = name.partition(":")
    match part:
        case "source":
            return f"source {int(number) + 1}"
        case "dialogue":
            return f"utterance {number}"
        case "excerpt":
            return "the persona's own words"
        case "output_a" | "output_b":
            return f"output {part[-1].upper()}"
    return part.replace("_", " ")


def _sections(item: Item) -> Iterator[str]:
    match item:
        case SummaryItem():
            for number, source in enumerate(item.sources):
                yield fence("source", source, str(number))
            yield from _output(item.output, item.reference)
        case DialogueItem():
            if item.knowledge:
                yield fence("knowledge", item.knowledge)
            if item.judge == "whole":
                yield fence("dialogue", render_dialogue(item.turns))
            else:
                if item.turns[:-1]:
                    yield fence("dialogue", render_dialogue(item.turns[:-1]))
                yield fence("output", item.turns[-1].text, _word(item.turns[-1].speaker))
        case TextItem():
            yield fence("instruction", item.instruction)
            yield from _output(item.output, item.reference)
        case PairItem():
            yield fence("instruction", item.task)
            yield fence("output_a", item.output_a)
            yield fence("output_b", item.output_b)


def _output(output: str, reference: str | None) -> Iterator[str]:
    if reference:
        yield fence("reference", reference)
    yield fence("output", output)


def _word(speaker: str) -> str:
    """A speaker's name as a section name, which holds no spaces or angle brackets."""
    return "".join(character if character.isalnum() else "-" for character in speaker)


def render_dialogue(turns: tuple[Utterance, ...]) -> str:
    """Numbered utterances. Further lines of an utterance are indented, so that none can pose as another speaker's."""
    lines = []
    for number, turn in enumerate(turns, start=1):
        speaker = " ".join(turn.speaker.split())
        lines.append(f"[{number}] {speaker}: " + "\n    ".join(turn.text.splitlines() or [""]))
    return "\n".join(lines)


def _places(item: Item) -> Iterator[Place]:
    match item:
        case SummaryItem():
            yield Place("output", item.output)
            for number, source in enumerate(item.sources):
                yield Place(f"source:{number}", source)
        case DialogueItem():
            last = len(item.turns)
            for number, turn in enumerate(item.turns, start=1):
                name = "output" if item.judge != "whole" and number == last else f"dialogue:{number}"
                yield Place(name, turn.text)
            if item.knowledge:
                yield Place("knowledge", item.knowledge)
        case TextItem():
            yield Place("output", item.output)
            yield Place("instruction", item.instruction)
        case PairItem():
            yield Place("output_a", item.output_a)
            yield Place("output_b", item.output_b)
            yield Place("instruction", item.task)
    reference = getattr(item, "reference", None)
    if reference:
        yield Place("reference", reference)
