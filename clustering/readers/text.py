"""Bytes to text, and html to text; nothing is fetched, nothing is run."""

from __future__ import annotations

import codecs
import re
from typing import Any

from clustering.readers.limits import ReadingLimits, SkipError, SkipReason

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_SILENT = (
    "script",
    "style",
    "noscript",
    "template",
    "iframe",
    "object",
    "embed",
    "svg",
    "nav",
    "form",
    "button",
    "head",
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "p div section article li ul ol table tr blockquote pre h1 h2 h3 h4 h5 h6 header footer main dl dt dd br hr aside",
    )
)


def decode(content: bytes, limits: ReadingLimits) -> str:
    """The text of some bytes: UTF-8, or UTF-16 and UTF-32 with a byte order mark; line ends become one newline."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content[:65_536]:
        raise SkipError(
            SkipReason.BINARY, "holds NUL bytes, so it is no text; give txt, md, html, pdf, docx, jsonl or csv"
        )
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if limits.invalid_utf8 == "skip":
            raise SkipError(
                SkipReason.INVALID_UTF8, f"byte {error.start} is not valid {encoding}; convert the file to UTF-8"
            ) from error
        text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def html_text(markup: str) -> tuple[str, str]:
    """Title and prose of a page, its headings as Markdown headings; scripts, forms and remote parts are left out."""
    from bs4 import BeautifulSoup, Tag
    from bs4.element import Comment, NavigableString

    soup = BeautifulSoup(markup, "html.parser")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    for tag in soup.find_all(_SILENT):
        tag.decompose()
    pieces: list[str] = []
    for node in soup.descendants:
        if isinstance(node, Tag):
            pieces.append(_opening(node.name))
        elif isinstance(node, NavigableString) and not isinstance(node, Comment):
            pieces.append(re.sub(r"\s+", " ", str(node)))
            pieces.append(_closing(node))
    text = "".join(pieces).replace("\v", "\n\n")
    return title, re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]*\n[ \t]*", "\n", text)).strip()


def _opening(name: str) -> str:
    if name in _HEADINGS:
        return "\v" + "#" * _HEADINGS[name] + " "
    return "\v- " if name == "li" else "\v" if name in _BLOCKS else ""


def _closing(node: Any) -> str:
    """A break where this text is the last of its block: what follows stands outside of it."""
    while node.parent is not None and node.next_sibling is None:
        node = node.parent
        if node.name in _BLOCKS:
            return "\v"
    return ""
