"""Agreement with humans: against scipy, with resamples that are true resamples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stability.measures import humans
from stability.measures.humans import compare_arms, correlation, human_agreement, williams_test


def _data(seed: int = 0, items: int = 40, runs: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    truth = generator.normal(3, 1, items)
    scores = np.clip(np.round(truth[:, None] + generator.normal(0, 1, (items, runs))), 1, 5)
    return scores, np.round(truth), np.arange(items) // 2


def test_correlations_equal_scipy_with_ties() -> None:
    scores, human, _ = _data()
    x = scores.mean(axis=1).round(1)
    assert correlation("spearman", x, human) == pytest.approx(stats.spearmanr(x, human).statistic)
    assert correlation("kendall", x, human) == pytest.approx(stats.kendalltau(x, human).statistic)
    assert correlation("pearson", x, human) == pytest.approx(stats.pearsonr(x, human).statistic)


def test_weighted_correlations_equal_repeated_items(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, human, _ = _data(1)
    x = scores[:, 0]
    weights = np.random.default_rng(2).integers(0, 4, (5, len(x))).astype(float)
    repeated = [np.repeat(np.arange(len(x)), row.astype(int)) for row in weights]
    for kind, other in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau), ("pearson", stats.pearsonr)):
        expected = [other(x[drawn], human[drawn]).statistic for drawn in repeated]
        assert humans._weighted(kind, x[None], human, weights) == pytest.approx(expected)
    monkeypatch.setattr(humans, "PAIRS_ITEMS_MAX", 10)
    expected = [stats.kendalltau(x[drawn], human[drawn]).statistic for drawn in repeated]
    assert humans._weighted("kendall", x[None], human, weights) == pytest.approx(expected)


def test_more_runs_agree_better_and_intervals_hold_the_value() -> None:
    scores, human, cluster = _data(3, items=60, runs=10)
    found = human_agreement(scores, human, cluster, np.random.default_rng(4), resamples=300)
    assert [agreement.runs for agreement in found] == [1, 2, 5, 10]
    values = [agreement.pearson.value for agreement in found]
    assert values == sorted(values)
    full = found[-1]
    assert full.spearman.value == pytest.approx(stats.spearmanr(scores.mean(axis=1), human).statistic)
    for estimate in (full.spearman, full.kendall, full.pearson):
        assert estimate.low < estimate.value < estimate.high
        assert (estimate.method, estimate.clusters) == ("cluster-bootstrap", 30)
    again = human_agreement(scores, human, cluster, np.random.default_rng(4), resamples=300)
    assert again == found, "a seeded generator gives the same figures"


def test_undefined_without_humans_items_or_spread() -> None:
    scores, human, cluster = _data(5)
    none = np.full_like(human, np.nan)
    assert all(a.spearman.value is None for a in human_agreement(scores, none, cluster, np.random.default_rng(0)))
    same = human_agreement(np.full((20, 2), 3.0), human[:20], cluster[:20], np.random.default_rng(0))
    assert same[0].pearson.value is same[0].kendall.value is None
    assert human_agreement(np.full((5, 2), np.nan), human[:5], cluster[:5], np.random.default_rng(0)) == ()
    few = human_agreement(scores[:8], human[:8], cluster[:8], np.random.default_rng(0))
    assert few[-1].pearson.value is not None
    assert few[-1].pearson.low is None, "four clusters"


def test_williams_by_hand() -> None:
    # n = 103, r = .4, .5, .1: |R| = 1 - .16 - .25 - .01 + .04 = .62, mean r = .45
    # t = -.1 * sqrt(102 * 1.1 / (2 * 102 / 100 * .62 + .2025 * .729)) = -.8913
    found = williams_test(0.4, 0.5, 0.1, 103)
    assert found.statistic == pytest.approx(-0.8913, abs=2e-4)
    assert found.p == pytest.approx(0.375, abs=1e-3)
    assert williams_test(0.5, 0.4, 0.1, 103).statistic == pytest.approx(0.8913, abs=2e-4)
    assert williams_test(0.5, 0.4, 1.0, 103).p is None
    assert williams_test(0.5, 0.4, 0.1, 3).p is None


def test_williams_rejects_at_its_level_under_the_null() -> None:
    generator = np.random.default_rng(6)
    human = generator.normal(size=(600, 40))
    arms = human[:, None] + generator.normal(size=(600, 2, 40))
    p = []
    for h, (a, b) in zip(human, arms, strict=True):
        r = np.corrcoef([a, b, h])
        p.append(williams_test(r[0, 2], r[1, 2], r[0, 1], 40).p)
    assert 0.03 < np.mean(np.array(p) < 0.05) < 0.075


def test_arms_compared_on_the_same_items() -> None:
    generator = np.random.default_rng(8)
    human = generator.normal(size=80)
    close, far = human + generator.normal(0, 0.3, 80), human + generator.normal(0, 2, 80)
    interval, test = compare_arms(close, far, human, np.arange(80), generator, resamples=400)
    assert interval.low is not None
    assert interval.low > 0
    assert test.p is not None
    assert test.p < 0.001
    same, nothing = compare_arms(close, close, human, np.arange(80), generator, resamples=100)
    assert (same.value, same.low, nothing.p) == (0.0, 0.0, None)
    undefined, _ = compare_arms(close, np.full(80, np.nan), human, np.arange(80), generator)
    assert undefined.value is None
