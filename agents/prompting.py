"""Prompts put together for prefix caching: what all calls share comes first, what is new comes last.

system and item (the same for every persona, turn, arm and repeat), the persona, then what was said, each contribution
in a message of its own and only ever appended to, and the task at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from agents.item import Item
from agents.material import material, material_kind
from agents.rubric import Rubric
from agents.transcript import Turn
from clustering import AnchorKind, Persona, render_persona
from llm import Message, Prompt, RenderedPrompt, fence, load_prompt

FOLDER = Path(__file__).parent / "prompts"

Shown = dict[str, float | None]


@lru_cache(maxsize=64)
def prompt_file(name: str) -> Prompt:
    """One checked prompt file of this package."""
    return load_prompt(FOLDER / f"{name}.md")


def prompt_files() -> tuple[Prompt, ...]:
    """Every prompt file of this package, by name."""
    return tuple(prompt_file(path.stem) for path in sorted(FOLDER.glob("*.md")))


class Opening:
    """The messages that every call about an item begins with, made once."""

    def __init__(self, item: Item, rubric: Rubric) -> None:
        self.kind = material_kind(item)
        presented = prompt_file(f"item_{self.kind}").render(
            rubric=fence("rubric", rubric_text(rubric)), material=material(item)
        )
        self.messages: tuple[Message, ...] = (*prompt_file("judging").render(), *presented)

    def prompt(self, file: str, said: Iterable[Message], /, **variables: str) -> RenderedPrompt:
        """The whole question: opening, what was said, and the task's file rendered with `variables`."""
        messages = (*self.messages, *said, *prompt_file(file).render(**variables))
        return RenderedPrompt(f"{file.removeprefix('task_')}/{self.kind}", question_sha256(file, self.kind), messages)


@lru_cache(maxsize=128)
def question_sha256(task: str, kind: str) -> str:
    """sha256 over the files that a question is made of, all those that tell what was said included."""
    return hashlib.sha256("".join(part.sha256 for part in _question_parts(task, kind)).encode()).hexdigest()


def prompts_of(sha256: str) -> tuple[Prompt, ...]:
    """The files behind a hash that stands on a call, in the order of asking: a question's parts, or one file by its own.

    Empty for a hash of another version of the files.
    """
    names = [path.stem for path in sorted(FOLDER.glob("*.md"))]
    kinds = [name.removeprefix("item_") for name in names if name.startswith("item_")]
    for task in (name for name in names if name.startswith("task_")):
        for kind in kinds:
            if question_sha256(task, kind) == sha256:
                return _question_parts(task, kind)
    return tuple(prompt for prompt in prompt_files() if prompt.sha256 == sha256)


def _question_parts(task: str, kind: str) -> tuple[Prompt, ...]:
    names = ("judging", f"item_{kind}", "persona", "own", "peer", "stance", task)
    return tuple(prompt_file(name) for name in names)


@lru_cache(maxsize=64)
def rubric_text(rubric: Rubric) -> str:
    """The rubric as JSON, without what a judge has no use for."""
    content = rubric.model_dump(mode="json", exclude={"dimensions": {"__all__": {"pass_threshold"}}})
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def persona_message(persona: Persona, anchor: AnchorKind, seat_id: str) -> tuple[Message, ...]:
    """The persona's card, as its anchor kind shows it."""
    card = render_persona(persona, anchor)
    # the generic judge has no name: an id such as `nurse-1` would be an anchor too
    return prompt_file("persona").render(card=fence("persona", card, None if anchor is AnchorKind.NONE else seat_id))


def own_message(turn: Turn, scores: Shown) -> tuple[Message, ...]:
    """What the asked persona said itself."""
    return _told("own", None, turn.id, turn.kind, tuple(scores.items()), turn.text)


def peer_message(name: str, turn: Turn, scores: Shown, speaker: str = "") -> tuple[Message, ...]:
    """What a peer said: an argument is data in a message of its own. speaker: what the others call it."""
    return _told("peer", name, turn.id, turn.kind, tuple(scores.items()), turn.text, speaker)


@lru_cache(maxsize=4096)
def _told(
    section: str,
    name: str | None,
    turn_id: str,
    kind: str,
    scores: tuple[tuple[str, float | None], ...],
    text: str,
    speaker: str = "",
) -> tuple[Message, ...]:
    """A contribution as a message. Kept, because everybody at a table is shown it again in every later question."""
    if section == "own":
        content = {"turn": turn_id, "scores": _grades(dict(scores)), "reasoning": text}
        return prompt_file("own").render(judgement=fence("own", _json(content)))
    content = {"turn": turn_id, "kind": kind, "scores": _grades(dict(scores)), "argument": text}
    content |= {"speaker": speaker} if speaker else {}
    return prompt_file("peer").render(contribution=fence("peer", _json(content), name))


def stance_message(name: str, scores: Shown) -> tuple[Message, ...]:
    """Where a peer stands, without a word of why."""
    return prompt_file("stance").render(position=fence("stance", _json({"scores": _grades(scores)}), name))


def task_section(phase: str, turn_id: str) -> str:
    """The tagged task, last in the prompt."""
    return fence("task", _json({"phase": phase, "turn": turn_id}))


def verdict_section(values: Shown, both_orders: Mapping[str, Mapping[str, tuple[float | None, ...]]]) -> str:
    """The verdict that a synthesis is about. both_orders: of a pair, every judge's scores in either order; else empty."""
    return fence("verdict", _json({"values": values} | ({"both_orders": both_orders} if both_orders else {})))


def speakers_section(ids: Sequence[str]) -> str:
    """Among whom a coordinating model chooses."""
    return fence("speakers", _json(list(ids)))


def _grades(scores: Shown) -> dict[str, int | None]:
    """Grades as the rubric writes them, without a decimal point."""
    return {name: None if score is None else int(score) for name, score in scores.items()}


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)
