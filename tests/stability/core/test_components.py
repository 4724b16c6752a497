"""Henderson 3 against balanced ANOVA, least squares, and planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stability.measures.components import Coefficient, components, connected, from_features
from stability.measures.features import cells, features
from stability.measures.intervals import jackknife_t


def table(scores: np.ndarray) -> tuple[object, object]:
    item, persona, _ = (axis.ravel() for axis in np.indices(scores.shape))
    reduced = cells(item, persona, scores.ravel(), scores.shape[:2])
    return reduced, features(reduced, np.arange(len(scores)), len(scores))


def draw(rng: np.random.Generator, items: int = 30, personas: int = 4, runs: int = 5) -> np.ndarray:
    return (
        rng.normal(3, 0.7, (items, 1, 1))
        + rng.normal(0, 0.4, (1, personas, 1))
        + rng.normal(0, 0.3, (items, personas, 1))
        + rng.normal(0, 0.6, (items, personas, runs))
    )


def anova(y: np.ndarray) -> dict[str, float]:
    """Expected mean squares of the balanced two-way design."""
    items, personas, runs = y.shape
    m, grand = y.mean(2), y.mean()
    a = personas * runs * ((m.mean(1) - grand) ** 2).sum() / (items - 1)
    b = items * runs * ((m.mean(0) - grand) ** 2).sum() / (personas - 1)
    inner = m - m.mean(1, keepdims=True) - m.mean(0) + grand
    ab = runs * (inner**2).sum() / ((items - 1) * (personas - 1))
    error = ((y - m[..., None]) ** 2).sum() / (items * personas * (runs - 1))
    return {
        "item": (a - ab) / (personas * runs),
        "persona": (b - ab) / (items * runs),
        "item_persona": (ab - error) / runs,
        "run": error,
    }


@pytest.mark.parametrize("seed", range(5))
def test_balanced_tables_give_the_anova_estimates(seed: int) -> None:
    y = draw(np.random.default_rng(seed))
    found = components(table(y)[1]).first()
    assert found == pytest.approx(anova(y), abs=1e-9)


def test_a_table_worked_by_hand() -> None:
    # Two items, two personas, two runs: cell means 1 3 / 2 6, every cell (mean - 1, mean + 1), so variance 2.
    mean = np.array([[1.0, 3.0], [2.0, 6.0]])
    y = np.stack([mean - 1, mean + 1], axis=2)
    # Residual 1 (interaction contrast 2, squared over 4), noise 2/2 = 1; persona SS 9, item SS 4.
    assert components(table(y)[1]).first() == pytest.approx(
        {"run": 2.0, "item_persona": 0.0, "persona": (9 - 1) / 2, "item": (4 - 1) / 2}
    )


def test_unbalanced_sums_of_squares_equal_least_squares() -> None:
    rng = np.random.default_rng(3)
    y = draw(rng, items=15, runs=3)
    y[rng.random(y.shape) < 0.3] = np.nan
    reduced, told = table(y)
    item, persona = np.nonzero(reduced.filled)
    means = reduced.mean[item, persona]

    def rss(*designs: np.ndarray) -> float:
        x = np.concatenate(designs, axis=1)
        return float(((means - x @ np.linalg.lstsq(x, means, rcond=None)[0]) ** 2).sum())

    a, b = np.eye(15)[item], np.eye(4)[persona]
    a = a[:, a.any(axis=0)]
    n, items, personas = len(means), a.shape[1], 4
    residual = rss(a, b) / (n - items - personas + 1)
    rb, ra = rss(a) - rss(a, b), rss(b) - rss(a, b)
    counts = reduced.filled.sum(axis=1)
    trace = n - (reduced.filled / np.maximum(counts, 1)[:, None]).sum()
    found = components(told)
    assert found.residual[0] == pytest.approx(residual, abs=1e-9)
    assert found.persona[0] == pytest.approx((rb - (personas - 1) * residual) / trace, abs=1e-9)
    assert found.item[0] == pytest.approx((ra - (items - 1) * residual) / (n - personas), abs=1e-9)


def test_delete_one_equals_recomputation() -> None:
    rng = np.random.default_rng(4)
    y = draw(rng, items=12)
    y[rng.random(y.shape) < 0.2] = np.nan
    item, persona, _ = (axis.ravel() for axis in np.indices(y.shape))
    cluster = np.arange(12) // 2
    reduced = cells(item, persona, y.ravel(), (12, 4))
    told = features(reduced, cluster, 6)
    fast = from_features(told.without_each(), 4)
    weights = rng.integers(0, 3, (1, 6)).astype(float)
    assert from_features(weights @ told.rows, 4).run[0] == pytest.approx(
        components(_kept(y, np.repeat(np.arange(12), weights[0][cluster].astype(int)))).run[0]
    )
    for k in range(6):
        slow = components(_kept(y, np.flatnonzero(cluster != k)))
        for name in ("item", "persona", "item_persona", "run"):
            assert getattr(fast, name)[k] == pytest.approx(getattr(slow, name)[0], abs=1e-9), name


def _kept(y: np.ndarray, items: np.ndarray) -> object:
    return table(y[items])[1]


def test_adaptive_reruns_do_not_bias_run_variance() -> None:
    """Noisy items are re-run 9 times, quiet ones 3: a pooled estimator overstates run variance by half."""
    rng = np.random.default_rng(5)
    sd = np.where(np.arange(400) % 2 == 0, 0.3, 0.9)
    y = rng.normal(0, 1, (400, 1, 1)) + rng.normal(0, 1, (400, 4, 9)) * sd[:, None, None]
    noisy = np.nanvar(y[:, :, :3], axis=2, ddof=1).mean(axis=1) > 0.4
    y[~noisy, :, 3:] = np.nan
    told = table(y)[1]
    without = from_features(told.without_each(), 4).run
    error = np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum())
    truth = float((sd**2).mean())
    pooled = float(np.nanmean((y - np.nanmean(y, axis=2, keepdims=True)) ** 2)) * 9 / 8
    assert abs(components(told).run[0] - truth) < 3 * error
    assert pooled - truth > 3 * error, "the data must be such that pooling would show"


def test_planted_components_are_recovered() -> None:
    rng = np.random.default_rng(6)
    found = [components(table(draw(rng, items=60))[1]).first() for _ in range(150)]
    mean = {name: np.mean([one[name] for one in found]) for name in found[0]}
    assert mean["item"] == pytest.approx(0.49, abs=0.03)
    assert mean["persona"] == pytest.approx(0.16, abs=0.04)
    assert mean["item_persona"] == pytest.approx(0.09, abs=0.01)
    assert mean["run"] == pytest.approx(0.36, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-100, 100), st.floats(0.1, 10))
def test_shift_relabelling_and_scale(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    y = draw(rng, items=8, personas=3, runs=3)
    before = components(table(y)[1])
    moved = rng.permuted(y[rng.permutation(8)][:, rng.permutation(3)], axis=2) * scale + shift
    after = components(table(moved)[1])
    for name in ("item", "persona", "item_persona", "run"):
        assert getattr(after, name)[0] == pytest.approx(getattr(before, name)[0] * scale**2, rel=1e-6, abs=1e-7)


def test_degenerate_designs_are_undefined_not_zero() -> None:
    one = draw(np.random.default_rng(0), personas=1)
    assert components(table(one)[1]).first()["persona"] is None
    single = draw(np.random.default_rng(0), runs=1)
    found = components(table(single)[1]).first()
    assert found["run"] is None
    assert found["item_persona"] is None
    assert found["item"] is not None
    apart = draw(np.random.default_rng(0), items=6)
    apart[:3, 2:] = np.nan
    apart[3:, :2] = np.nan
    assert not connected(table(apart)[1])
    assert components(table(apart)[1]).first()["persona"] is None
    lonely = draw(np.random.default_rng(0), items=1)
    assert components(table(lonely)[1]).first()["item"] is None


def test_jackknife_t_by_hand() -> None:
    values = np.arange(10.0)
    without = (values.sum() - values) / 9
    found = jackknife_t(4.5, without, "identity")
    assert found is not None
    reach = 2.2621571627 * values.std(ddof=1) / np.sqrt(10)  # t with 9 df
    assert (found.low, found.high) == pytest.approx((4.5 - reach, 4.5 + reach))
    assert jackknife_t(4.5, without[:9], "identity") is None, "nine clusters give no interval"
    assert jackknife_t(4.5, np.full(12, 4.5), "identity") is None, "nothing varies"
    negative = jackknife_t(-0.1, np.linspace(-0.2, 0.1, 12), "log")
    assert negative is not None
    assert negative.method == "jackknife-t(identity)"


def test_a_signal_that_is_only_what_rounding_left_is_none() -> None:
    """0.1 + 0.2 - 0.3 is no dependability of 1e-17."""
    left = Coefficient(np.array([0.1 + 0.2 - 0.3, 1e-6]), np.array([0.5, 0.5]))
    for found in (left.values(), left.truncated()):
        assert found[0] == 0
        assert found[1] == pytest.approx(2e-6, rel=1e-4)
