"""Whether a quote stands where it is said to stand: exact, normalised or fuzzy, decided in code."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import ScoreAlignment

from agents.material import Place
from agents.transcript import Evidence

QUOTE_CHARACTERS_MIN = 12
"""Shorter quotes stand in any text by chance, and prove nothing."""
FUZZY_CHARACTERS_MIN = 25
FUZZY_RATIO_MIN = 92.0
"""Of rapidfuzz's partial ratio: a slip of the pen in a sentence, not another sentence."""
_NEGATION = re.compile(r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|[a-z]+n't)\b")
_UNIFIED = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\u00a0": " "})
_FIRST = {
    "output": ("output", "output_a", "output_b", "dialogue"),
    "source": ("source", "knowledge", "reference", "instruction"),
    "persona": ("excerpt", "persona"),
    "transcript": ("turn",),
}


class _Folded(NamedTuple):
    text: str
    origins: tuple[int, ...]
    """Where each folded character stood."""


class _Found(NamedTuple):
    status: Literal["exact", "normalised", "fuzzy"]
    start: int
    end: int


def verify_quote(quote: str, claimed_from: str, places: Sequence[Place]) -> Evidence:
    """The quote as `Evidence`, with where it was found; `start:end` slices the place's text.

    The claimed place is searched first, then all others; exact beats normalised (case, white space, quotation marks,
    dashes, Unicode form), and that beats fuzzy (at least 92 % alike, denying the same). Quotes under 12 characters are unverified.
    """
    if len(quote.strip()) >= QUOTE_CHARACTERS_MIN:
        claimed = _FIRST.get(claimed_from, ())
        ranked = sorted(places, key=lambda place: place.name.split(":")[0] not in claimed)
        for search in (_exact, _normalised, _fuzzy):
            for place in ranked:
                found = search(quote.strip(), place.text)
                if found is not None:
                    return Evidence(
                        quote=quote,
                        claimed_from=claimed_from,
                        status=found.status,
                        found_in=place.name,
                        start=found.start,
                        end=found.end,
                    )
    return Evidence(quote=quote, claimed_from=claimed_from, status="unverified")


def _exact(quote: str, text: str) -> _Found | None:
    start = text.find(quote)
    return _Found("exact", start, start + len(quote)) if start >= 0 else None


def _normalised(quote: str, text: str) -> _Found | None:
    wanted = fold(quote).text.strip(" .,;:!?\"'")
    folded = fold(text)
    start = folded.text.find(wanted) if len(wanted) >= QUOTE_CHARACTERS_MIN else -1
    return _spanned("normalised", folded, start, start + len(wanted)) if start >= 0 else None


def _fuzzy(quote: str, text: str) -> _Found | None:
    wanted, folded = fold(quote).text, fold(text)
    if not FUZZY_CHARACTERS_MIN <= len(wanted) <= len(folded.text):
        return None  # rapidfuzz would look for the shorter text in the longer one, here the wrong way round
    aligned = fuzz.partial_ratio_alignment(wanted, folded.text, score_cutoff=FUZZY_RATIO_MIN)
    if aligned is None or _negations(wanted) != _negations(_whole_words(folded.text, aligned)):
        return None
    return _spanned("fuzzy", folded, aligned.dest_start, aligned.dest_end)


def _whole_words(text: str, aligned: ScoreAlignment) -> str:
    """The aligned part with the words that it cuts at either end."""
    start = text.rfind(" ", 0, aligned.dest_start + 1) + 1
    end = text.find(" ", max(start, aligned.dest_end - 1))
    return text[start : end if end >= 0 else len(text)]


def _negations(folded: str) -> Counter[str]:
    """How often each sort of denial stands in a folded text: a quote that drops one or adds one says the opposite."""
    return Counter("n't" if word.endswith("n't") else word for word in _NEGATION.findall(folded))


def _spanned(status: Literal["normalised", "fuzzy"], folded: _Folded, start: int, end: int) -> _Found:
    return _Found(status, folded.origins[start], folded.origins[max(start, end - 1)] + 1)


@lru_cache(maxsize=512)
def fold(text: str) -> _Folded:
    """The text in one case, one Unicode form, one kind of space, quotation mark and dash."""
    made: list[str] = []
    origins: list[int] = []
    for place, character in enumerate(text):
        folded = unicodedata.normalize("NFKC", character.translate(_UNIFIED)).translate(_UNIFIED).casefold()
        for part in folded:
            part = " " if part.isspace() else part
            if part == " " and (not made or made[-1] == " "):
                continue
            made.append(part)
            origins.append(place)
    return _Folded("".join(made), tuple(origins))
