"""System rankings from disjoint runs; the effective number of judges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stability.measures.effective import effective_judges, kish_size, weighted_variance
from stability.measures.systems import kendall_tau, ranking_stability


def test_kendall_equals_scipy() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        x, y = generator.integers(0, 5, (2, 9)).astype(float)
        assert kendall_tau(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)
    assert np.isnan(kendall_tau(np.ones(4), np.arange(4.0)))


def test_two_runs_by_hand() -> None:
    # run 1 ranks the systems 1 < 2 < 3, run 2 ranks them 1 < 3 < 2: two of three pairs agree, tau = 1/3
    scores = np.array([[1.0, 1.0], [2.0, 3.0], [3.0, 2.0]])
    found = ranking_stability(scores, np.array([0, 1, 2]), np.zeros(3, dtype=int), np.random.default_rng(0))
    assert found.value == pytest.approx(1 / 3)
    assert found.low is None


def test_perfect_runs_and_noise_are_told_apart() -> None:
    generator = np.random.default_rng(1)
    system, document = np.tile(np.arange(6), 30), np.repeat(np.arange(30), 6)
    steady = system[:, None] + generator.normal(0, 0.1, (180, 4))
    assert ranking_stability(steady, system, document, generator).value == 1.0
    noise = ranking_stability(generator.normal(size=(180, 3, 4)), system, document, generator)
    assert noise.value is not None
    assert abs(noise.value) < 0.5
    assert noise.low is not None
    assert -1 <= noise.low < noise.value


def test_systems_undefined() -> None:
    generator = np.random.default_rng(2)
    scores, cluster = generator.normal(size=(20, 4)), np.arange(20)
    assert ranking_stability(scores, np.zeros(20, dtype=int), cluster, generator).value is None
    assert ranking_stability(scores[:, :1], np.arange(20) % 3, cluster, generator).value is None
    assert ranking_stability(np.ones((20, 4)), np.arange(20) % 3, cluster, generator).value is None
    empty = np.empty((0, 2))
    assert ranking_stability(empty, np.empty(0, dtype=int), np.empty(0, dtype=int), generator).value is None


def test_effective_judges_against_corrcoef() -> None:
    generator = np.random.default_rng(3)
    human = generator.normal(size=50)
    errors = generator.normal(size=(50, 1)) + generator.normal(size=(50, 4))
    found = effective_judges(human[:, None] + errors, np.arange(50), human)
    rho = (np.corrcoef(errors.T).sum() - 4) / 12
    assert found.basis == "errors"
    assert found.correlation == pytest.approx(rho)
    assert found.n_eff.value == pytest.approx(4 / (1 + 3 * rho))
    assert found.n_eff.low is not None
    assert found.n_eff.low < 4 / (1 + 3 * 0.5) < found.n_eff.high
    scores = effective_judges(human[:, None] + errors, np.arange(50))
    assert scores.basis == "scores"
    assert scores.n_eff.value == pytest.approx(4 / (1 + 3 * scores.correlation))


def test_copies_are_one_judge_and_strangers_all_of_theirs() -> None:
    generator = np.random.default_rng(4)
    one = generator.normal(size=(400, 1))
    assert effective_judges(np.repeat(one, 9, axis=1), np.arange(400)).n_eff.value == pytest.approx(1)
    strangers = effective_judges(generator.normal(size=(400, 9)), np.arange(400)).n_eff.value
    assert strangers == pytest.approx(9, rel=0.15)
    alike = effective_judges(one[:15] + generator.normal(0, 0.3, (15, 3)), np.arange(15)).n_eff
    assert alike.low == 1.0, "there is no less than one judge"
    assert alike.high is not None
    assert alike.high > alike.value


def test_effective_judges_undefined_or_missing() -> None:
    generator = np.random.default_rng(5)
    values = generator.normal(size=(20, 3))
    assert effective_judges(values[:, :1], np.arange(20)).n_eff.value is None
    assert effective_judges(np.ones((20, 3)), np.arange(20)).n_eff.value is None
    opposed = np.stack([values[:, 0], -values[:, 0]], axis=1)
    assert effective_judges(opposed, np.arange(20)).n_eff.value is None
    values[:, 2] = np.nan
    assert effective_judges(values, np.arange(20)).personas == 2


def test_weights() -> None:
    assert kish_size(np.ones(5)) == 5
    assert kish_size(np.array([1.0, 0, 0])) == 1
    assert kish_size(np.zeros(3)) is None
    assert weighted_variance(np.array([3.0, 1.0]), np.array([0.4, 0.8])) == pytest.approx(0.75**2 * 0.4 + 0.25**2 * 0.8)
    assert weighted_variance(np.zeros(2), np.ones(2)) is None
