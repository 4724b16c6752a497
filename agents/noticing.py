"""What code notices about a turn: a cause that does not hold, reasons that contradict grades, words said before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from agents.quoting import fold
from agents.replies import Cause
from agents.rubric import Rubric
from agents.transcript import Evidence, Turn

Scores = Mapping[str, float | None]

REPETITION_RATIO_MIN = 90.0
REPETITION_CHARACTERS_MIN = 40
_LOWERS = r"(?:lower|reduce|decrease|mark(?:ed|ing)? down|downgrade|drop|cut)(?:ed|ing|s|d)?"
_RAISES = r"(?:raise|increase|mark(?:ed|ing)? up|upgrade|lift|improve)(?:ed|ing|s|d)?"


def changed(before: Scores | None, after: Scores) -> list[str]:
    """The dimensions on which a judge moved from one grade to another; a grade given or withdrawn is not a move."""
    if before is None:
        return []
    return [
        name
        for name, score in after.items()
        if score is not None and before.get(name) is not None and before[name] != score
    ]


def verified(evidence: Sequence[Evidence]) -> set[str]:
    """The verified quotes, comparable."""
    return {fold(part.quote).text.strip() for part in evidence if part.status != "unverified"}


def cause_of_change(
    claimed: Cause | None, before: Turn | None, scores: Scores, *, own: set[str], heard: Sequence[Turn], known: set[str]
) -> Cause | None:
    """Why a position changed, as far as code can follow it; None where it did not change.

    `evidence` stands only if a verified quote is new: in this turn (own) or in what was heard, and not among those
    known before; `argument` only if an argument was heard. What does not stand falls to the next weaker cause.
    """
    if not changed(before.scores if before else None, scores):
        return None
    fresh = (own | {quote for turn in heard for quote in verified(turn.evidence)}) - known
    if claimed == "evidence" and fresh:
        return "evidence"
    argued = any(turn.text for turn in heard)
    return "argument" if claimed in ("evidence", "argument") and argued else "nothing"


def is_capitulation(
    before: Turn | None,
    scores: Scores,
    *,
    own: set[str],
    heard: Sequence[Turn],
    known: set[str],
    peers: Sequence[Scores],
) -> bool:
    """Whether a judge moved towards its peers' mean though no new verified evidence was before it."""
    fresh = (own | {quote for turn in heard for quote in verified(turn.evidence)}) - known
    if before is None or fresh:
        return False
    return any(
        _moved_towards(before.scores[name], scores[name], name, peers) for name in changed(before.scores, scores)
    )


def contradictions(text: str, before: Scores | None, scores: Scores, rubric: Rubric) -> bool:
    """Whether the words and the grades of one turn disagree, where the words are explicit enough to tell.

    Explicit are a grade beside its dimension's name (`coverage 4`, `coverage: 4`, `4 for coverage`, `coverage from 2
    to 4`), and a direction (`I lower coverage`) against the way the grade moved.
    """
    words = text.replace("_", " ").lower()
    return any(
        _states_another_grade(words, name, scores[name]) or _moves_the_other_way(words, name, before, scores)
        for name in (dimension.name for dimension in rubric.dimensions)
        if scores.get(name) is not None
    )


def is_repetition(text: str, earlier: Sequence[Turn]) -> bool:
    """Whether the words were said before, by anybody who was heard."""
    if len(text) < REPETITION_CHARACTERS_MIN:
        return False
    return any(
        fuzz.token_sort_ratio(text, turn.text, processor=default_process) >= REPETITION_RATIO_MIN for turn in earlier
    )


def _moved_towards(before: float | None, after: float | None, name: str, peers: Sequence[Scores]) -> bool:
    stands = [score for peer in peers if (score := peer.get(name)) is not None]
    if before is None or after is None or not stands:
        return False
    mean = sum(stands) / len(stands)
    return abs(after - mean) < abs(before - mean)


def _states_another_grade(words: str, name: str, score: float | None) -> bool:
    patterns = _patterns(name)
    stated: list[str] = patterns.moved_to.findall(words) + patterns.stated.findall(words)
    # the last word counts: a judge may first quote a peer's grade, or its own old one
    return bool(stated) and all(float(grade) != score for grade in stated)


def _moves_the_other_way(words: str, name: str, before: Scores | None, scores: Scores) -> bool:
    if before is None or before.get(name) is None or scores[name] is None:
        return False
    moved = (scores[name] or 0) - (before[name] or 0)
    patterns = _patterns(name)
    lowers, raises = bool(patterns.lowers.search(words)), bool(patterns.raises.search(words))
    return (lowers and not raises and moved >= 0) or (raises and not lowers and moved <= 0)


class _Patterns(NamedTuple):
    """How a dimension's grade is put into words."""

    moved_to: re.Pattern[str]
    stated: re.Pattern[str]
    lowers: re.Pattern[str]
    raises: re.Pattern[str]


@lru_cache(maxsize=256)
def _patterns(name: str) -> _Patterns:
    spoken = re.escape(name.replace("_", " ").lower())
    its = rf"(?:my |the )?(?:\w+ (?:for|on|of) )?{spoken}\b"
    return _Patterns(
        re.compile(rf"\bfrom -?\d+ to (-?\d+) (?:for|on|in) {spoken}\b"),
        re.compile(rf"\b{spoken}(?: (?:a|at|is|as|gets|stays at|from -?\d+ to))?(?:: | = | )(-?\d+)\b(?![.,]?\d)"),
        re.compile(rf"\bi (?:\w+ )?{_LOWERS} {its}"),
        re.compile(rf"\bi (?:\w+ )?{_RAISES} {its}"),
    )
