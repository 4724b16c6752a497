"""Certainty: risk-coverage with ties, calibration, the calibrated threshold."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from stability.measures.certainty import (
    auroc,
    bootstrapped,
    brier,
    calibrated_threshold,
    calibration_error,
    calibration_floor,
    mid_ranks,
    risk_coverage,
    selective_accuracy,
)


def test_risk_coverage_by_hand() -> None:
    found = risk_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert found is not None
    assert found.risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert found.oracle == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert found.base == 0.5
    assert found.excess == pytest.approx(0.125)
    assert found.normalised == pytest.approx((0.5 - 1 / 3) / (0.5 - 5 / 24))


def test_ties_share_the_mean_over_every_order() -> None:
    certainty, loss = np.array([0.9, 0.5, 0.5, 0.5]), np.array([0.0, 1.0, 0.0, 0.0])
    orders = [np.r_[0, 1 + np.array(order)] for order in permutations(range(3))]
    areas = [np.mean(np.cumsum(loss[order]) / np.arange(1, 5)) for order in orders]
    found = risk_coverage(certainty, loss)
    assert found is not None
    assert found.aurc == pytest.approx(np.mean(areas))


def test_all_tied_knows_nothing_and_the_oracle_all() -> None:
    loss = np.random.default_rng(0).integers(0, 2, 50).astype(float)
    flat, oracle = risk_coverage(np.full(50, 0.7), loss), risk_coverage(-loss, loss)
    assert flat is not None
    assert oracle is not None
    assert flat.aurc == pytest.approx(flat.base)
    assert flat.normalised == pytest.approx(0)
    assert oracle.normalised == pytest.approx(1)
    perfect = risk_coverage(np.arange(4.0), np.zeros(4))
    assert perfect is not None
    assert perfect.normalised is None
    assert risk_coverage(np.array([np.nan]), np.array([1.0])) is None


def test_selective_accuracy_counts_the_most_certain() -> None:
    certainty, correct = np.arange(10, 0, -1) / 10, np.array([1, 1, 1, 1, 0, 1, 1, 0, 0, 0.0])
    found = selective_accuracy(certainty, correct, (0.1, 0.5, 0.8, 1.0))
    assert found == pytest.approx({0.1: 1.0, 0.5: 0.8, 0.8: 0.75, 1.0: 0.6})
    assert selective_accuracy(np.empty(0), np.empty(0)) == {0.5: None, 0.8: None, 0.9: None}


def test_auroc_and_brier_equal_sklearn() -> None:
    from sklearn.metrics import brier_score_loss, roc_auc_score

    generator = np.random.default_rng(1)
    certainty = generator.integers(1, 6, 200) / 5
    correct = (generator.random(200) < certainty).astype(float)
    assert auroc(certainty, correct) == pytest.approx(roc_auc_score(correct, certainty))
    assert brier(certainty, correct) == pytest.approx(brier_score_loss(correct, certainty))
    assert auroc(certainty, np.ones(200)) is None
    assert brier(np.array([np.nan]), np.array([1.0])) is None


def test_calibration_error_by_level_and_by_mass() -> None:
    certainty, correct = np.array([0.9, 0.9, 0.6, 0.6]), np.array([1.0, 0.0, 1.0, 1.0])
    assert calibration_error(certainty, correct) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)
    many, right = np.arange(1, 101) / 100, np.ones(100)
    gaps = [abs(1 - many[start : start + 10].mean()) for start in range(0, 100, 10)]
    assert calibration_error(many, right) == pytest.approx(np.mean(gaps))
    assert calibration_error(np.empty(0), np.empty(0)) is None


def test_a_calibrated_judge_stands_at_its_noise_floor() -> None:
    generator = np.random.default_rng(2)
    certainty = generator.choice([0.5, 0.7, 0.9], 300)
    floor = calibration_floor(certainty, generator)
    assert floor is not None
    shown = [calibration_error(certainty, (generator.random(300) < certainty).astype(float)) for _ in range(100)]
    assert np.mean(shown) == pytest.approx(floor, rel=0.15)
    assert calibration_error(certainty, (generator.random(300) < 0.5).astype(float)) > 3 * floor
    assert calibration_floor(np.array([np.nan]), generator) is None


def test_ranks_and_quantiles_equal_scipy_stats() -> None:
    values = np.random.default_rng(2).integers(0, 9, 60).astype(float)
    np.testing.assert_allclose(mid_ranks(values), stats.rankdata(values))
    level, agrees = np.ones(40), (np.arange(40) < 38).astype(float)
    limit = calibrated_threshold(level, agrees, target=0.8).lower_limit
    assert limit == pytest.approx(stats.beta.ppf(0.05, 38, 3), rel=1e-10)


def test_threshold_by_hand() -> None:
    certainty = np.repeat([0.9, 0.7, 0.5], 50)
    agrees = np.r_[np.ones(50), np.ones(48), np.zeros(2), np.ones(20), np.zeros(30)]
    found = calibrated_threshold(certainty, agrees, target=0.9)
    assert found.threshold == 0.7
    assert (found.n_accepted, found.agreement) == (100, 0.98)
    exact = stats.binomtest(98, 100, alternative="greater").proportion_ci(0.95, method="exact")
    assert found.lower_limit == pytest.approx(exact.low)
    assert found.coverage == pytest.approx(2 / 3)


def test_threshold_starts_where_it_can_pass_and_abstains_always_where_none_does() -> None:
    certainty = np.r_[0.99, np.full(60, 0.8)]
    agrees = np.r_[0.0, np.ones(60)]
    assert calibrated_threshold(certainty, agrees, target=0.9).threshold == 0.8
    never = calibrated_threshold(np.full(100, 0.9), np.tile([1.0, 0.0], 50), target=0.8)
    assert (never.threshold, never.coverage, never.n_accepted) == (None, 0.0, 0)
    assert calibrated_threshold(np.empty(0), np.empty(0), target=0.8).threshold is None


def test_threshold_keeps_its_promise() -> None:
    generator = np.random.default_rng(3)
    levels, truth = np.array([0.3, 0.5, 0.7, 0.9]), np.array([0.5, 0.79, 0.82, 0.95])
    broken = 0
    for _ in range(400):
        drawn = generator.integers(0, 4, 300)
        agrees = (generator.random(300) < truth[drawn]).astype(float)
        found = calibrated_threshold(levels[drawn], agrees, target=0.85)
        if found.threshold is not None:
            broken += truth[levels >= found.threshold].mean() < 0.85
    assert broken / 400 <= 0.08


def test_bootstrapped_area_holds_its_value() -> None:
    generator = np.random.default_rng(4)
    certainty = generator.choice([0.5, 0.7, 0.9], 120)
    loss = (generator.random(120) > certainty).astype(float)

    def aurc(certain: np.ndarray, lost: np.ndarray) -> float | None:
        curve = risk_coverage(certain, lost)
        return None if curve is None else curve.aurc

    found = bootstrapped(aurc, certainty, loss, np.arange(120) // 3, generator, resamples=200)
    assert found.low < found.value < found.high
    assert (found.method, found.clusters) == ("cluster-bootstrap", 40)
    assert bootstrapped(aurc, certainty, loss, np.zeros(120, dtype=int), generator).low is None
    assert bootstrapped(auroc, certainty, np.ones(120), np.arange(120), generator).value is None
