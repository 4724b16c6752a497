"""Ids: a prefix that says what it names, then a ULID, so that ids sort by time of making."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Literal

Prefix = Literal["ps", "ev", "rn", "ba", "do", "ru", "ky", "hs", "pb"]
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32 in its sorting order
_RANDOM_BITS = 80

_lock = threading.Lock()
_last = 0


def new_id(prefix: Prefix) -> str:
    """`ev_01j...`, 29 characters. Later ids of one process sort after earlier ones, within a millisecond too."""
    global _last
    with _lock:
        now = (time.time_ns() // 1_000_000) << _RANDOM_BITS
        # half the random range, so that counting on from it cannot run into the next millisecond
        _last = max(_last + 1, now | secrets.randbits(_RANDOM_BITS - 1))
        number = _last
    digits = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return f"{prefix}_{''.join(reversed(digits))}"
