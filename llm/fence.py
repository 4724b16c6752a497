"""Fences around untrusted text, so that it is read as data and cannot end its own section.

A fence's tag is derived from the text inside it, and drawn again until no fenced text contains it. So a text
cannot hold its own closing line: its author would need a text that contains its own hash, and even then the next
draw replaces the tag. Being derived, the tag is the same in every call that shows the same text: a provider's
prefix cache serves the item to every persona, turn and repeat, and a stored run replays bit for bit.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

_OPENING = re.compile(r"^<<(?P<kind>[a-z_]+)(?: (?P<name>[^\s<>]+))? (?P<tag>[0-9a-f]{16})>>$", re.MULTILINE)


class Section(NamedTuple):
    """A fenced part of a prompt, read back."""

    kind: str
    name: str | None
    text: str


def fence(kind: str, text: str, name: str | None = None) -> str:
    """`text` as a section of its own that nothing inside it can close.

    kind: lower-case word such as `source`, `output`, `persona`, `peer`. name: an id without spaces or
    angle brackets. Raises ValueError for any other kind or name.
    """
    if not re.fullmatch(r"[a-z_]+", kind):
        raise ValueError(f"section kind {kind!r} must be lower-case letters and underscores")
    if name is not None and not re.fullmatch(r"[^\s<>]+", name):
        raise ValueError(f"section name {name!r} must not hold spaces or angle brackets")
    tag = _tag(text)
    label = f"{kind} {name}" if name else kind
    return f"<<{label} {tag}>>\n{text}\n<<end {tag}>>"


def sections(contents: Iterable[str]) -> list[Section]:
    """The outermost fenced sections of some messages, in order; what stands outside a fence is skipped."""
    found: list[Section] = []
    for content in contents:
        position = 0
        while opening := _OPENING.search(content, position):
            closing = f"\n<<end {opening['tag']}>>"
            end = content.find(closing, opening.end())
            if end < 0:
                position = opening.end()
                continue
            found.append(Section(opening["kind"], opening["name"], content[opening.end() + 1 : end]))
            position = end + len(closing)
    return found


def _tag(text: str) -> str:
    draw = 0
    while True:
        tag = hashlib.sha256(f"{draw}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if tag not in text:
            return tag
        draw += 1
