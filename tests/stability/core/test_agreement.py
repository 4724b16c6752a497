"""ICC, alpha and flips against pingouin, krippendorff and enumeration; permutations under a null and an effect."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from stability.measures import alpha, flips, icc, permutation
from stability.measures.arms import compare
from stability.measures.components import components
from stability.measures.features import cells, features


def ordinal(seed: int = 0, items: int = 30, personas: int = 4, runs: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y = (
        rng.normal(3, 0.8, (items, 1, 1))
        + rng.normal(0, 0.4, (1, personas, 1))
        + rng.normal(0, 0.7, (items, personas, runs))
    )
    return np.clip(np.round(y), 1, 5)


def test_icc_equals_pingouin() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pingouin warns of its own dependencies
        import pandas as pd
        import pingouin

    y = ordinal()

    def theirs(matrix: np.ndarray) -> dict[str, float]:
        item, rater = np.indices(matrix.shape)
        frame = pd.DataFrame({"i": item.ravel(), "r": rater.ravel(), "s": matrix.ravel()})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = pingouin.intraclass_corr(frame, targets="i", raters="r", ratings="s")
        column = told["ICC"].to_numpy()
        return dict(zip(("1", "A1", "C1", "1k", "Ak", "Ck"), column, strict=True))

    i, p, _ = (axis.ravel() for axis in np.indices(y[:, :1].shape))
    runs = components(features(cells(i, p, y[:, :1].ravel(), (30, 1)), np.arange(30), 30))
    one = theirs(y[:, 0])
    assert icc.one_way(runs).values()[0] == pytest.approx(one["1"], abs=1e-5)
    assert icc.one_way(runs, 5).values()[0] == pytest.approx(one["1k"], abs=1e-5)
    i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
    every = components(features(cells(i, p, y.ravel(), (30, 4)), np.arange(30), 30))
    judges = theirs(y.mean(axis=2))
    assert icc.agreement(every).values()[0] == pytest.approx(judges["A1"], abs=1e-5)
    assert icc.consistency(every).values()[0] == pytest.approx(judges["C1"], abs=1e-5)
    assert icc.agreement(every, 4).values()[0] == pytest.approx(judges["Ak"], abs=1e-5)
    assert icc.consistency(every, 4).values()[0] == pytest.approx(judges["Ck"], abs=1e-5)


def test_icc_of_an_average_is_undefined_where_items_do_not_differ_at_all() -> None:
    """Every item has the mean 11/3, so MSB = 0: ICC(1) = (0 - MSW) / (0 + 2 MSW) = -1/2, ICC(1, 3) = 1 - MSW / 0."""
    y = np.array([[3, 4, 4], [4, 3, 4], [4, 4, 3]], float)
    i, run = (axis.ravel() for axis in np.indices(y.shape))
    runs = components(features(cells(i, np.zeros_like(run), y.ravel(), (3, 1)), np.arange(3), 3))
    assert icc.one_way(runs).values()[0] == pytest.approx(-0.5)
    assert np.isnan(icc.one_way(runs, 3).values()[0])


@pytest.mark.parametrize("missing", [0.0, 0.2, 0.7])
def test_alpha_equals_krippendorff(missing: float) -> None:
    import krippendorff

    rng = np.random.default_rng(1)
    y = ordinal(1).reshape(30, -1)
    y[rng.random(y.shape) < missing] = np.nan
    theirs = krippendorff.alpha(reliability_data=y.T, level_of_measurement="ordinal", value_domain=[1, 2, 3, 4, 5])
    level = np.where(np.isnan(y), -1, np.nan_to_num(y) - 1).astype(np.int64)
    unit = np.repeat(np.arange(30), y.shape[1])
    found = alpha.coincidences(unit, level.ravel(), 5, np.arange(30), 30)
    assert alpha.ordinal_alpha(found.total(), 5)[0] == pytest.approx(theirs, abs=1e-10)
    without = krippendorff.alpha(reliability_data=y[1:].T, level_of_measurement="ordinal", value_domain=[1, 2, 3, 4, 5])
    assert alpha.ordinal_alpha(found.without_each(), 5)[0] == pytest.approx(without, abs=1e-10)


def test_alpha_of_one_grade_is_undefined() -> None:
    found = alpha.coincidences(np.array([0, 0, 1, 1]), np.zeros(4, np.int64), 3, np.arange(2), 2)
    assert np.isnan(alpha.ordinal_alpha(found.total(), 3)[0])


def test_flips_equal_enumeration_of_run_pairs() -> None:
    rng = np.random.default_rng(2)
    y = ordinal(2, items=8, personas=2, runs=6)
    y[rng.random(y.shape) < 0.3] = np.nan
    i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
    codes = np.where(np.isnan(y), -1, np.nan_to_num(y)).astype(np.int64).ravel()
    found = flips.cell_rates(i, p, codes, (8, 2), 6)
    for item, persona in itertools.product(range(8), range(2)):
        known = y[item, persona][np.isfinite(y[item, persona])]
        pairs = [a != b for a, b in itertools.combinations(known, 2)]
        assert found[item, persona] == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


def test_averaged_flips_equal_enumeration_of_disjoint_sets() -> None:
    y = ordinal(3, items=2, personas=1, runs=4)
    found = flips.disjoint_rates(y, 2, 3.0, np.random.default_rng(0), splits=6000)
    for item in range(2):
        runs = y[item, 0]
        halves = [(runs[[0, a]], np.delete(runs, [0, a])) for a in (1, 2, 3)]
        exact = np.mean([(a.mean() >= 3) != (b.mean() >= 3) for a, b in halves])
        assert found[item, 0] == pytest.approx(exact, abs=0.03)
    assert np.isnan(flips.disjoint_rates(y, 3, 3.0, np.random.default_rng(0))).all(), "never overlapping sets"


def test_permutation_sees_effects_and_keeps_its_level() -> None:
    rng = np.random.default_rng(4)
    rejected = 0
    for _ in range(150):
        y = np.round(rng.normal(3, 1, (15, 1, 1)) + rng.normal(0, 0.7, (15, 3, 2)))
        i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
        test = permutation.main_effect(cells(i, p, y.ravel(), (15, 3)), rng, permutations=99)
        rejected += test is not None and test.p <= 0.05
    assert rejected <= 16, "5 % of 150 is 7.5; 16 is past the 99.5th percentile"
    y = rng.normal(0, 0.5, (20, 3, 3)) + np.array([-0.8, 0, 0.8])[None, :, None]
    i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
    main = permutation.main_effect(cells(i, p, y.ravel(), (20, 3)), rng)
    anything = permutation.any_effect(i, p, y.ravel(), rng)
    assert main is not None
    assert anything is not None
    assert main.p == anything.p == 1 / 2001


def test_interaction_alone_is_an_effect_but_no_main_effect() -> None:
    rng = np.random.default_rng(8)
    own = rng.normal(0, 1, (40, 3, 1))
    own -= own.mean(axis=0, keepdims=True)
    y = own + rng.normal(0, 0.3, (40, 3, 3))
    i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
    main = permutation.main_effect(cells(i, p, y.ravel(), (40, 3)), rng, permutations=400)
    anything = permutation.any_effect(i, p, y.ravel(), rng, permutations=400)
    assert main is not None
    assert anything is not None
    assert main.p > 0.2
    assert anything.p < 0.01


def test_seven_personas_once_equal_one_verdict_of_seven_calls() -> None:
    """Positive control: a panel compared with its own runs' means is as steady as it says of itself."""
    rng = np.random.default_rng(9)
    y = rng.normal(0, 1, (200, 1, 1)) + rng.normal(0, 0.3, (200, 7, 1)) + rng.normal(0, 0.7, (200, 7, 6))
    verdicts = y.mean(axis=1)
    i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
    j, _ = (axis.ravel() for axis in np.indices(verdicts.shape))
    alone = cells(i, p, y.ravel(), (200, 7))
    arm = cells(j, np.zeros_like(j), verdicts.ravel(), (200, 1))
    found = compare(arm, alone, 1.0, np.arange(200), 200)
    assert found is not None
    assert found.sr_panel[0] == pytest.approx(1.0, abs=0.12)
    assert found.sr_single[0] == pytest.approx(1 / 7, abs=0.02)
    assert found.nsr_panel[0] == pytest.approx(1.0, abs=0.12)
    assert found.difference[0] == pytest.approx(0.0, abs=1e-9)


