"""Perspectives without a model: who speaks in a document, and their own words with where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from clustering.cast import Cast
from clustering.document import Document, Span
from clustering.mentions import (
    Frame,
    Mention,
    affects_somebody,
    find_mention,
    label_role,
    names_machines_too,
    speaker_label,
)
from clustering.narration import spoken_part
from clustering.passages import Block, read_blocks, split_sentences
from clustering.voice import FIRST_PERSON, takes_a_stance, voice

STATEMENT_CHARACTERS_MAX = 320
"""Sentences of one speaker are joined up to this length: two or three sentences make one point."""
VOICE_MIN = {Frame.ROLE_PHRASE: 0.25, Frame.SELF: 0.3, Frame.LABEL: 0.3, Frame.REPORTED: 0.25, None: 0.55}
"""The weaker the frame that names the speaker, the more the words themselves must speak."""
SHORT_DOCUMENT_CHARACTERS = 500
"""A first-person document up to this length is one statement."""

AUTHOR = "author of the documents"
"""Who "we" is in a proposal that names nobody else: those who wrote it."""
_PROPOSES = re.compile(
    r"\b(?:we\s+propose|(?:this|the)\s+(?:proposal|specification|enhancement|design|rfc|[pkj]ep)\b|proposed\s+(?:change|solution|design))\b",
    re.IGNORECASE,
)

Origin = Literal["role_phrase", "self", "label", "reported", "authors", "unattributed", "model", "given"]


class Perspective(BaseModel):
    """What one stakeholder cares about, with its verbatim evidence: `span` slices back to exactly `quote`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stakeholder: str | None
    """Canonical role; None where the words only show it."""
    characteristics: str = ""
    """One sentence on the stakeholder; only a model writes it."""
    concern: str
    """What they care about: the quote without the phrase that names its speaker, or a model's sentence."""
    quote: str
    span: Span
    origin: Origin
    voice: float = Field(ge=0, le=1)
    """How much the quote speaks, see `clustering.voice`."""
    match: Literal["exact", "normalised", "fuzzy"] = "exact"
    """How a model's quote was found in the document; an extracted one is exact by construction."""
    match_score: float = 100.0
    """Similarity of the model's wording to the document's, 0 to 100."""
    headings: tuple[str, ...] = ()


PROPOSALS_MIN = 3
"""A document that calls itself a proposal this often is one: "I" in it is its author too, outside of its stories."""
_BYLINE = re.compile(r"^[ \t:*_-]*(?:authors?|editors?|owners?)[*_]*:", re.IGNORECASE | re.MULTILINE)
_BYLINE_CHARACTERS = 1500
_STORIES = re.compile(r"\b(?:stor(?:y|ies)|use[- ]?cases?|scenarios?|interviews?|feedback)\b", re.IGNORECASE)
_WISHES = re.compile(r"\b(?:wants?|would\s+like|wishes|prefers?|hopes?)\b")
_OBLIGES = re.compile(r"\bneed(?:s|ed)?\s+to\b", re.IGNORECASE)
_OFTEN_NEEDS = re.compile(r"\b(?:often|always|sometimes|usually|typically|frequently|still)\s+need", re.IGNORECASE)

_AUTHORS = re.compile(r"(?:[pkj]ep |proposal |document )?authors?")
UNATTRIBUTED_PLURAL_VOICE_MIN = 0.8
"""A bare "we" is mostly the document's authors describing their plan; it takes more to be heard than an "I"."""
_SINGULAR = re.compile(r"\b(?:I|[Mm]y|me|myself)\b")


_OWN_FRAMES = (Frame.ROLE_PHRASE, Frame.SELF)


@dataclass(slots=True)
class _Statement:
    start: int
    end: int
    mention: Mention | None
    role: str | None
    frame: Frame | None
    headings: tuple[str, ...]


@dataclass(slots=True)
class _Speaker:
    """Whom the words belong to until somebody else speaks."""

    role: str
    frame: Frame
    headings: tuple[str, ...] | None
    """Valid under these headings only; None for the rest of the document."""


