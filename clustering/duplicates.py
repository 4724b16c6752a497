"""The same statement in every document, counted once: boilerplate must not dominate a group.

MinHash over word triples with banding (Broder 1997; Leskovec et al., ch. 3) proposes pairs in linear time; a character
comparison decides. Only statements of the same stakeholder merge.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.fuzz import ratio

from clustering.perspectives import Perspective

SAME_TEXT = 95.0
"""Share of matching characters, in percent, from which two statements are one: a changed name or number."""
_BANDS, _ROWS = 16, 3
_PRIME = (1 << 31) - 1
_WORD = re.compile(r"\w+")
_BUCKET_MAX = 8
"""Statements compared with in one bucket, so that a bucket full of unlike statements stays linear."""


def without_repetitions(perspectives: Sequence[Perspective]) -> list[Perspective]:
    """The statements without near-duplicates, in order; the first of those that say the same stays."""
    return [same[0] for same in said_alike(perspectives)]


def said_alike(perspectives: Sequence[Perspective]) -> list[list[Perspective]]:
    """Each statement that stays with those that repeat it, in order."""
    rng = np.random.default_rng(0)
    scale = rng.integers(1, _PRIME, _BANDS * _ROWS, dtype=np.int64)
    shift = rng.integers(0, _PRIME, _BANDS * _ROWS, dtype=np.int64)
    buckets: dict[tuple[str | None, int, bytes], list[int]] = {}
    alike: list[list[Perspective]] = []
    texts: list[str] = []
    for one in perspectives:
        text = " ".join(_WORD.findall(one.quote.lower()))
        signature = _signature(text, scale, shift).reshape(_BANDS, _ROWS)
        keys = [(one.stakeholder, band, row.tobytes()) for band, row in enumerate(signature)]
        seen = dict.fromkeys(place for key in keys for place in buckets.get(key, ()))
        first = next((place for place in seen if ratio(text, texts[place], score_cutoff=SAME_TEXT)), None)
        if first is not None:
            alike[first].append(one)
            continue
        for key in keys:
            bucket = buckets.setdefault(key, [])
            if len(bucket) < _BUCKET_MAX:
                bucket.append(len(texts))
        alike.append([one])
        texts.append(text)
    return alike


def _signature(text: str, scale: NDArray[np.int64], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """The least hash of a text's word triples under each of the hash functions."""
    words = text.split()
    triples = {" ".join(words[index : index + 3]) for index in range(max(1, len(words) - 2))}
    codes = np.array([zlib.crc32(triple.encode("utf-8", "surrogatepass")) % _PRIME for triple in triples], np.int64)
    return np.asarray(((codes[:, None] * scale + shift) % _PRIME).min(axis=0), dtype=np.int64)
