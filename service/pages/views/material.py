"""The texts that a quote can stand in: parts of the judged item and documents, with one passage marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agents import DialogueItem, Item, PairItem, SummaryItem, TextItem

CONTEXT_CHARACTERS_MAX = 200_000
"""Of a longer text this much is shown around the passage; the rest is said to be left out."""


@dataclass(frozen=True, slots=True)
class Material:
    """One text of an item, under the name that `Evidence.found_in` uses."""

    part: str
    title: str
    text: str
    stretches: Mapping[str, int] = field(default_factory=dict)
    """Where a part begins that evidence names by itself and people read in its context: an utterance in its dialogue."""

    def offset(self, part: str) -> int | None:
        """Where that part begins in this text; None where it is another text's."""
        return 0 if part == self.part else self.stretches.get(part)


@dataclass(frozen=True, slots=True)
class PassagePage:
    """A text with a passage marked; `passage` is empty where none was asked for."""

    title: str
    kind: str
    back_href: str | None
    back_name: str
    before: str
    passage: str
    after: str
    cut_before: int
    """Characters of the text that are not shown."""
    cut_after: int
    start: int | None
    end: int | None
    characters: int
    media_type: str
    problem: str | None


def texts(item: Item) -> tuple[Material, ...]:
    """Every text of an item, the judged one first."""
    if isinstance(item, SummaryItem):
        several = len(item.sources) > 1
        sources = [
            Material(f"source:{number}", f"Source {number + 1}" if several else "Source", text)
            for number, text in enumerate(item.sources)
        ]
        return (Material("output", "Summary", item.output), *sources, *_reference(item.reference))
    if isinstance(item, TextItem):
        instruction = Material("instruction", "Instruction", item.instruction)
        return (Material("output", "Output", item.output), instruction, *_reference(item.reference))
    if isinstance(item, PairItem):
        outputs = (Material("output_a", "Output A", item.output_a), Material("output_b", "Output B", item.output_b))
        return (*outputs, Material("instruction", "Task", item.task))
    return _dialogue(item)


def holding(materials: Iterable[Material], part: str) -> tuple[Material, int] | None:
    """The text that holds a part, and where in it the part begins."""
    for one in materials:
        offset = one.offset(part)
        if offset is not None:
            return one, offset
    return None


def _dialogue(item: DialogueItem) -> tuple[Material, ...]:
    spoken, begins = "", {}
    for number, turn in enumerate(item.turns, start=1):
        spoken += f"{turn.speaker}: "
        begins[f"dialogue:{number}"] = len(spoken)
        spoken += f"{turn.text}\n"
    found = [Material("dialogue", "Dialogue", spoken.removesuffix("\n"), begins)]
    if item.judge != "whole":
        found.insert(0, Material("output", "Response", item.turns[-1].text))
    if item.knowledge:
        found.append(Material("knowledge", "Knowledge given to the speakers", item.knowledge))
    return tuple(found)


def _reference(text: str | None) -> tuple[Material, ...]:
    return (Material("reference", "Reference", text),) if text else ()


def passage_page(
    title: str,
    text: str,
    *,
    kind: str,
    back_href: str | None = None,
    back_name: str = "",
    start: int | None = None,
    end: int | None = None,
    media_type: str = "text/plain",
) -> PassagePage:
    """The text around `text[start:end]`; a range that lies outside of it is said, not guessed."""
    asked = start is not None and end is not None
    sound = asked and 0 <= (start or 0) < (end or 0) <= len(text)
    first, last = (start or 0, end or 0) if sound else (0, 0)
    begin = max(0, first - CONTEXT_CHARACTERS_MAX // 2) if sound else 0
    stop = min(len(text), max(last + CONTEXT_CHARACTERS_MAX // 2, begin + CONTEXT_CHARACTERS_MAX))
    return PassagePage(
        title=title,
        kind=kind,
        back_href=back_href,
        back_name=back_name,
        before=text[begin:first],
        passage=text[first:last],
        after=text[last:stop],
        cut_before=begin,
        cut_after=len(text) - stop,
        start=first if sound else None,
        end=last if sound else None,
        characters=len(text),
        media_type=media_type,
        problem=f"characters {start} to {end} do not lie in this text" if asked and not sound else None,
    )
