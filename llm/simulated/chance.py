"""Chance that can be repeated: every draw is a hash of what it is for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

C = TypeVar("C")

_NORMAL = NormalDist()


def uniform(*of: object) -> float:
    """Uniform in (0, 1), the same whenever it is drawn for the same things."""
    digest = hashlib.blake2b("\0".join(map(str, of)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return ((int.from_bytes(digest, "big") >> 12) + 0.5) / 2.0**52


def normal(*of: object) -> float:
    """Standard normal."""
    return _NORMAL.inv_cdf(uniform(*of))


def choose(options: Sequence[C], *of: object) -> C:
    """One of `options`."""
    return options[int(uniform(*of) * len(options))]


def stochastic_round(value: float, *of: object) -> int:
    """A neighbouring whole number whose expectation is `value`."""
    floor = int(value // 1)
    return floor + (uniform(*of) < value - floor)
