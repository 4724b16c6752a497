"""New documents against an existing persona set, without clustering again; "does not fit" is an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clustering.document import Document, Span
from clustering.embedding import Embedder, Vectors
from clustering.errors import PersonaInputError
from clustering.grouping import without_domain_words
from clustering.persona import PersonaSet
from clustering.perspectives import Perspective, extract_perspectives
from clustering.wording import proper_names

NAME_SIMILARITY_MIN = 0.55
"""Least similarity of a role name to a name in a group that settles the matter."""
SAID_SIMILARITY_MIN = 0.35
"""Least similarity of a statement to a group's nearest statements, where its speaker's name settles nothing."""
_NEIGHBORS = 3


@dataclass(frozen=True)
class Assignment:
    """Where a statement of a new document belongs."""

    span: Span
    quote: str
    stakeholder: str | None
    group_id: str | None
    """None: it fits no group of the set."""
    similarity: float
    """To the best group, whether it was good enough or not."""


def assign_documents(
    persona_set: PersonaSet, documents: Sequence[Document], *, embedder: Embedder
) -> tuple[Assignment, ...]:
    """Every statement of some documents with the group that it fits, by name first, then by what it says.

    Nearest members decide: the set keeps its statements on its map. Raises PersonaInputError for a set without one.
    """
    known = [point for point in persona_set.map if point.group_id is not None]
    if not known:
        raise PersonaInputError("the persona set has no statements on its map (it was given); build one from documents")
    statements = [one for document in documents for one in extract_perspectives(document)]
    if not statements:
        return ()
    groups = np.array([point.group_id for point in known])
    said = _similarity([one.quote for one in statements], [point.quote for point in known], embedder)
    written = proper_names([*(one.quote for one in statements), *(point.quote for point in known)])
    called_as = [*(one.stakeholder or "" for one in statements), *(point.label for point in known)]
    names = without_domain_words(called_as, written)
    called = _similarity(names[: len(statements)], names[len(statements) :], embedder)
    called[:, [not point.label for point in known]] = -1.0
    return tuple(_assign(one, said[row], called[row], groups) for row, one in enumerate(statements))


def _assign(one: Perspective, said: Vectors, called: Vectors, groups: np.ndarray) -> Assignment:
    best = int(called.argmax()) if one.stakeholder else -1
    if best >= 0 and called[best] >= NAME_SIMILARITY_MIN:
        return _answer(one, str(groups[best]), float(called[best]))
    scores = {
        group: float(np.sort(said[groups == group])[-_NEIGHBORS:].mean()) for group in sorted(set(groups.tolist()))
    }
    group = max(scores, key=lambda name: scores[name])
    fits = scores[group] >= SAID_SIMILARITY_MIN and one.stakeholder is None
    return _answer(one, group if fits else None, scores[group])


def _answer(one: Perspective, group: str | None, similarity: float) -> Assignment:
    return Assignment(one.span, one.quote, one.stakeholder, group, round(similarity, 4))


def _similarity(left: Sequence[str], right: Sequence[str], embedder: Embedder) -> Vectors:
    return np.asarray(embedder.embed(left) @ embedder.embed(right).T, dtype=np.float32)
