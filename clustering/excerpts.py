"""Which of a persona's statements its card quotes: those that speak for the rest and can be read alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clustering.embedding import Vectors
from clustering.perspectives import Perspective
from clustering.voice import leans_on_context, names_code, takes_a_stance

EXCERPTS_PER_PERSONA = 6
SAME_DOCUMENT_COST = 0.12
"""What each excerpt already taken out of the same document costs the next one, in units of worth."""
SPARSE_EXCERPTS = 3


def rank_excerpts(rows: Sequence[int], perspectives: Sequence[Perspective], vectors: Vectors) -> list[int]:
    """Rows by how much they speak for the rest: voice, nearness to the centre, and no repetition (maximal
    marginal relevance, Carbonell & Goldstein 1998)."""
    own = vectors[list(rows)]
    center = own.mean(axis=0)
    worth = own @ center / max(float(np.linalg.norm(center)), 1e-9)
    worth = 0.5 * worth + 0.5 * np.array([_worth(perspectives[row]) for row in rows])
    chosen: list[int] = []
    left = list(range(len(rows)))
    similar = np.full(len(rows), 0.0)
    repeated = np.zeros(len(rows))
    while left and len(chosen) < 4 * EXCERPTS_PER_PERSONA:
        gain = worth - 0.35 * similar - SAME_DOCUMENT_COST * repeated
        best = max(left, key=lambda index: (float(gain[index]), -index))
        chosen.append(best)
        left.remove(best)
        similar = np.maximum(similar, own @ own[best])
        source = perspectives[rows[best]].span.document_id
        repeated += np.array([perspectives[row].span.document_id == source for row in rows])
    chosen += left
    return [rows[index] for index in chosen]


def choose_excerpts(ranked: Sequence[int], perspectives: Sequence[Perspective]) -> list[int]:
    """The rows that a card shows: needs and opinions that stand alone, where there are enough of them.

    What only says how things are done, or opens in the middle of a thought, fills up to `SPARSE_EXCERPTS`.
    """
    good = [row for row in ranked if speaks_for_itself(perspectives[row])]
    asking = {row for row in good if takes_a_stance(perspectives[row].quote)}
    if len(asking) >= SPARSE_EXCERPTS:  # enough needs and opinions: what only tells how things are comes after them
        good.sort(key=lambda row: row not in asking)
    others = [row for row in ranked if row not in set(good)]
    return (good + others[: max(0, SPARSE_EXCERPTS - len(good))])[:EXCERPTS_PER_PERSONA]


def speaks_for_itself(one: Perspective) -> bool:
    """Whether a quote can be read alone and says what somebody needs or thinks.

    A text without code that is in the first person counts as said by somebody; one with code must ask for something.
    """
    if one.span.start > 0 and leans_on_context(one.quote):
        return False
    return takes_a_stance(one.quote) or not names_code(one.quote)


def asks(one: Perspective) -> bool:
    """Whether somebody who is named asks for something in words that stand alone."""
    return one.stakeholder is not None and takes_a_stance(one.quote) and speaks_for_itself(one)


def _worth(one: Perspective) -> float:
    frame = {"role_phrase": 0.2, "self": 0.2, "label": 0.1, "model": 0.1, "given": 0.2, "unattributed": -0.2}.get(
        one.origin, 0.0
    )
    length = len(one.quote)
    return one.voice + frame - (0.2 if length < 60 else 0.0) - (0.0 if speaks_for_itself(one) else 0.5)
