"""What an item offers to talk about: its claims, how far the material carries each, and what of the material is missing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from llm.simulated.features import words
from llm.simulated.reading import Scene, sentences

SUPPORTED_FROM = 0.5
"""Share of a claim's words that stand in the material."""
_KEPT_FROM, _MISSED_BELOW = 0.6, 0.3
"""Share of a sentence's words that stand in the judged text."""
_NEAR_FROM = 0.2
"""Share of a claim's words that a sentence must hold to be called near it."""
_WORDS_MIN = 4
"""Of content: a shorter sentence is not worth being missed."""
_OFFERED_MAX = 12
"""Sentences of the material that are kept to be spoken of."""
_SHOWN_MAX, _SHORT_MAX = 84, 48
_CLAUSES_FROM = 60
"""Characters of an utterance that is quoted clause by clause."""
_CLAUSE_END = re.compile(r"\s*[,;:]\s+")
_CLAUSE_WORDS_MIN = 4
_INNER = str.maketrans("“”", "‘’")


class Passage(NamedTuple):
    """A sentence of the item."""

    text: str
    """Verbatim."""
    shown: str
    """Its beginning, to be set between quotation marks."""
    short: str
    """Its first words, where it is known already."""
    place: str
    """`output`, which of a pair's, `dialogue` or `source`."""
    support: float
    """Share of its words that stand in the material; of the material's own sentences 1."""
    near: Passage | None
    """The sentence of the material that shares most of its words; None where none shares enough."""


class Grounds(NamedTuple):
    """All that can be said about an item with a quote beside it."""

    claims: tuple[Passage, ...]
    """What the judged text says, its questions last."""
    kept: tuple[Passage, ...]
    """Sentences of the material that the judged text takes up."""
    missed: tuple[Passage, ...]
    """Sentences of the material that it leaves out, the first ones first."""
    asked: Passage | None
    """What it answers: the end of what was said or asked before it."""
    whole: str
    """The item on one line, as quotes of it are shown."""


def grounds_of(scene: Scene) -> Grounds:
    """The grounds of a scene's item, kept for the next question about it."""
    judged = tuple((part.kind, part.text) for part in scene.found if part.kind in ("output", "output_a", "output_b"))
    dialogue = tuple(scene.texts("dialogue"))
    asked = tuple(scene.texts("instruction")) or tuple(text.rstrip().rpartition("\n")[2] for text in dialogue[-1:])
    judged = judged or tuple(("dialogue", text) for text in dialogue)
    return _grounds(judged, tuple(scene.texts("source", "knowledge", "instruction")), asked, dialogue)


def shown(text: str, characters: int = _SHOWN_MAX) -> str:
    """The beginning of a text in whole words, on one line, to be set between quotation marks in a sentence."""
    text = " ".join(text.split()).translate(_INNER)
    if len(text) > characters:
        return text[:characters].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"
    return text.rstrip(" .")


@lru_cache(maxsize=256)
def _grounds(
    judged: tuple[tuple[str, str], ...], material: tuple[str, ...], asked: tuple[str, ...], dialogue: tuple[str, ...]
) -> Grounds:
    given = [(_given(sentence), frozenset(words(sentence))) for sentence in sentences(material)]
    every = frozenset(word for _, own in given for word in own)
    said = frozenset(word for _, whole in judged for word in words(whole))
    shares = [(passage, len(own & said) / len(own)) for passage, own in given if len(own) >= _WORDS_MIN]
    questions = sentences(asked)
    return Grounds(
        tuple(
            _claim(text, place, given, every) for place, whole in judged for text in _told(whole, spoken=bool(dialogue))
        ),
        tuple(passage for passage, share in shares if share >= _KEPT_FROM)[:_OFFERED_MAX],
        tuple(passage for passage, share in shares if share < _MISSED_BELOW)[:_OFFERED_MAX],
        _given(questions[-1]) if questions else None,
        " ".join(" ".join((*material, *dialogue, *(text for _, text in judged))).split()).translate(_INNER),
    )


def _told(text: str, *, spoken: bool) -> list[str]:
    """What a text says, sentence by sentence and its questions last; what is spoken, clause by clause; or else all of it."""
    found = sorted(sentences([text]), key=lambda sentence: sentence.endswith("?"))
    if spoken:
        found = [clause for sentence in found for clause in _clauses(sentence)]
    return found or [text.strip()][: bool(text.strip())]


def _clauses(sentence: str) -> list[str]:
    if len(sentence) < _CLAUSES_FROM:
        return [sentence]
    ends = [match.span() for match in _CLAUSE_END.finditer(sentence)]
    starts = [0, *(end for _, end in ends)]
    parts = [sentence[start:stop] for start, stop in zip(starts, [*(start for start, _ in ends), None], strict=True)]
    return [part for part in parts if len(part.split()) >= _CLAUSE_WORDS_MIN] or [sentence]


def _given(sentence: str) -> Passage:
    return Passage(sentence, shown(sentence), shown(sentence, _SHORT_MAX), "source", 1.0, None)


def _claim(text: str, place: str, given: list[tuple[Passage, frozenset[str]]], every: frozenset[str]) -> Passage:
    own = frozenset(words(text))
    if not own or not given:
        return Passage(text, shown(text), shown(text, _SHORT_MAX), place, 0.6, None)  # nothing speaks against it
    nearest, shared = max(((passage, len(own & its)) for passage, its in given), key=lambda entry: entry[1])
    support, near = len(own & every) / len(own), nearest if shared >= _NEAR_FROM * len(own) else None
    return Passage(text, shown(text), shown(text, _SHORT_MAX), place, support, near)
