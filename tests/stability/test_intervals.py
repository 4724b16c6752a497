"""The jackknife's interval: worked by hand, its degrees of freedom, its scales; and draws for other personas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stability.assemble_variance import draws_of
from stability.measures import planning
from stability.measures.components import VarianceComponents, from_features
from stability.measures.draws import _of_personas, hybrid_draws, quantiles, ratio_draws
from stability.measures.features import Features, cells, features
from stability.measures.intervals import agreement_t, coefficient_t, freedom, jackknife_t


def test_degrees_of_freedom_by_hand() -> None:
    # m4 / m2^2 of ten 0s and two 6s: mean 1, squares 10 x 1 and 2 x 25, fourths 10 x 1 and 2 x 625: (1260/12) / (60/12)^2
    values = np.array([0.0] * 10 + [6.0] * 2)
    excess = 11 / (10 * 9) * (13 * (1260 / 12 / 25 - 3) + 6)
    assert excess == pytest.approx(stats.kurtosis(values, bias=False))
    assert freedom(values) == pytest.approx(11 / (1 + excess * 11 / 24))


def test_degrees_of_freedom_are_one_less_than_the_clusters_where_tails_are_light_and_few_where_one_is_far() -> None:
    assert freedom(np.arange(20.0)) == pytest.approx(19)
    one_far = np.zeros(20)
    one_far[3] = 100.0
    assert freedom(one_far) == pytest.approx(1.81, abs=0.01)
    normal = np.random.default_rng(0).normal(size=4000)
    assert freedom(normal) == pytest.approx(3999, rel=0.15)


def test_freedom_is_that_of_the_sample_variance() -> None:
    """df = 2 / CV^2 of s^2: by simulation, for exponential values (excess kurtosis 6, df 19 / (1 + 6 x 19 / 40))."""
    variances = np.random.default_rng(1).exponential(size=(200_000, 20)).var(axis=1, ddof=1)
    assert 2 * (variances.mean() / variances.std()) ** 2 == pytest.approx(19 / (1 + 6 * 19 / 40), rel=0.03)


@pytest.mark.parametrize(
    ("scale", "forward", "back"),
    [
        ("log", np.log, np.exp),
        ("fourth_root", lambda x: x**0.25, lambda x: x**4),
        ("inverse_root", lambda x: -(x**-0.5), lambda x: x**-2),
    ],
)
def test_scales_against_a_plain_recomputation(scale: str, forward: object, back: object) -> None:
    values = np.random.default_rng(2).chisquare(6, 40)
    value, without = values.mean(), (values.sum() - values) / 39
    pseudo = 40 * forward(value + 0.5) - 39 * forward(without + 0.5)  # type: ignore[operator]
    reach = stats.t.ppf(0.975, freedom(pseudo)) * stats.sem(pseudo)
    found = jackknife_t(value, without, scale, error=0.5)  # type: ignore[arg-type]
    assert found is not None
    expected = [back(pseudo.mean() + sign * reach) - 0.5 for sign in (-1, 1)]  # type: ignore[operator]
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.low < value < found.high  # type: ignore[operator]


def test_an_inverse_root_without_end_above_is_1_for_a_coefficient() -> None:
    signal = np.concatenate([[2.0], np.array([0.2] + [2.4] * 9 + [1.9] * 2)])
    found = coefficient_t(signal, np.ones(13), 0.1)
    assert found is not None
    assert found.high == 1.0
    assert 0 <= found.low <= 2 / 3  # type: ignore[operator]


def test_fisher_z_of_two_coders_is_the_arctanh_and_ends_at_minus_one_over_m_less_1() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([[0.4], 0.4 + rng.normal(0, 0.02, 30)])
    found = agreement_t(values, 2)
    z = np.arctanh(values)
    pseudo = 30 * z[0] - 29 * z[1:]
    reach = stats.t.ppf(0.975, freedom(pseudo)) * stats.sem(pseudo)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(tuple(np.tanh(pseudo.mean() + np.array([-1, 1]) * reach)))
    wide = agreement_t(np.concatenate([[-0.05], -0.05 + rng.normal(0, 0.03, 12)]), 5)
    assert wide is not None
    assert wide.low > -1 / 4  # type: ignore[operator]
    assert agreement_t(np.array([-0.3] + [-0.3, -0.29] * 6), 5).method == "jackknife-t(identity)"  # type: ignore[union-attr]
    assert agreement_t(np.array([1.0] + [1.0, 0.9] * 6), 5) is None


SDS = {"item": 0.7, "persona": 0.395, "interaction": 0.3, "run": 0.642}


def _table(generator: np.random.Generator, items: int = 60, personas: int = 5) -> tuple[VarianceComponents, Features]:
    item = generator.normal(0, SDS["item"], (items, 1, 1))
    persona = generator.normal(0, SDS["persona"], (1, personas, 1))
    both = generator.normal(0, SDS["interaction"], (items, personas, 1))
    scores = item + persona + both + generator.normal(0, SDS["run"], (items, personas, 3))
    i, p, _ = np.indices(scores.shape)
    told = features(cells(i.ravel(), p.ravel(), scores.ravel(), (items, personas)), np.arange(items), items)
    return from_features(np.concatenate([told.total, told.without_each()]), personas), told


def test_draws_hold_the_truth_where_the_jackknife_alone_does_not() -> None:
    generator = np.random.default_rng(1)
    squares = {name: sd**2 for name, sd in SDS.items()}
    truth = squares["item"] / sum(squares.values())
    joined, single = [], []
    for _ in range(200):
        parts, told = _table(generator, items=80)
        draws = hybrid_draws(told, parts, generator, 300)
        assert draws is not None
        found, values = quantiles(planning.phi(draws)), planning.phi(parts)
        items = jackknife_t(float(values[0]), values[1:], "logit")
        assert found is not None
        assert items is not None
        joined.append(found.low <= truth <= found.high)  # type: ignore[operator]
        single.append(items.low <= truth <= items.high)  # type: ignore[operator]
    assert np.mean(joined) >= 0.91
    assert np.mean(single) < 0.91


def test_draws_of_the_persona_variance_are_the_chi_square_interval() -> None:
    parts, told = _table(np.random.default_rng(4), items=4000)  # so many items leave nothing open but the personas
    draws = hybrid_draws(told, parts, np.random.default_rng(5), 20_000)
    assert draws is not None
    low, high = np.quantile(draws.persona, [0.025, 0.975])
    ends = parts.persona[0] * 4 / stats.chi2.ppf([0.975, 0.025], 4)
    assert (low, high) == pytest.approx(tuple(ends), rel=0.05)
    assert np.quantile(draws.item, 0.5) == pytest.approx(parts.item[0], rel=0.02)


def test_run_variance_that_differs_by_persona_is_uncertain_for_other_personas() -> None:
    rng = np.random.default_rng(6)
    spread = {}
    for name, sds in (("alike", [0.6] * 5), ("unlike", [0.2, 0.4, 0.6, 0.8, 1.0])):
        scores = rng.normal(0, 0.7, (300, 1, 1)) + np.array(sds)[:, None] * rng.normal(size=(300, 5, 3))
        i, p, _ = np.indices(scores.shape)
        draws = draws_of(cells(i.ravel(), p.ravel(), scores.ravel(), (300, 5)), np.arange(300), 300, rng)
        assert draws is not None
        spread[name] = np.log(draws.run).std()
    mean_run = np.square([0.2, 0.4, 0.6, 0.8, 1.0])
    expected = mean_run.std(ddof=1) / np.sqrt(5) / mean_run.mean() * np.sqrt(2)  # t with 4 df: variance 4 / 2
    assert spread["unlike"] == pytest.approx(expected, rel=0.15)
    assert spread["alike"] < 0.1


def test_personas_left_out_by_hand() -> None:
    """Two clusters' worth of nothing: logs 0 for the table, a shift per persona left out, the same without any cluster."""
    squares = np.ones((3, 13))
    shifts = np.array([0.2, -0.1, 0.1, -0.2])
    without = []
    for shift in shifts:
        value = np.full(13, np.exp(shift))
        without.append(VarianceComponents(value - value / 3, value, value, value, value, value, value))
    drawn = _of_personas(squares, without, np.random.default_rng(0), 50_000)
    pseudo = -3 * shifts
    error = pseudo.std(ddof=1) / 2
    assert drawn.std(axis=1) == pytest.approx(error * np.sqrt(3), rel=0.15), "t with 3 df: variance 3 / (3 - 2)"
    assert np.quantile(drawn[0], 0.975) == pytest.approx(stats.t.ppf(0.975, 3) * error, rel=0.05)
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(1), "all three moved together"
    assert (_of_personas(squares, without[:2], np.random.default_rng(0), 5) == 0).all()
    assert (_of_personas(-squares, without, np.random.default_rng(0), 5) == 0).all()


