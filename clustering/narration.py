"""A stakeholder's own words without the narrator's: `"We wait," said Ingrid.` to `We wait`."""

from __future__ import annotations

import re
from itertools import pairwise

from clustering.voice import FIRST_PERSON

SPOKEN_WORDS_MIN = 4
_MARKS = re.compile(r"[\"“”«»]")
_EDGE = ' \t\n"“”«»'


def spoken_part(text: str) -> tuple[int, int]:
    """Bounds of what is said in a statement, `text[start:end]`; the whole of it where nobody narrates.

    A part in quotation marks stands for the whole where the first person occurs inside of it and nowhere outside:
    a speaker who quotes somebody else keeps their own words. Of an interrupted speech the longest part stays.
    """
    parts = _spoken_parts(text)
    outside = _without(text, parts)
    parts = [
        (left, right)
        for left, right in parts
        if len(text[left:right].split()) >= SPOKEN_WORDS_MIN and FIRST_PERSON.search(text[left:right])
    ]
    if not parts or FIRST_PERSON.search(outside):
        return _trimmed(text, 0, len(text)) if _is_wrapped(text) else (0, len(text))
    left, right = max(parts, key=lambda part: (part[1] - part[0], -part[0]))
    narrated = right < len(text.rstrip(_EDGE + ".")) or left > len(text) - len(text.lstrip(_EDGE))
    left, right = _trimmed(text, left, right)
    return (left, right - 1) if narrated and text[right - 1] == "," else (left, right)


def _spoken_parts(text: str) -> list[tuple[int, int]]:
    """What stands between quotation marks; a mark that never opened or closes begins or ends with the text."""
    marks = [found.start() for found in _MARKS.finditer(text)]
    if not marks:
        return []
    opens = [_opens(text, mark) for mark in marks]
    bounds = list(zip(marks, opens, strict=True))
    if not opens[0]:
        bounds.insert(0, (-1, True))
    if bounds[-1][1]:
        bounds.append((len(text), False))
    return [(first + 1, last) for (first, begins), (last, closes) in pairwise(bounds) if begins and not closes]


def _opens(text: str, mark: int) -> bool:
    if text[mark] in "“«":
        return True
    return (
        text[mark] == '"'
        and (mark == 0 or text[mark - 1].isspace() or text[mark - 1] in "([—–-")
        and (mark + 1 < len(text) and not text[mark + 1].isspace())
    )


def _without(text: str, parts: list[tuple[int, int]]) -> str:
    outside, end = "", 0
    for left, right in parts:
        outside += text[end:left] + " "
        end = right
    return outside + text[end:]


def _is_wrapped(text: str) -> bool:
    """A single mark at an edge, whose other half lies in the statement before or after."""
    marks = len(_MARKS.findall(text))
    return marks == 1 and (text[:1] in _EDGE or text[-1:] in _EDGE)


def _trimmed(text: str, left: int, right: int) -> tuple[int, int]:
    while left < right and text[left] in _EDGE:
        left += 1
    while right > left and text[right - 1] in _EDGE:
        right -= 1
    return left, right
