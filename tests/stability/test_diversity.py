"""Effective numbers of personas and texts; repetition, echo and contradiction in turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stability.measures.clustered import Clustered
from stability.measures.diversity import (
    compression_ratio,
    distinct_2,
    effective_personas,
    tfidf_cosine,
    vendi_score,
    words,
)
from stability.measures.intervals import freedom
from stability.measures.turns import OVERLAP_OF_RERUNS_P95, Said, direction, mark_turns, overlap, overlap_null

TEXTS = [
    "The summary leaves the cost out.",
    "The summary is faithful to the cost!",
    "Nobody asked the nurses.",
    "the the",
]


def _personas(means: np.ndarray, noise: float = 0.0) -> Clustered:
    return effective_personas(means, np.full(means.shape, noise), np.arange(len(means)))


def test_effective_personas_of_opposed_and_of_independent_scorers() -> None:
    generator = np.random.default_rng(0)
    one = generator.normal(size=200)
    assert _personas(np.stack([one, -one], axis=1)).value == pytest.approx(1), "two personas have one axis to differ on"
    many = _personas(generator.normal(size=(2000, 6)))
    assert many.value == pytest.approx(5, rel=0.03), "centring within the item leaves P - 1"
    assert many.low is not None
    assert many.high is not None
    assert many.low < many.value < many.high
    noisy = generator.normal(size=(2000, 1)) * np.array([1, 1, -1, -1]) + generator.normal(size=(2000, 4))
    raw, corrected = _personas(noisy).value, _personas(noisy, 0.9).value
    assert corrected is not None
    assert raw is not None
    assert corrected < raw, "run noise had passed for difference"


def test_effective_personas_by_another_route() -> None:
    """numpy's correlation of the centred means, disattenuated, and its eigenvalues; delete-one by recomputation."""
    generator = np.random.default_rng(1)
    means, noise = (
        generator.normal(3, 1, (30, 4)) + generator.normal(size=(30, 1)),
        generator.uniform(0.1, 0.3, (30, 4)),
    )

    def by_hand(kept: np.ndarray) -> float:
        centred = means[kept] - means[kept].mean(axis=1, keepdims=True)
        own = ((3 / 4) ** 2 * noise[kept] + (noise[kept].sum(axis=1, keepdims=True) - noise[kept]) / 16).mean(axis=0)
        reliable = 1 - own / centred.var(axis=0, ddof=1)
        correlation = np.corrcoef(centred.T) / np.sqrt(np.outer(reliable, reliable))
        np.fill_diagonal(correlation, 1)
        values = np.maximum(np.linalg.eigvalsh(np.clip(correlation, -1, 1)), 0)
        share = values[values > 0] / values.sum()
        return float(np.exp(-(share * np.log(share)).sum()))

    found = effective_personas(means, noise, np.arange(30) // 2)
    assert found.value == pytest.approx(by_hand(np.arange(30)))
    deleted = np.log([by_hand(np.flatnonzero(np.arange(30) // 2 != k)) for k in range(15)])
    pseudo = 15 * np.log(found.value) - 14 * deleted
    reach = stats.t.ppf(0.975, freedom(pseudo)) * stats.sem(pseudo)
    ends = np.exp(pseudo.mean() + np.array([-1, 1]) * reach).clip(1, 3)
    assert (found.low, found.high) == pytest.approx(tuple(ends))


def test_effective_personas_of_items_from_one_source_have_no_interval() -> None:
    means = np.random.default_rng(4).normal(size=(12, 4))
    apart = effective_personas(means, np.zeros(means.shape), np.arange(12))
    found = effective_personas(means, np.zeros(means.shape), np.zeros(12, dtype=np.int64))
    assert (found.value, found.low, found.high) == (apart.value, None, None)


def test_effective_personas_undefined() -> None:
    assert _personas(np.ones((10, 3))).value is None
    assert _personas(np.random.default_rng(0).normal(size=(10, 1))).value is None
    assert _personas(np.full((10, 3), np.nan)).value is None
    means = np.random.default_rng(0).normal(size=(10, 3))
    for cluster in (
        np.zeros(10, int),
        np.arange(10) // 9,
    ):  # without the only cluster, or the large one, too few are left
        one = effective_personas(means, np.zeros((10, 3)), cluster)
        assert one.value == pytest.approx(_personas(means).value)
        assert one.low is None
    most = effective_personas(means, np.zeros((10, 3)), np.where(np.arange(10) < 9, 0, np.arange(10)))
    assert most.low is None, "two clusters"


def test_vendi_by_hand() -> None:
    assert vendi_score(np.eye(5)) == pytest.approx(5)
    assert vendi_score(np.ones((5, 5))) == pytest.approx(1)
    half = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert vendi_score(half) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))
    assert vendi_score(np.empty((0, 0))) is None


def test_tfidf_equals_sklearn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    other = TfidfVectorizer(token_pattern=r"(?u)\w+").fit_transform(TEXTS)
    assert tfidf_cosine(TEXTS) == pytest.approx((other @ other.T).toarray())
    assert tfidf_cosine(["", "...", "one"]) == pytest.approx(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]]))
    assert tfidf_cosine([]).shape == (0, 0)


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_vendi_of_any_texts_lies_between_one_and_their_number(texts: list[str]) -> None:
    score = vendi_score(tfidf_cosine(texts))
    assert score is not None
    assert 1 - 1e-6 <= score <= len(texts) + 1e-6


