"""Demographics that documents state of those who speak in them; nothing is inferred, and doubt leaves a value out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from clustering.document import Document, Span
from clustering.duplicates import said_alike
from clustering.evidence import find_quote
from clustering.mentions import Frame
from clustering.passages import split_sentences
from clustering.persona import Persona, PersonaSet, Provenance
from clustering.perspectives import Perspective, Turn, speaking_turns
from clustering.stated import Attribute, find_stated, supports
from clustering.voice import FIRST_PERSON
from clustering.wording import head_noun, singular

_FIELDS: dict[Attribute, tuple[str, ...]] = {
    "age": ("age",),
    "gender": ("gender", "sex"),
    "place": ("place", "location", "residence", "city", "town", "region", "country"),
    "occupation": ("occupation", "profession", "job"),
    "experience": ("experience", "years_of_experience"),
    "education": ("education",),
    "family": ("family", "marital_status"),
    "language": ("language", "native_language"),
}
"""Fields of a csv or jsonl row that state an attribute of whoever speaks in it."""
VALUE_CHARACTERS_MAX = 80
MAY_BIAS = "demographics_may_bias"
"""Warning code: the card tells who somebody is, and scores may follow that instead of the material."""
FIELD = "demographics"
_ANYBODY = frozenset({"woman", "man", "person", "people", "girl", "boy", "lady", "adult"})
"""Who somebody is called may say no more than that they are one."""

_PARAGRAPH_CHARACTERS = 5000
"""How far around a value quotation marks are counted."""

Speaker = tuple[str, str | None]
"""A document's id and a canonical role: who speaks, as far as the documents tell speakers apart."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a document states of one of its speakers."""

    attribute: Attribute
    value: str
    """The document's own words."""
    speaker: Speaker
    span: Span | None
    """The sentence that states it; None for a field of the row, which the user gave."""


def said_of_themselves(documents: Sequence[Document]) -> list[Stated]:
    """What speakers say of themselves in plain words, in document order.

    Only the first person counts ("I am a 54-year-old nurse"): not what is said of others, nor what is supposed, denied
    or quoted.
    """
    return [one for document in documents for one in _said(document)]


def _said(document: Document) -> Iterator[Stated]:
    text, turns = document.text, speaking_turns(document)
    only = _only_self_described(turns)
    for turn in turns:
        for start, end in split_sentences(text, turn.start, turn.end):
            span = Span(document_id=document.id, start=start, end=end)
            for one in find_stated(text[start:end]):
                if turn.frame is not Frame.SELF and _inside_quotation(text, start + one.start):
                    continue
                value = " ".join(text[start + one.start : start + one.end].split())
                speaker = turn.stakeholder if _is_named(turn) or only is None else only
                yield Stated(one.attribute, value, (document.id, speaker), span)


def _only_self_described(turns: Sequence[Turn]) -> str | None:
    """The role of the only one who speaks, where they name it themselves ("I am a nurse"): they spoke before, too."""
    frames = {turn.frame for turn in turns if turn.frame}
    roles = {turn.stakeholder for turn in turns if _is_named(turn)}
    return roles.pop() if len(roles) == 1 and Frame.SELF in frames <= {Frame.SELF, Frame.ROLE_PHRASE} else None


def _is_named(turn: Turn) -> bool:
    """Whether the speaker is called more than "a woman"."""
    return turn.stakeholder is not None and head_noun(turn.stakeholder) not in _ANYBODY


def _inside_quotation(text: str, position: int) -> bool:
    """Whether a quotation is open there that is not the whole paragraph: somebody else may be quoted."""
    start = max(text.rfind("\n\n", 0, position) + 1, position - _PARAGRAPH_CHARACTERS)
    before = text[start : position + 1]
    if before.count("“") + before.count("«") <= before.count("”") + before.count("»") and before.count('"') % 2 == 0:
        return False
    end = text.find("\n\n", position, position + _PARAGRAPH_CHARACTERS)
    paragraph = text[start : end if end >= 0 else position + _PARAGRAPH_CHARACTERS].strip()
    return not (paragraph[:1] in '“«"' and paragraph[-1:] in '”»"' and not set(paragraph[1:-1]) & set('“”«»"'))


def rows_state(documents: Sequence[Document], perspectives: Sequence[Perspective]) -> list[Stated]:
    """What the fields of csv and jsonl rows say of the only one who speaks in each; nothing where several do."""
    speakers: dict[str, set[str | None]] = {}
    for one in perspectives:
        speakers.setdefault(one.span.document_id, set()).add(one.stakeholder)
    found = []
    for document in documents:
        if len(speakers.get(document.id, ())) == 1:
            (role,) = speakers[document.id]
            found += [Stated(name, told, (document.id, role), None) for name, told in _fields(document)]
    return found


def _fields(document: Document) -> Iterator[tuple[Attribute, str]]:
    for attribute, names in _FIELDS.items():
        told = next((told for name in names if (told := " ".join(document.metadata.get(name, "").split()))), "")
        if told and len(told) <= VALUE_CHARACTERS_MAX:
            yield attribute, told