def test_no_draws_with_few_clusters_or_one_persona_and_no_noise_where_nothing_was_rerun_otherwise() -> None:
    generator = np.random.default_rng(2)
    parts, told = _table(generator, items=9)
    assert hybrid_draws(told, parts, generator) is None
    parts, told = _table(generator, personas=1)
    assert hybrid_draws(told, parts, generator) is None
    grades = np.repeat(generator.integers(1, 6, (60, 5, 1)).astype(float), 3, axis=2)
    i, p, _ = np.indices(grades.shape)
    told = features(cells(i.ravel(), p.ravel(), grades.ravel(), (60, 5)), np.arange(60), 60)
    parts = from_features(np.concatenate([told.total, told.without_each()]), 5)
    still = hybrid_draws(told, parts, generator)
    assert still is not None
    assert (still.run == 0).all()
    assert np.isfinite(still.item).all()
    assert quantiles(still.run) is None, "nothing varies"


def test_a_ratio_of_draws_is_infinite_where_its_denominator_is_not_above_0() -> None:
    found = ratio_draws(np.array([1.0, 1.0, 1.0, np.nan]), np.array([2.0, 0.0, -1.0, 1.0]))
    assert found[:3].tolist() == [0.5, np.inf, np.inf]
    assert np.isnan(found[3])