def test_repetitiveness_by_hand() -> None:
    assert words("It's 2-fold, Naïve_x!") == ("it", "s", "2", "fold", "naïve_x")
    assert distinct_2(["a b a b", "a b"]) == pytest.approx(2 / 4)
    assert distinct_2(["one", ""]) is None
    assert compression_ratio([]) is None
    same, different = compression_ratio(["a long sentence said again"] * 20), compression_ratio(TEXTS)
    assert same is not None
    assert different is not None
    assert same > 5 * different


def test_overlap_by_hand() -> None:
    assert overlap("one two three four five", "ONE two, three four six") == pytest.approx(1 / 2)
    assert overlap("one two three", "one two three four") is None


def test_turns_are_marked() -> None:
    first = "The summary leaves out the cost that every nurse named."
    turns = [
        Said("nurse", first, {"coverage": 2}),
        Said("clerk", first, {"coverage": 4}),
        Said("nurse", "I see no reason at all to depart from it here.", {"coverage": 4}),
        Said("nurse", first, {"coverage": 2}, cites=True),
    ]
    marks = mark_turns(turns)
    assert (marks[0].repetition, marks[0].echo) == (None, None)
    assert (marks[1].repetition, marks[1].echo) == (None, 1.0)
    assert marks[2].repetition == 0.0
    assert marks[2].moved_without_reason == ("coverage",)
    assert marks[3].repetition == 1.0
    assert marks[3].moved_without_reason == (), "it cites"
    assert mark_turns([]) == ()


@pytest.mark.parametrize(
    ("text", "lean"),
    [
        ("A faithful and coherent summary.", 1),
        ("This fails; it is poor.", -1),
        ("It is not accurate.", -1),
        ("Never a bad summary.", 1),
        ("Good, but weak.", 0),
        ("It exists.", 0),
        ("It isn’t good!", -1),
    ],
)
def test_direction_of_the_words(text: str, lean: int) -> None:
    assert direction(text) == lean


def test_words_are_held_against_the_score() -> None:
    turns = [Said("nurse", "It fails.", {"coverage": 5, "tone": 2}), Said("clerk", "It fails.", {"other": 5})]
    marks = mark_turns(turns, thresholds={"coverage": 3.5, "tone": 3.5})
    assert [mark.words_against_score for mark in marks] == [("coverage",), None]
    assert mark_turns(turns)[0].words_against_score is None


def test_threshold_of_repetition_comes_from_reruns() -> None:
    assert overlap_null([["a b c d e", "a b c d e"]]) == (OVERLAP_OF_RERUNS_P95, 1)
    assert overlap_null([["one", "two"]], 0.39) == (0.39, 0)
    texts = [f"{number} the same four words again {number}" for number in range(8)]
    assert overlap_null([texts]) == (pytest.approx(2 / 4), 28)
