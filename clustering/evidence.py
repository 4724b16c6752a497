"""Is a quote in the document? Exact, then normalised, then fuzzy; what is kept is always the document's own wording."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from rapidfuzz.fuzz import partial_ratio_alignment

FUZZY_SCORE_MIN = 90.0
"""Share of matching characters, in percent: a slip of the pen, not another sentence."""
QUOTE_CHARACTERS_MIN = 12
"""Shorter quotes match by chance."""
QUOTE_CHARACTERS_MAX = 1200

MatchKind = Literal["exact", "normalised", "fuzzy"]
_ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " "})
_OUTER = " \t\n\"'“”‘’«»*_.…"


class Match(NamedTuple):
    """Where a quote stands: `text[start:end]`, found how, how alike (0 to 100)."""

    start: int
    end: int
    kind: MatchKind
    score: float


def find_quote(quote: str, text: str, start: int = 0, end: int | None = None) -> Match | None:
    """The part of `text[start:end]` that a quote repeats; None where it is not there or too short to tell."""
    end = len(text) if end is None else end
    wanted = quote.strip(_OUTER)
    if not QUOTE_CHARACTERS_MIN <= len(wanted) <= QUOTE_CHARACTERS_MAX:
        return None
    position = text.find(wanted, start, end)
    if position >= 0:
        return Match(position, position + len(wanted), "exact", 100.0)
    return _normalised(wanted, text, start, end) or _fuzzy(wanted, text, start, end)


def _normalised(wanted: str, text: str, start: int, end: int) -> Match | None:
    """Found apart from white space, case, and the shape of quotation marks and dashes."""
    words = wanted.translate(_ALIKE).split()
    pattern = r"\s+".join(re.escape(word) for word in words)
    found = re.compile(pattern, re.IGNORECASE).search(text.translate(_ALIKE), start, end)
    return Match(found.start(), found.end(), "normalised", 100.0) if found else None


def _fuzzy(wanted: str, text: str, start: int, end: int) -> Match | None:
    if end - start < len(wanted) * 0.8:
        return None  # the longer of the two would be searched in the shorter
    found = partial_ratio_alignment(wanted, text[start:end], score_cutoff=FUZZY_SCORE_MIN)
    if found is None or found.dest_end - found.dest_start < 0.8 * len(wanted):
        return None
    left, right = _whole_words(text, start + found.dest_start, start + found.dest_end, start, end)
    return Match(left, right, "fuzzy", round(float(found.score), 1)) if right > left else None


def _whole_words(text: str, left: int, right: int, start: int, end: int) -> tuple[int, int]:
    while left > start and text[left - 1].isalnum() and text[left].isalnum():
        left -= 1
    while right < end and text[right].isalnum() and text[right - 1].isalnum():
        right += 1
    while left < right and text[left].isspace():
        left += 1
    while right > left and text[right - 1].isspace():
        right -= 1
    return left, right