def extract_perspectives(document: Document) -> list[Perspective]:
    """The statements of a document that somebody makes: named, self-described, reported or in the first person.

    Ordered as they stand. Procedure text is left out by its low `voice`. Never raises; may be empty.
    """
    whole = _whole_document(document)
    if whole is not None:
        return [whole]
    proposes = len(_PROPOSES.findall(document.text))
    if proposes and _BYLINE.search(document.text[:_BYLINE_CHARACTERS]):
        proposes = max(proposes, PROPOSALS_MIN)
    found = [_perspective(document, one, proposes) for one in _statements(document, proposes >= PROPOSALS_MIN)]
    return [one for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class Turn:
    """Where somebody is taken to speak: `document.text[start:end]`."""

    start: int
    end: int
    stakeholder: str | None
    """Canonical role, as in `Perspective`."""
    frame: Frame | None
    """How these words themselves name the speaker; None where they do not."""


def speaking_turns(document: Document) -> list[Turn]:
    """Who speaks where, statement by statement, whether or not the statement says anything that matters."""
    whole = _whole_document(document)
    proposal = whole is None and len(_PROPOSES.findall(document.text)) >= PROPOSALS_MIN
    turns = [
        Turn(one.start, one.end, one.role, one.mention.frame if one.mention else None)
        for one in _statements(document, proposal)
    ]
    if whole is not None and len({turn.stakeholder for turn in turns if turn.stakeholder}) <= 1:
        return [replace(turn, stakeholder=whole.stakeholder) for turn in turns]
    return turns


def _whole_document(document: Document) -> Perspective | None:
    """A short text by one voice (an answer, a journal entry, a comment) as one statement."""
    start, end = _trim(document.text)
    text = document.text[start:end]
    if not text or len(text) > SHORT_DOCUMENT_CHARACTERS or "\n#" in f"\n{text}":
        return None
    found = [(left, find_mention(text[left:right])) for left, right in split_sentences(text, 0, len(text))]
    mentions = [(left, mention) for left, mention in found if mention]
    own = [pair for pair in mentions if pair[1].frame in _OWN_FRAMES]
    mentions = own or mentions  # whom somebody tells about does not speak beside them
    given = _record_role(document)
    if len({mention.role for _, mention in mentions}) > 1 and not given:
        return None
    if not (mentions or given or FIRST_PERSON.search(text)):
        return None
    left, mention = mentions[0] if mentions else (0, None)
    spoken = text[left + mention.end :] if mention and left == 0 and mention.frame is Frame.ROLE_PHRASE else text
    origin: Origin = "label" if given else mention.frame.value if mention else "unattributed"
    return Perspective(
        stakeholder=given or (mention.role if mention else None), concern=" ".join(spoken.split()) or text, quote=text,
        span=Span(document_id=document.id, start=start, end=end), origin=origin, voice=max(voice(text), 0.3),
    )  # fmt: skip


def _record_role(document: Document) -> str | None:
    for field in ("role", "stakeholder", "speaker", "job", "profession", "occupation"):
        if document.metadata.get(field):
            return label_role(document.metadata[field]) or " ".join(document.metadata[field].lower().split())
    return None


def _perspective(document: Document, statement: _Statement, proposes: int) -> Perspective | None:
    quote = document.text[statement.start : statement.end]
    score = voice(quote)
    if score < VOICE_MIN[statement.frame] or not (_names_itself(statement) or FIRST_PERSON.search(quote)):
        return None
    if statement.frame is None and score < UNATTRIBUTED_PLURAL_VOICE_MIN and not _SINGULAR.search(quote):
        return None
    if proposes and statement.frame is Frame.REPORTED and _prescribes(statement, quote):
        return None
    authors = _by_its_authors(statement, quote, proposes)
    left, right = spoken_part(quote)
    spoken = quote[left:right]
    concern = spoken
    if statement.mention and statement.mention.frame is Frame.ROLE_PHRASE and left < statement.mention.end < right:
        concern = quote[statement.mention.end : right]
    return Perspective(
        stakeholder=AUTHOR if authors else statement.role, concern=" ".join(concern.split()) or spoken, quote=spoken,
        span=Span(document_id=document.id, start=statement.start + left, end=statement.start + right),
        origin="authors" if authors else statement.frame.value if statement.frame else "unattributed", voice=score, headings=statement.headings,
    )  # fmt: skip


def _prescribes(statement: _Statement, quote: str) -> bool:
    """Whether a proposal says what somebody, or some program, will have to do, rather than what they want."""
    assert statement.role is not None
    if statement.mention and statement.mention.by_name:
        return False
    wishes = bool(_WISHES.search(quote)) and _among_stories(statement.headings)
    if not (wishes or takes_a_stance(quote) or affects_somebody(quote)):
        return True
    return names_machines_too(statement.role) or bool(_OBLIGES.search(quote) and not _OFTEN_NEEDS.search(quote))


def _by_its_authors(statement: _Statement, quote: str, proposes: int) -> bool:
    """Whether a proposal's authors speak: as "we", as "the PEP authors", or as an "I" outside of anybody's story."""
    if statement.frame is Frame.REPORTED and proposes:
        return bool(_AUTHORS.fullmatch(statement.role or ""))
    goes_on = statement.frame is not None and statement.mention is None and proposes >= PROPOSALS_MIN
    if not proposes or (statement.frame is not None and not goes_on):
        return False
    if not _SINGULAR.search(quote):
        return (
            True  # also after "As a cluster operator, I …": where the proposal goes on with "we", it is its own voice
        )
    return proposes >= PROPOSALS_MIN and not _among_stories(statement.headings)


def _among_stories(headings: tuple[str, ...]) -> bool:
    return any(_STORIES.search(title) for title in headings)


def _statements(document: Document, proposal: bool) -> Iterator[_Statement]:
    """proposal: whether headings name speakers only among stories, and "I am a …" speaks for its own paragraph."""
    speaker = _document_speaker(document)
    blocks = read_blocks(document.text)
    several = proposal or len(_self_described(document.text, blocks)) > 1
    open_end: _Statement | None = None
    cast = Cast()
    for block in blocks:
        speaker = _speaker_of(block, document, speaker, proposal)
        for statement in _block_statements(document.text, block, speaker, cast):
            if statement.frame in (Frame.ROLE_PHRASE, Frame.SELF) and statement.mention:
                speaker = _after(statement, block, several, speaker)
            if open_end and _continues(document.text, open_end, statement):
                open_end.end = statement.end
                continue
            if open_end:
                yield open_end
            open_end = statement
    if open_end:
        yield open_end


def _self_described(text: str, blocks: list[Block]) -> set[str]:
    """The roles in which somebody in the document describes themselves."""
    found = (find_mention(text[left:right]) for block in blocks for left, right in split_sentences(text, *block[:2]))
    return {mention.role for mention in found if mention and mention.frame is Frame.SELF}


def _after(statement: _Statement, block: Block, several: bool, before: _Speaker | None) -> _Speaker | None:
    """Who goes on speaking in the next block.

    "As a nurse, I …" speaks for its section. "I am a nurse" speaks for the whole document if it is its only voice,
    and for its own paragraph where several people describe themselves.
    """
    assert statement.mention is not None
    if statement.frame is Frame.SELF and several:
        return before if before and before.frame is Frame.LABEL else None
    scope = block.headings if statement.frame is Frame.ROLE_PHRASE else None
    return _Speaker(statement.mention.role, statement.mention.frame, scope)


def _continues(text: str, before: _Statement, after: _Statement) -> bool:
    """Whether a sentence left open ("I want to:") goes on in the next list item."""
    if after.mention or after.headings != before.headings or after.end - before.start > STATEMENT_CHARACTERS_MAX + 80:
        return False
    opened = text[before.start : before.end].rstrip("*_ ")
    return before.frame is Frame.ROLE_PHRASE and (
        opened.endswith((":", ",", " to", " and"))
        or (":\n" in text[before.start : before.end] and not opened.endswith("."))
    )


def _document_speaker(document: Document) -> _Speaker | None:
    role = _record_role(document) or label_role(document.title)
    return _Speaker(role, Frame.LABEL, None) if role else None


def _speaker_of(block: Block, document: Document, speaker: _Speaker | None, proposal: bool) -> _Speaker | None:
    if speaker and speaker.headings is not None and speaker.headings != block.headings:
        speaker = None
    telling = not proposal or _among_stories(block.headings)
    if telling and (speaker is None or speaker.frame is Frame.LABEL):
        for title in reversed(block.headings):
            if role := label_role(title, spoken=False):
                return _Speaker(role, Frame.LABEL, block.headings)
    return speaker if speaker else _document_speaker(document)


def _block_statements(text: str, block: Block, speaker: _Speaker | None, cast: Cast) -> Iterator[_Statement]:
    label = speaker_label(text[block.start : block.end])
    start = block.start + (label.end if label else 0)
    if label:
        speaker = _Speaker(label.role, Frame.LABEL, block.headings)
    joined: _Statement | None = None
    for left, right in split_sentences(text, start, block.end):
        statement = _statement(text, left, right, block, speaker, cast)
        if statement.mention and statement.frame in (Frame.ROLE_PHRASE, Frame.SELF):
            speaker = _Speaker(statement.mention.role, statement.frame, None)
        if joined and _joins(text, joined, statement):
            joined.end = right
            continue
        if joined:
            yield joined
        joined = statement
    if joined:
        yield joined


def _statement(text: str, left: int, right: int, block: Block, speaker: _Speaker | None, cast: Cast) -> _Statement:
    sentence = text[left:right]
    told, mention = cast.told(sentence), find_mention(sentence)
    if told and (mention is None or mention.frame is Frame.REPORTED):
        mention = told
    first_person = bool(FIRST_PERSON.search(sentence))
    if speaker and mention and mention.frame is Frame.REPORTED and first_person:
        mention = None  # "I see that patients want …" is the speaker's own view
    if mention:
        return _Statement(left, right, mention, mention.role, mention.frame, block.headings)
    if speaker:
        return _Statement(left, right, None, speaker.role, speaker.frame, block.headings)
    return _Statement(left, right, None, None, None, block.headings)


def _joins(text: str, before: _Statement, after: _Statement) -> bool:
    if after.mention or before.role is None or after.role != before.role:
        return False
    return after.end - before.start <= STATEMENT_CHARACTERS_MAX


def _names_itself(statement: _Statement) -> bool:
    return statement.mention is not None


def _trim(text: str) -> tuple[int, int]:
    start = len(text) - len(text.lstrip())
    return start, len(text.rstrip())
