"""The judged texts with every quoted passage anchored, so that an exported page leads from a quote to where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from service.pages.views.material import Material

_PLAIN = re.compile(r"[^A-Za-z0-9-]+")


class QuotedRange(NamedTuple):
    """Characters `start` to `end` of one text of the item."""

    part: str
    start: int
    end: int

    @property
    def anchor(self) -> str:
        return f"passage-{_PLAIN.sub('-', self.part)}-{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that is quoted from its first to its last character, or not at all."""

    text: str
    quoted: bool
    anchors: tuple[str, ...]
    """Of the passages that begin here."""


@dataclass(frozen=True, slots=True)
class QuotedText:
    """One text of the item, cut where a passage begins or ends."""

    anchor: str
    title: str
    pieces: tuple[Piece, ...]


class _Placed(NamedTuple):
    """A range in the whole text that holds it."""

    start: int
    end: int
    anchor: str


def quoted_text(material: Material, ranges: Iterable[QuotedRange]) -> QuotedText:
    """The whole text; ranges of other texts, and those that do not lie in this one, are left out."""
    own = sorted({placed for one in ranges if (placed := _placed(material, one))})
    cuts = sorted({0, len(material.text), *(one.start for one in own), *(one.end for one in own)})
    pieces = tuple(
        Piece(
            text=material.text[start:end],
            quoted=any(one.start <= start and end <= one.end for one in own),
            anchors=tuple(one.anchor for one in own if one.start == start),
        )
        for start, end in pairwise(cuts)
    )
    return QuotedText(f"text-{_PLAIN.sub('-', material.part)}", material.title, pieces)


def _placed(material: Material, quoted: QuotedRange) -> _Placed | None:
    offset = material.offset(quoted.part)
    if offset is None or not 0 <= quoted.start < quoted.end <= len(material.text) - offset:
        return None
    return _Placed(offset + quoted.start, offset + quoted.end, quoted.anchor)
