"""Opaque cursors: a place in a list that is ordered by creation time and id."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import NamedTuple

from service.api.problem import ProblemError


class Place(NamedTuple):
    """The last row of a page; the next page starts after it."""

    created_at: datetime
    id: str


def encode_cursor(place: Place) -> str:
    """A cursor that holds the place; callers must not look inside."""
    text = json.dumps([place.created_at.isoformat(), place.id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Place:
    """The place that a cursor holds. Raises ProblemError `invalid-cursor`."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        created_at, identity = json.loads(text)
        if not isinstance(identity, str) or "\0" in identity:
            raise ValueError(identity)
        place = Place(datetime.fromisoformat(created_at), identity)
        if place.created_at.tzinfo is None:
            raise ValueError("a time without its zone")
        place.created_at.astimezone(UTC)  # the first and the last day of all have no such time in some zones
    except (ValueError, TypeError, binascii.Error, OverflowError, RecursionError):
        raise ProblemError(
            "invalid-cursor", f"cursor {cursor[:80]!r} is none of ours; start again without it"
        ) from None
    return place
