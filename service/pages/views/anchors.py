"""Permanent names of places in a page."""

from __future__ import annotations

import re
from urllib.parse import quote

_PLAIN = re.compile(r"[^A-Za-z0-9_.-]+")


def anchor(turn_id: str) -> str:
    """The fragment of a turn: `turn-debate-patients-3`. The same turn of the same run has it for ever."""
    return "turn-" + _PLAIN.sub("-", turn_id)


def run_href(run_id: str) -> str:
    return f"/runs/{quote(run_id)}"


def seen_href(run_id: str, turn_id: str) -> str:
    """Where "what this persona saw" stands."""
    return f"/runs/{quote(run_id)}/seen/{quote(turn_id)}"


def passage_href(document_id: str, start: int, end: int) -> str:
    """A document, opened at a passage."""
    return f"/documents/{quote(document_id)}?start={start}&end={end}#passage"


def material_href(run_id: str, part: str, start: int | None, end: int | None) -> str:
    """A text of the judged item (`output`, `source:0`), opened at a passage."""
    place = f"?start={start}&end={end}#passage" if start is not None and end is not None else ""
    return f"/runs/{quote(run_id)}/material/{quote(part)}{place}"