class Claim(NamedTuple):
    """What a model says that a document states of a stakeholder."""

    attribute: Attribute
    value: str
    quote: str
    stakeholder: str
    """Canonical role."""


def verified(claim: Claim, document: Document, start: int, end: int, turns: Sequence[Turn]) -> Stated | None:
    """A model's claim, checked in code; None where the document does not bear it out.

    The quote must stand in `document.text[start:end]` word for word (a fuzzy match would let another number through),
    be said by the stakeholder or name it, and state the value in its own words. turns: who speaks where in the document.
    """
    match = find_quote(claim.quote, document.text, start, end)
    if match is None or match.kind == "fuzzy" or len(claim.value) > VALUE_CHARACTERS_MAX:
        return None
    words = document.text[match.start : match.end]
    place = supports(words, claim.attribute, claim.value)
    if place is None or not _is_of(claim.stakeholder, words, match.start, turns):
        return None
    span = Span(document_id=document.id, start=match.start, end=match.end)
    value = " ".join(words[place[0] : place[1]].split())
    return Stated(claim.attribute, value, (document.id, claim.stakeholder), span)


def _is_of(stakeholder: str, words: str, position: int, turns: Sequence[Turn]) -> bool:
    """Whether the words name the stakeholder, or are said in the first person by nobody who is known as another."""
    head = head_noun(stakeholder)
    if head in {singular(word) for word in re.findall(r"[\w-]+", words)}:
        return True
    if not FIRST_PERSON.search(words):
        return False
    speaker = next((turn.stakeholder for turn in turns if turn.start <= position < turn.end), None)
    return speaker is None or head_noun(speaker) in {head, *_ANYBODY}


def with_demographics(
    persona_set: PersonaSet, perspectives: Sequence[Perspective], stated: Sequence[Stated]
) -> PersonaSet:
    """The set with what is stated of its speakers: of a persona, by those whose words stand on its card.

    A statement that others repeat ("I am 51 and …", "I am 52 and …") stands there for all of them. Where they differ
    (one is 31, another 54) the persona has no value: it is no average. Statistics count both.
    """
    by_speaker: dict[Speaker, list[Stated]] = {}
    for one in stated:
        by_speaker.setdefault(one.speaker, []).append(one)
    speakers = {
        same[0].span: [(one.span.document_id, one.stakeholder) for one in same] for same in said_alike(perspectives)
    }
    personas, differing = [], 0
    for persona in persona_set.personas:
        shown = [one.span for one in persona.excerpts if one.span in speakers]
        spoken = dict.fromkeys(speaker for span in shown for speaker in speakers[span])
        agreed, different = _agreed([told for speaker in spoken for told in by_speaker.get(speaker, ())])
        personas.append(_described(persona, agreed))
        differing += different
    own = {
        span: {
            one.attribute: one.value for one in _agreed([told for who in all_ for told in by_speaker.get(who, ())])[0]
        }
        for span, all_ in speakers.items()
    }
    points = tuple(
        point.model_copy(update={FIELD: own[point.span]}) if point.span and own.get(point.span) else point
        for point in persona_set.map
    )
    figures = {
        "demographics_stated": sum(len(one.demographics) for one in personas),
        "demographics_differing": differing,
    }
    return persona_set.model_copy(
        update={
            "personas": tuple(personas), "map": points, "statistics": persona_set.statistics | figures,
            "warnings": warned(persona_set.warnings, personas),
        }
    )  # fmt: skip


def _agreed(told: Sequence[Stated]) -> tuple[list[Stated], int]:
    """One statement for every value that nobody contradicts, and how many attributes somebody does."""
    by_attribute: dict[str, list[Stated]] = {}
    for one in told:
        by_attribute.setdefault(one.attribute, []).append(one)
    same = [every for every in by_attribute.values() if len({one.value.casefold() for one in every}) == 1]
    return [one for every in same for one in every], len(by_attribute) - len(same)


def _described(persona: Persona, agreed: Sequence[Stated]) -> Persona:
    if not agreed:
        return persona
    values: dict[str, str] = {}
    spans: dict[str, list[Span]] = {}
    for one in agreed:
        values.setdefault(one.attribute, one.value)
        spans.setdefault(one.attribute, []).extend([one.span] if one.span else [])
    origins = {
        f"{FIELD}.{name}": Provenance(kind="document" if found else "given", spans=tuple(dict.fromkeys(found)))
        for name, found in spans.items()
    }
    return persona.model_copy(
        update={
            FIELD: values, "provenance": {**persona.provenance, **origins},
            "warnings": warned(persona.warnings, [values]),
        }
    )  # fmt: skip


def warned(warnings: Sequence[str], cards: Sequence[Persona | dict[str, str]]) -> tuple[str, ...]:
    """The warnings, with the one about demographics where any card has some, and only there."""
    has = any(one.demographics if isinstance(one, Persona) else one for one in cards)
    return (*(one for one in warnings if one != MAY_BIAS), *((MAY_BIAS,) if has else ()))