def test_sharing_orders_keeps_the_level_and_the_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large tables let many items share a shuffled order: here few items do, so that hundreds of tables fit a test."""
    monkeypatch.setattr(permutation, "SETS_MIN", 8)
    monkeypatch.setattr(permutation, "GROUPS_MAX", 8)
    rng = np.random.default_rng(7)
    i, p, _ = (axis.ravel() for axis in np.indices((40, 3, 3)))
    low = {"main": 0, "any": 0}
    for effect, tables, limits in ((0.0, 200, (2, 20)), (0.7, 20, (20, 20))):
        low = dict.fromkeys(low, 0)
        for _ in range(tables):
            y = np.round(rng.normal(3, 1, (40, 3, 3)) + effect * np.arange(3)[None, :, None])
            y[rng.random(y.shape) < 0.1] = np.nan
            main = permutation.main_effect(cells(i, p, y.ravel(), (40, 3)), rng, permutations=99)
            anything = permutation.any_effect(i, p, y.ravel(), rng, permutations=99)
            assert main is not None
            assert anything is not None
            low["main"] += main.p <= 0.05
            low["any"] += anything.p <= 0.05
        assert all(limits[0] <= count <= limits[1] for count in low.values()), "5 % of 200 without effect, all with one"


def test_all_orders_of_a_small_table() -> None:
    """One item of two personas and two calls each: 3 splits of 4 calls into pairs, the observed one the most extreme."""
    test = permutation.any_effect(
        np.zeros(4, np.int64), np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 5.0, 5.0]), np.random.default_rng(0), 2000
    )
    assert test is not None
    assert test.p == pytest.approx(1 / 3, abs=0.04)
    flat = permutation.any_effect(
        np.zeros(4, np.int64), np.array([0, 0, 1, 1]), np.full(4, 3.0), np.random.default_rng(0), 50
    )
    assert flat is not None
    assert flat.p == 1.0


def test_a_large_table_gets_fewer_permutations() -> None:
    assert permutation.affordable(10_000) == 2000
    assert permutation.affordable(120_000) == 500
    assert permutation.affordable(10_000_000) == 200


def test_many_items_of_one_shuffle_take_a_matrix_product_and_mean_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    y = np.round(rng.normal(3, 1, (1500, 3, 2)))
    i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
    found = []
    for most in (0, 100):
        monkeypatch.setattr(permutation, "GATHERED_MAX", most)
        found.append(permutation.any_effect(i, p, y.ravel(), np.random.default_rng(1), permutations=300))
    assert found[0] is not None
    assert found[0] == found[1], "the same seed, so the same shuffles"
    assert found[0].p > 1 / 301
