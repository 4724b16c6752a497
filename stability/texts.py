"""What was said, where transcripts are at hand: turns that repeat, move without a reason or gainsay their score, and how
many different reasons and personas there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from agents import Arm, RunResult, Turn
from stability.estimates import clustered, finite
from stability.estimates import rate as estimated_rate
from stability.measures.clustered import FloatArray, cluster_sums, jackknife_sums
from stability.measures.components import divide
from stability.measures.diversity import compression_ratio, distinct_2, tfidf_cosine, vendi_score
from stability.measures.flips import Rate
from stability.measures.turns import OVERLAP_OF_JUDGES_P95, RERUNS_MIN, Null, Said, TurnMarks, mark_turns, overlap_null
from stability.ratings import Ratings
from stability.report import Estimate, OverlapNull, PersonaTexts, Texts

PERSONAS_MAX = 500
"""Their cards are compared in pairs."""


def texts_report(
    results: Iterable[RunResult],
    ratings: Ratings,
    *,
    thresholds: Mapping[str, float] | None = None,
    cards: Sequence[str] = (),
    runs_asked: int | None = None,
) -> Texts:
    """What transcripts and persona cards show that scores do not.

    Args:
        results: finished hearings, or a sample of them: whole items, so that their re-runs tell how much independent texts
            overlap.
        ratings: the batch's table, for the clusters of items.
        thresholds: pass threshold by dimension, against which words are held.
        cards: every persona's text.
        runs_asked: of how many runs `results` is a sample; as many as there are by default.
    """
    heard = list(results)
    names = ratings.item.names
    cluster_of = dict(zip((names[code] for code in ratings.item.codes), ratings.cluster.codes.tolist(), strict=True))
    items = list(dict.fromkeys(result.run.item_id for result in heard))
    place = {item: number for number, item in enumerate(items)}
    cluster = np.array([cluster_of.get(item, -1 - number) for item, number in place.items()], dtype=np.int64)
    again, judges = _nulls(heard)
    counts = {name: np.zeros((len(items), 2)) for name in ("repeats", "echoes", "moves", "gainsays")}
    reasons, turns = np.zeros((len(items), 2)), 0
    for result in heard:
        row = place[result.run.item_id]
        for debate in _debates(result):
            marks = mark_turns([_said(turn) for turn in debate], thresholds=dict(thresholds or {}))
            turns += len(marks)
            for name, hits in _hits(debate, marks, again, judges).items():
                counts[name][row] += (sum(hits), len(hits))
        for texts in _alone(result).values():
            if len(texts) > 1 and (vendi := vendi_score(tfidf_cosine(texts))) is not None:
                reasons[row] += (vendi, 1)
    return Texts(
        runs=len(heard), runs_asked=len(heard) if runs_asked is None else runs_asked, turns=turns,
        repetitive=_ratio(counts["repeats"], cluster), echoing=_ratio(counts["echoes"], cluster),
        moved_without_reason=_ratio(counts["moves"], cluster), words_against_score=_ratio(counts["gainsays"], cluster),
        repetition_above=_null(again), echo_above=_null(judges),
        different_reasons=_ratio(reasons, cluster, rate=False),
        personas=_persona_texts(cards),
    )  # fmt: skip


def _debates(result: RunResult) -> Iterator[list[Turn]]:
    """The turns of the personas who debated, in the order they were said; a pair's two orders are two debates."""
    spoken = [turn for turn in result.transcript.turns if turn.persona_id and turn.arm in (None, Arm.DEBATE)]
    if any(turn.arm is Arm.DEBATE for turn in spoken):
        for order in dict.fromkeys(turn.order for turn in spoken):
            yield sorted((turn for turn in spoken if turn.order == order), key=lambda turn: turn.index)


def _alone(result: RunResult) -> dict[str | None, list[str]]:
    """What every persona said alone, by the order of a pair."""
    texts: dict[str | None, list[str]] = defaultdict(list)
    for turn in result.transcript.turns:
        if turn.persona_id and turn.arm is None and turn.text.strip():
            texts[turn.order].append(turn.text)
    return texts


def _said(turn: Turn) -> Said:
    scores = {name: score for name, score in turn.scores.items() if score is not None}
    cites = turn.changed_because in ("evidence", "argument") or bool(turn.evidence)
    return Said(turn.seat_id or turn.persona_id or "", turn.text, scores, cites)


def _nulls(heard: Sequence[RunResult]) -> tuple[Null, Null]:
    """Overlap of a persona's independent re-runs, and of personas who had not heard one another."""
    reruns: dict[tuple[str, str, str | None], list[str]] = defaultdict(list)
    for result in heard:
        for turn in result.transcript.turns:
            if turn.persona_id and turn.arm is None:
                reruns[result.run.item_id, turn.seat_id or turn.persona_id, turn.order].append(turn.text)
    apart = (texts for result in heard for texts in _alone(result).values())
    return overlap_null(reruns.values()), overlap_null(apart, OVERLAP_OF_JUDGES_P95)


def _hits(debate: Sequence[Turn], marks: Sequence[TurnMarks], again: Null, judges: Null) -> dict[str, list[bool]]:
    """Of the turns that could be marked, which were. A first word cannot repeat, echo or move."""
    later = [(turn, mark) for turn, mark in zip(debate, marks, strict=True) if turn.arm is Arm.DEBATE]
    return {
        "repeats": [mark.repetition > again.above for _, mark in later if mark.repetition is not None],
        "echoes": [mark.echo > judges.above for _, mark in later if mark.echo is not None],
        "moves": [
            bool(mark.moved_without_reason)
            for turn, mark in later
            if any(score is not None for score in turn.scores.values())
        ],
        "gainsays": [bool(mark.words_against_score) for mark in marks if mark.words_against_score is not None],
    }


def _ratio(sums: FloatArray, cluster: np.ndarray, *, rate: bool = True) -> Estimate:
    """Hits over tries, or a mean, with its interval over clusters; undefined where nothing was tried."""
    tried = int(sums[:, 1].sum())

    def ratio(table: FloatArray) -> FloatArray:
        return divide(table[..., 0], table[..., 1])

    if not rate:
        return clustered(jackknife_sums(sums, cluster, ratio, scale="log", n_used=tried), tried)
    rows = cluster_sums(sums, cluster)
    rows = rows[rows[:, 1] > 0]
    total = rows.sum(axis=0)
    value = float(total[0] / total[1]) if tried else None
    return estimated_rate(Rate(value, ratio(total - rows), tried), tried)


def _null(null: Null) -> OverlapNull:
    return OverlapNull(above=null.above, pairs=null.pairs, measured=null.pairs >= RERUNS_MIN)


def _persona_texts(cards: Sequence[str]) -> PersonaTexts | None:
    if not cards or len(cards) > PERSONAS_MAX:
        return None
    return PersonaTexts(
        personas=len(cards),
        vendi=finite(vendi_score(tfidf_cosine(cards))),
        distinct_2=distinct_2(cards),
        compression_ratio=compression_ratio(cards),
    )
