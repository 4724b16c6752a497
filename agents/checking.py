"""Whether a hearing can be held, found out before a token is spent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agents.errors import HearingInputError, Problem
from agents.item import DialogueItem, Item, PairItem
from agents.pairs import pair_rubric
from agents.prompting import Opening, persona_message
from agents.protocol import DebateProtocol, Seating
from agents.rubric import Rubric
from agents.session import OUTPUT_TOKENS_MAX
from clustering import PersonaSet
from llm import Model, estimate_tokens

_SECTION_NAME = re.compile(r"[^\s<>/]+")
_TASK_TOKENS = 300
"""The task and the JSON frame around it, about."""


def check_hearing(
    items: Sequence[Item], persona_set: PersonaSet, rubric: Rubric, protocol: DebateProtocol, models: Sequence[Model]
) -> None:
    """Returns where every item can be heard. Raises `HearingInputError` with all problems, each at a JSON pointer.

    Items are checked as they are heard: `expand` those judged at every utterance first. A source that does not fit a
    model's context is a problem here, never cut in silence; where a model's context is unknown it is not checked.
    """
    problems = [
        *_setting_problems(persona_set, protocol, models),
        *_id_problems(items),
        *(problem for place, item in enumerate(items) for problem in _item_problems(place, item, rubric)),
    ]
    if not problems:
        problems += _length_problems(items, persona_set, rubric, protocol, models)
    if problems:
        raise HearingInputError(problems)


def _setting_problems(persona_set: PersonaSet, protocol: DebateProtocol, models: Sequence[Model]) -> Iterator[Problem]:
    personas = len(persona_set.personas)
    if not personas:
        yield Problem(
            "/persona_set/personas", "the set holds no persona: give one, or build the set from more documents"
        )
    if not models:
        yield Problem("/models", "no model was given: name one, such as 'simulated'")
    specs = [model.spec for model in models]
    if protocol.seating is Seating.CROSSED and len(set(specs)) < len(specs):
        yield Problem("/models", f"{specs!r} names a model twice, but each plays every persona: name each once")
    if protocol.personas_min > max(1, personas):
        yield Problem(
            "/protocol/personas_min", f"{protocol.personas_min!r} is more than the set's {personas} personas: lower it"
        )
    if not protocol.arms or len(set(protocol.arms)) < len(protocol.arms):
        yield Problem("/protocol/arms", f"{[str(arm) for arm in protocol.arms]!r}: name at least one arm, each once")
    seen: set[str] = set()
    for place, persona in enumerate(persona_set.personas):
        pointer = f"/persona_set/personas/{place}/id"
        if not _SECTION_NAME.fullmatch(persona.id):
            yield Problem(pointer, f"{persona.id!r} must not hold spaces, slashes or angle brackets: use a slug")
        if persona.id in seen:
            yield Problem(pointer, f"{persona.id!r} names two personas: give each its own id")
        seen.add(persona.id)


def _id_problems(items: Sequence[Item]) -> Iterator[Problem]:
    if not items:
        yield Problem("/items", "there is no item to judge: give at least one")
    first: dict[str, int] = {}
    for place, item in enumerate(items):
        if first.setdefault(item.id, place) != place:
            yield Problem(f"/items/{place}/id", f"{item.id!r} names item {first[item.id]} too: give each its own id")


def _item_problems(place: int, item: Item, rubric: Rubric) -> Iterator[Problem]:
    pointer = f"/items/{place}"
    if isinstance(item, DialogueItem):
        speakers = {turn.speaker for turn in item.turns}
        if absent := [name for name in item.speakers if name not in speakers]:
            yield Problem(f"{pointer}/speakers", f"{absent!r} never speak: choose from {sorted(speakers)!r}")
        elif item.judge == "each_turn":
            yield Problem(f"{pointer}/judge", "'each_turn' is heard utterance by utterance: expand the item first")
    names = {part.name for part in rubric.dimensions}
    for name in sorted(set(item.human) - names):
        yield Problem(f"{pointer}/human/{name}", f"the rubric has no dimension {name!r}: it has {sorted(names)!r}")


def _length_problems(
    items: Sequence[Item], persona_set: PersonaSet, rubric: Rubric, protocol: DebateProtocol, models: Sequence[Model]
) -> Iterator[Problem]:
    limits = [(model.context_tokens, model.spec) for model in models if model.context_tokens is not None]
    if not limits:
        return
    limit, spec = min(limits)
    cards = [persona_message(persona, protocol.anchor, persona.id) for persona in persona_set.personas]
    card = max(estimate_tokens(part.content) for messages in cards for part in messages)
    for place, item in enumerate(items):
        opening = Opening(item, pair_rubric(rubric) if isinstance(item, PairItem) else rubric)
        prompt = sum(estimate_tokens(message.content) for message in opening.messages) + card + _TASK_TOKENS
        if prompt + OUTPUT_TOKENS_MAX > limit:
            yield Problem(
                f"/items/{place}",
                f"{item.id!r} needs about {prompt} tokens and {OUTPUT_TOKENS_MAX} for the reply, but {spec!r} takes "
                f"{limit}: shorten its sources or choose a model with a longer context",
            )
