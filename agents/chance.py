"""Chance that a resumed run draws again: every seed is a hash of what it is for."""

from __future__ import annotations

import hashlib


def derive_seed(*of: object) -> int:
    """A seed in 0..2**31-1, the same whenever it is derived from the same things."""
    digest = hashlib.sha256("\0".join(map(str, of)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") >> 1
