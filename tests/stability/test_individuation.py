"""Own, swapped, none: by hand, for recognisable personas, and for personas that are only harsh."""

from __future__ import annotations

import numpy as np
import pytest

from stability.measures.individuation import individuation, sign_flip_p


def test_by_hand_with_equal_runs() -> None:
    # every run of a cell is alike, so the halves do not depend on the draw: persona 0 says 1 then 3, persona 1 says 2, 2
    scores = np.repeat(np.array([[[1.0], [2.0]], [[3.0], [2.0]]]), 4, axis=2)
    found = individuation(scores, np.array([0, 1]), np.random.default_rng(0), generic=np.full((2, 4), 2.0))
    assert (found.own, found.swapped, found.none) == (0.0, 1.0, 0.5)
    assert (found.identified, found.chance) == (1.0, 0.5)
    assert found.gain.value == 1.0
    assert found.gain.low is None


def _personas(generator: np.random.Generator, bias: float, taste: float) -> np.ndarray:
    item, shift = generator.normal(size=(40, 1, 1)), bias * np.arange(4)[None, :, None]
    own = taste * generator.normal(size=(40, 4, 1))
    return item + shift + own + 0.5 * generator.normal(size=(40, 4, 6))


def test_taste_is_recognised_and_harshness_only_uncentred() -> None:
    generator, cluster = np.random.default_rng(1), np.arange(40) // 2
    taste = individuation(_personas(generator, 0, 1.0), cluster, generator, centred=True, permutations=2000)
    assert taste.identified == 1.0
    assert taste.p is not None
    assert taste.p < 0.01
    assert taste.gain.low is not None
    assert taste.gain.low > 0
    harsh = _personas(generator, 2.0, 0.0)
    assert individuation(harsh, cluster, generator, permutations=2000).identified == 1.0
    assert individuation(harsh, cluster, generator, centred=True, permutations=2000).gain.value == pytest.approx(
        0, abs=0.1
    )


def test_p_is_uniform_enough_under_the_null() -> None:
    generator = np.random.default_rng(2)
    p = [individuation(_personas(generator, 0, 0), np.arange(40), generator, permutations=200).p for _ in range(150)]
    assert 0.005 <= np.mean(np.array(p) < 0.05) <= 0.11


def test_sign_flip_equals_enumeration() -> None:
    differences, cluster = np.array([1.0, 0.5, 2.0, -1.0, 0.5]), np.array([0, 0, 1, 2, 3])
    sums = np.array([1.5, 2.0, -1.0, 0.5])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T
    exact = np.mean(signs @ sums >= sums.sum())
    assert sign_flip_p(differences, cluster, np.random.default_rng(3), 20_000) == pytest.approx(exact, abs=0.01)


def test_human_holders_are_the_target() -> None:
    scores = np.repeat(np.array([[[1.0], [2.0]], [[3.0], [2.0]]]), 2, axis=2)
    found = individuation(
        scores, np.array([0, 1]), np.random.default_rng(0), holders=np.array([[1.0, 3.0], [3.0, 3.0]])
    )
    assert found.own == pytest.approx((0 + 1 + 0 + 1) / 4)


def test_undefined() -> None:
    generator = np.random.default_rng(4)
    lone = individuation(generator.normal(size=(12, 1, 4)), np.arange(12), generator)
    once = individuation(generator.normal(size=(12, 3, 1)), np.arange(12), generator)
    absent = individuation(np.full((12, 3, 4), np.nan), np.arange(12), generator)
    for found in (lone, once, absent):
        assert found.own is found.p is found.identified is found.gain.value is None
