"""Intervals over clusters: the one-pass jackknife equals recomputation, the bootstrap equals drawing items."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stability.measures.clustered import bootstrap, cluster_weights, jackknife_sums


def _mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def test_mean_of_singletons_is_the_t_interval() -> None:
    values = np.random.default_rng(1).uniform(2, 4, 30)  # no heavier tails than the normal: 29 degrees of freedom
    found = jackknife_sums(np.stack([values, np.ones(30)], axis=1), np.arange(30), _mean)
    low, high = stats.t.interval(0.95, 29, values.mean(), stats.sem(values))
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.method == "jackknife-t(identity)"


def test_one_pass_equals_recomputation_without_each_cluster() -> None:
    generator = np.random.default_rng(2)
    cluster = generator.integers(0, 12, 60)
    features = np.stack([generator.random(60), 1 + generator.random(60)], axis=1)
    found = jackknife_sums(features, cluster, _mean, scale="logit")
    deleted = np.array([_mean(features[cluster != k].sum(axis=0)) for k in np.unique(cluster)])
    logit = np.log(deleted / (1 - deleted))
    centre = np.log(found.value / (1 - found.value))
    pseudo = 12 * centre - 11 * logit
    freedom = 11 / (1 + max(stats.kurtosis(pseudo, bias=False), 0) * 11 / 24)
    assert 2 < freedom < 11
    reach = stats.t.ppf(0.975, freedom) * pseudo.std(ddof=1) / np.sqrt(12)
    assert found.low == pytest.approx(1 / (1 + np.exp(reach - pseudo.mean())))
    assert found.high == pytest.approx(1 / (1 + np.exp(-reach - pseudo.mean())))


def test_few_clusters_and_ends_of_the_scale_have_no_interval() -> None:
    ones = np.ones((30, 2))
    assert jackknife_sums(ones, np.arange(30) % 9, _mean).low is None
    certain = jackknife_sums(ones, np.arange(30), _mean, scale="logit")
    assert (certain.value, certain.low) == (1.0, None)
    assert jackknife_sums(np.zeros((30, 2)), np.arange(30), _mean).value is None


def test_weights_draw_whole_clusters() -> None:
    cluster = np.array([0, 0, 1, 2, 2, 2])
    weights = np.concatenate(list(cluster_weights(cluster, 500, np.random.default_rng(3))))
    assert weights.shape == (500, 6)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert weights.mean() == pytest.approx(1, abs=0.1)


def test_bootstrap_of_a_mean_agrees_with_scipy() -> None:
    values = np.random.default_rng(4).normal(0, 1, 80)

    def mean(weights: np.ndarray) -> np.ndarray:
        return weights @ values / weights.sum(axis=1)

    found = bootstrap(float(values.mean()), np.arange(80), mean, np.random.default_rng(5))
    other = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(6), n_resamples=2000)
    assert found.low == pytest.approx(other.confidence_interval.low, abs=0.03)
    assert found.high == pytest.approx(other.confidence_interval.high, abs=0.03)
    assert bootstrap(None, np.arange(80), mean, np.random.default_rng(5)).value is None
    assert bootstrap(0.1, np.zeros(80, dtype=int), mean, np.random.default_rng(5)).low is None
