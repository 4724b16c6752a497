"""What goes wrong in a debate's turns: repeating oneself, echoing others, moving without a reason, text against score.

A re-run of the same prompt repeats much by itself: overlaps of independent re-runs had mean .226 and 95th percentile
.562 (GPT-3.5, 201k calls), so `repetitive_above` is taken from the run set at hand where it has re-runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np

from stability.measures.diversity import words

NGRAM = 4
OVERLAP_OF_RERUNS_P95 = 0.562
"""95th percentile of the overlap of independent re-runs, for a run set without re-runs to calibrate on."""
RERUNS_MIN = 20
"""Overlaps needed for a percentile of one's own."""
PASSING = frozenset(words("pass passes passing acceptable adequate good strong excellent accurate faithful coherent"))
FAILING = frozenset(words("fail fails failing unacceptable inadequate poor weak bad inaccurate unfaithful incoherent"))
NEGATIONS = frozenset(["not", "no", "never", "hardly", "barely", "isn't", "doesn't", "without", "neither"])
NEGATION_REACH = 3


@dataclass(frozen=True, slots=True)
class Said:
    """One turn as these measures need it, in the order of the debate."""

    persona: str
    text: str
    scores: dict[str, float] = field(default_factory=dict)
    """By dimension, after the turn; a dimension without a score is left out."""
    cites: bool = False
    """Whether it names an argument or evidence for a change."""


class TurnMarks(NamedTuple):
    """What was noticed on one turn; None where there was nothing to compare with."""

    repetition: float | None
    """Largest 4-gram overlap with an earlier turn of the same persona."""
    echo: float | None
    """Largest 4-gram overlap with an earlier turn of another persona."""
    moved_without_reason: tuple[str, ...]
    """Dimensions whose score moved a point or more since the persona's last turn, with nothing cited."""
    text_against_score: tuple[str, ...]
    """Dimensions whose score lies on the other side of the threshold than the words do."""


def overlap(left: str, right: str) -> float | None:
    """|A n B| / min(|A|, |B|) over the texts' sets of 4-grams of words; None where either has none."""
    a, b = _grams(left), _grams(right)
    return len(a & b) / min(len(a), len(b)) if a and b else None


def mark_turns(
    turns: Sequence[Said], *, thresholds: dict[str, float] | None = None, moved_min: float = 1.0
) -> tuple[TurnMarks, ...]:
    """The marks of every turn of one debate, in order.

    Args:
        turns: in the order they were said.
        thresholds: pass threshold by dimension; without one, words are not held against the score.
        moved_min: smallest move of a score, in points, that needs a reason.
    """
    marks = []
    for place, turn in enumerate(turns):
        own = [earlier for earlier in turns[:place] if earlier.persona == turn.persona]
        others = [earlier for earlier in turns[:place] if earlier.persona != turn.persona]
        marks.append(
            TurnMarks(
                repetition=_largest(turn.text, own),
                echo=_largest(turn.text, others),
                moved_without_reason=_moved(own[-1], turn, moved_min) if own and not turn.cites else (),
                text_against_score=_against(turn, thresholds or {}),
            )
        )
    return tuple(marks)


def repetitive_above(reruns: Sequence[Sequence[str]]) -> float:
    """The overlap above which a turn repeats more than an independent re-run would: the 95th percentile of re-runs.

    reruns: per prompt and item, the texts of independent runs. With fewer than 20 pairs, the published .562.
    """
    found = [shared for texts in reruns for pair in combinations(texts, 2) if (shared := overlap(*pair)) is not None]
    return float(np.quantile(found, 0.95)) if len(found) >= RERUNS_MIN else OVERLAP_OF_RERUNS_P95


def direction(text: str) -> int:
    """Which way the words lean: 1 passing, -1 failing, 0 neither or both; a negation shortly before turns a word."""
    said = text.lower().replace("’", "'").split()
    tokens = [word.strip('.,;:!?()"') for word in said]
    lean = 0
    for place, word in enumerate(tokens):
        sign = (word in PASSING) - (word in FAILING)
        negated = any(before in NEGATIONS for before in tokens[max(0, place - NEGATION_REACH) : place])
        lean += -sign if negated else sign
    return (lean > 0) - (lean < 0)


def _grams(text: str) -> set[tuple[str, ...]]:
    said = words(text)
    return {said[start : start + NGRAM] for start in range(len(said) - NGRAM + 1)}


def _largest(text: str, earlier: Sequence[Said]) -> float | None:
    shared = [value for turn in earlier if (value := overlap(text, turn.text)) is not None]
    return max(shared, default=None)


def _moved(before: Said, now: Said, moved_min: float) -> tuple[str, ...]:
    return tuple(
        name
        for name, score in now.scores.items()
        if name in before.scores and abs(score - before.scores[name]) >= moved_min
    )


def _against(turn: Said, thresholds: dict[str, float]) -> tuple[str, ...]:
    lean = direction(turn.text)
    if lean == 0:
        return ()
    return tuple(
        name for name, score in turn.scores.items() if name in thresholds and (score >= thresholds[name]) != (lean > 0)
    )
