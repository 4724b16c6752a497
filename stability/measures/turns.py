"""What goes wrong in a debate's turns: repeating oneself, echoing others, moving without a reason, text against score.

A re-run of the same prompt repeats much by itself: overlaps of independent re-runs had mean .226 and 95th percentile
.562 (GPT-3.5, 201k calls), so `overlap_null` is taken from the run set at hand where it has re-runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import numpy as np

from stability.measures.diversity import words

Grams = frozenset[tuple[str, ...]]
NGRAM = 4
OVERLAP_OF_RERUNS_P95 = 0.562
"""95th percentile of the overlap of independent re-runs, for a run set without re-runs to calibrate on."""
OVERLAP_OF_JUDGES_P95 = 0.39
"""The same of two prompts on one item that had not seen each other."""
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
    words_against_score: tuple[str, ...] | None
    """Dimensions whose score lies on the other side of the threshold than the words do; None where the words lean neither
    way or no dimension has both."""


def overlap(left: str, right: str) -> float | None:
    """|A n B| / min(|A|, |B|) over the texts' sets of 4-grams of words; None where either has none."""
    return _shared(_grams(left), _grams(right))


def mark_turns(
    turns: Sequence[Said], *, thresholds: dict[str, float] | None = None, moved_min: float = 1.0
) -> tuple[TurnMarks, ...]:
    """The marks of every turn of one debate, in order.

    Args:
        turns: in the order they were said.
        thresholds: pass threshold by dimension; without one, words are not held against the score.
        moved_min: smallest move of a score, in points, that needs a reason.
    """
    marks, grams = [], [_grams(turn.text) for turn in turns]
    for place, turn in enumerate(turns):
        own = [earlier for earlier in range(place) if turns[earlier].persona == turn.persona]
        others = [earlier for earlier in range(place) if turns[earlier].persona != turn.persona]
        marks.append(
            TurnMarks(
                repetition=_largest(grams[place], [grams[earlier] for earlier in own]),
                echo=_largest(grams[place], [grams[earlier] for earlier in others]),
                moved_without_reason=_moved(turns[own[-1]], turn, moved_min) if own and not turn.cites else (),
                words_against_score=_against(turn, thresholds or {}),
            )
        )
    return tuple(marks)


class Null(NamedTuple):
    """What overlap is to be expected of texts that do not repeat each other."""

    above: float
    """95th percentile: a larger overlap is repetition."""
    pairs: int
    """Pairs of texts behind it; the published percentile where there were fewer than 20."""


def overlap_null(groups: Iterable[Sequence[str]], published: float = OVERLAP_OF_RERUNS_P95) -> Null:
    """The overlap of independent texts, from the pairs within each group.

    groups: texts that could not have seen one another: independent re-runs of a persona on an item (for repetition), or
    what different personas said of an item alone (for echo). published: for fewer than 20 pairs.
    """
    pairs = (pair for texts in groups for pair in combinations([_grams(text) for text in texts], 2))
    found = [shared for pair in pairs if (shared := _shared(*pair)) is not None]
    return Null(float(np.quantile(found, 0.95)) if len(found) >= RERUNS_MIN else published, len(found))


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


def _grams(text: str) -> Grams:
    said = words(text)
    return frozenset(said[start : start + NGRAM] for start in range(len(said) - NGRAM + 1))


def _shared(left: Grams, right: Grams) -> float | None:
    return len(left & right) / min(len(left), len(right)) if left and right else None


def _largest(text: Grams, earlier: Sequence[Grams]) -> float | None:
    return max((value for other in earlier if (value := _shared(text, other)) is not None), default=None)


def _moved(before: Said, now: Said, moved_min: float) -> tuple[str, ...]:
    return tuple(
        name
        for name, score in now.scores.items()
        if name in before.scores and abs(score - before.scores[name]) >= moved_min
    )


def _against(turn: Said, thresholds: dict[str, float]) -> tuple[str, ...] | None:
    lean = direction(turn.text)
    held = [name for name in turn.scores if name in thresholds]
    if lean == 0 or not held:
        return None
    return tuple(name for name in held if (turn.scores[name] >= thresholds[name]) != (lean > 0))
