"""Documents into passages of whole sentences, with offsets that slice back to the exact text.

Markdown and plain text are read as blocks: headings become context, paragraphs and list items become passages;
code, tables, tables of contents and link definitions are left out, since nobody speaks in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from clustering.document import Document, Passage

PASSAGE_CHARACTERS_MAX = 600
"""Sentences are joined up to this length: about what the default embedding model reads (256 word pieces)."""

STRETCH_CHARACTERS_MAX = 20_000
"""The sentence splitter takes the square of a paragraph's length over a run of quotation marks; no paragraph is this long."""

_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(?P<title>.+?)[ \t#]*$")
_STORY_HEADING = re.compile(r"As\s+(?:an?|the)\s.+\b(?:I|[Ww]e)\s")
"""A heading that is what somebody says: "As a cluster administrator, I need to …"."""
_UNDERLINE = re.compile(r"^ {0,3}([=\-~^\"'*+#])\1{2,}[ \t]*$")
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\(?(?:\d{1,3}|[a-z]|#)[.)])[ \t]+(?:\[[ xX]\][ \t]+)?")
_FENCE = re.compile(r"^[ \t]*(?:[-*+][ \t]+)?(```+|~~~+)")
_QUOTE = re.compile(r"^[ \t]*>[ \t]?")
_COMMENT_START, _COMMENT_END = re.compile(r"<!--"), re.compile(r"-->")
_NOT_PROSE = re.compile(r"^[ \t]*(?:\||\.\. |\[[^\]]+\]:[ \t]|</?[a-zA-Z][^>]*>[ \t]*$|!\[)")
_LINK_ONLY = re.compile(r"^[ \t]*(?:[-*+]|\d+\.)?[ \t]*\[[^\]]*\]\([^)]*\)[ \t.]*$")
_LETTER = re.compile(r"[^\W\d_]")


class Block(NamedTuple):
    """A paragraph or list item: `text[start:end]`, under its headings."""

    start: int
    end: int
    headings: tuple[str, ...]


def split_passages(document: Document, *, characters_max: int = PASSAGE_CHARACTERS_MAX) -> list[Passage]:
    """The prose of a document as passages; whole sentences, none across a paragraph, in order.

    A passage is longer than `characters_max` only where one sentence is.
    """
    return [
        Passage(document_id=document.id, start=start, end=end, text=document.text[start:end], headings=block.headings)
        for block in read_blocks(document.text)
        for start, end in _joined(split_sentences(document.text, block.start, block.end), characters_max)
    ]


def split_sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Offsets of the sentences of `text[start:end]`, outer white space left out."""
    spans: list[tuple[int, int]] = []
    for first, last in _stretches(text, start, end):
        for left, right in _boundaries(text[first:last]):
            left, right = _trimmed(text, first + left, first + right)
            if right > left:
                spans.append((left, right))
    return spans


def _boundaries(part: str) -> Iterable[tuple[int, int]]:
    import sentencex

    if len(part) <= 40:  # too short to hold two sentences worth splitting
        return [(0, len(part))]
    return _offsets(part, sentencex.segment("en", part))


def _stretches(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The text in stretches that the splitter takes in its stride, cut after a sentence, else after a word."""
    while end - start > STRETCH_CHARACTERS_MAX:
        latest = start + STRETCH_CHARACTERS_MAX
        cut = text.rfind(". ", start, latest) + 2
        cut = cut if cut > start + 2 else text.rfind(" ", start, latest) + 1
        cut = cut if cut > start else latest
        yield start, cut
        start = cut
    yield start, end


def _offsets(part: str, sentences: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where each sentence lies; a splitter that changed the text loses its boundary, never the offsets."""
    position = 0
    for sentence in sentences:
        left = part.find(sentence, position)
        if left < 0:
            continue
        if left > position:
            yield position, left
        position = left + len(sentence)
        yield left, position
    if position < len(part):
        yield position, len(part)


def _trimmed(text: str, left: int, right: int) -> tuple[int, int]:
    while left < right and text[left].isspace():
        left += 1
    while right > left and text[right - 1].isspace():
        right -= 1
    return left, right


def _joined(sentences: list[tuple[int, int]], characters_max: int) -> Iterator[tuple[int, int]]:
    start = end = -1
    for left, right in sentences:
        if start >= 0 and right - start > characters_max:
            yield start, end
            start = -1
        if start < 0:
            start = left
        end = right
    if start >= 0:
        yield start, end


class _Lines:
    """The state of reading a text line by line: open block, open headings, what is being skipped."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.headings: list[tuple[int, str]] = []
        self.start: int | None = None
        self.end = 0
        self.skip_until: str | re.Pattern[str] | None = None

    def close(self) -> None:
        if self.start is not None:
            titles = tuple(title for _, title in self.headings)
            self.blocks.append(Block(self.start, self.end, titles))
        self.start = None

    def extend(self, start: int, end: int) -> None:
        if self.start is None:
            self.start = start
        self.end = end

    def head(self, level: int, title: str) -> None:
        self.headings = [heading for heading in self.headings if heading[0] < level]
        self.headings.append((level, title.strip()))


def read_blocks(text: str) -> list[Block]:
    """Paragraphs and list items of a Markdown, reStructuredText or plain text, with their headings."""
    state = _Lines()
    position = 0
    underlines: list[str] = []
    for line in text.splitlines(keepends=True):
        _read_line(state, line, position, text, underlines)
        position += len(line)
    state.close()
    return [block for block in state.blocks if _LETTER.search(text, block.start, block.end)]


def _read_line(state: _Lines, line: str, position: int, text: str, underlines: list[str]) -> None:
    bare = line.rstrip()
    if state.skip_until is not None:
        if isinstance(state.skip_until, str):
            if bare.strip().startswith(state.skip_until):
                state.skip_until = None
        elif state.skip_until.search(bare):
            state.skip_until = None
        return
    if fence := _FENCE.match(bare):
        state.close()
        state.skip_until = fence[1]
    elif _COMMENT_START.search(bare):
        state.close()
        state.skip_until = None if _COMMENT_END.search(bare) else _COMMENT_END
    elif not bare.strip() or _LINK_ONLY.match(bare) or _NOT_PROSE.match(bare):
        state.close()
    elif heading := _HEADING.match(bare):
        state.close()
        state.head(len(heading[1]), heading["title"])
        if _STORY_HEADING.match(heading["title"]):
            state.extend(position + heading.start("title"), position + heading.end("title"))
            state.close()
    elif (
        (underline := _UNDERLINE.match(bare)) and state.start is not None and "\n" not in text[state.start : state.end]
    ):
        mark = underline[1]
        if mark not in underlines:
            underlines.append(mark)
        title, state.start = text[state.start : state.end], None
        state.head(underlines.index(mark) + 1, title)
    elif underline:
        state.close()
    else:
        item = _LIST_ITEM.match(bare) or _QUOTE.match(bare)
        if item and (_LIST_ITEM.match(bare) or state.start is None):
            state.close()
        lead = item.end() if item and state.start is None else len(bare) - len(bare.lstrip())
        state.extend(position + lead, position + len(bare))
