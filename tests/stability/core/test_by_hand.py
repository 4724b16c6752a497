"""Small tables worked on paper: alpha, intraclass correlations, dependability and its plan, a debate beside its panel."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stability.measures import arms, icc, planning
from stability.measures.alpha import coincidences, ordinal_alpha
from stability.measures.components import VarianceComponents, components
from stability.measures.features import cells, features


def _parts(item: float, persona: float, item_persona: float, run: float) -> VarianceComponents:
    one = [np.array([value]) for value in (item, persona, item_persona, run, item_persona + run, run, 1.0)]
    return VarianceComponents(*one)


def test_ordinal_alpha() -> None:
    # (1,1) (2,2) (3,3) (1,2): three 1s, three 2s, two 3s; mid-ranks 1.5, 4.5, 7; squared distances 9, 30.25, 6.25
    # observed 2 x 9 / 8, expected 2 (9 x 9 + 6 x 30.25 + 6 x 6.25) / (8 x 7)
    unit, level = np.repeat(np.arange(4), 2), np.array([0, 0, 1, 1, 2, 2, 0, 1])
    found = coincidences(unit, level, 3, np.arange(4), 4)
    assert ordinal_alpha(found.total(), 3)[0] == pytest.approx(1 - (2 * 9 / 8) / (600 / 56))
    assert found.coders == 2
    assert np.isnan(ordinal_alpha(coincidences(unit, np.zeros(8, int), 1, np.arange(4), 4).total(), 1)[0])


def test_icc_of_runs() -> None:
    # means 2, 3, 7: mean square between 2 x 7, within 2: (14 - 2) / (14 + 2) and (14 - 2) / 14
    scores = np.array([[1, 3], [2, 4], [6, 8]], float)
    item = np.repeat(np.arange(3), 2)
    table = cells(item, np.zeros(6, np.int64), scores.ravel(), (3, 1))
    parts = components(features(table, np.arange(3), 3))
    assert icc.one_way(parts).values()[0] == pytest.approx(12 / 16)
    assert icc.one_way(parts, 2).values()[0] == pytest.approx(12 / 14)


def test_dependability_of_two_personas_with_three_runs() -> None:
    parts = _parts(1.0, 0.2, 0.1, 0.6)
    error = (0.2 + 0.1) / 2 + 0.6 / 6
    assert planning.phi(parts, 2, 3)[0] == pytest.approx(1 / (1 + error))
    assert planning.phi(parts)[0] == pytest.approx(1 / 1.9)
    signal = 1 + 0.1 / 2  # of exactly these two, what only one of them sees in an item is signal
    assert planning.dependability_fixed(parts, 2, 3).values()[0] == pytest.approx(signal / (signal + 0.1))
    assert planning.phi(_parts(-0.1, 0.2, 0.1, 0.6))[0] == 0, "truncated"
    assert planning.phi(_parts(1.0, -0.5, 0.1, 0.6))[0] == pytest.approx(1 / 1.7), "and so is what is taken for error"


def test_the_plan_against_the_closed_form() -> None:
    """R' = ceil(k s2_run / (P' s2_item) / (1 - k (s2_persona + s2_ip) / (P' s2_item))), k = target / (1 - target)."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        item, persona, both, run = rng.gamma(2, [0.3, 0.05, 0.05, 0.2])
        target = rng.uniform(0.5, 0.9)
        parts, k = _parts(item, persona, both, run), target / (1 - target)
        designs = planning.grid(parts, 5)
        for personas in (1, 3, 8):
            left = 1 - k * (persona + both) / (personas * item)
            runs = math.ceil(k * run / (personas * item) / left - 1e-12) if left > 0 else None
            enough = [one.runs for one in designs if one.personas == personas and one.phi >= target]
            assert min(enough, default=None) == (
                max(runs, 1) if runs is not None and runs <= planning.RUNS_MAX else None
            )
    assert planning.cheapest(planning.grid(_parts(0.0, 0.1, 0.1, 0.5), 5), 0.8) is None
    assert planning.grid(_parts(np.nan, 0.1, 0.1, 0.5), 5) == []


def test_a_debate_beside_its_panel() -> None:
    # judges: item 1 (1,3) (2,2), item 2 (4,4) (3,5): run variance 1 on average; debate: (1,2) (4,4), .25 on average
    # a panel of three calls a judge: 2 / (2 x 2 x 3) = 1/6; signal of the panel 2 - 1/4, of the debate 3.125 - 1/8
    item, persona, _ = (axis.ravel() for axis in np.indices((2, 2, 2)))
    alone = cells(item, persona, np.array([1, 3, 2, 2, 4, 4, 3, 5], float), (2, 2))
    debate = cells(np.array([0, 0, 1, 1]), np.zeros(4, np.int64), np.array([1, 2, 4, 4], float), (2, 1))
    found = arms.compare(debate, alone, 3, np.arange(2), 2)
    assert found is not None
    assert found.sr_single[0] == pytest.approx(0.25)
    assert found.sr_panel[0] == pytest.approx(1.5)
    assert found.nsr_panel[0] == pytest.approx(1.5 * 1.75 / 3)
    assert found.difference[0] == pytest.approx(-0.25)
    assert np.isnan(arms.compare(debate, alone, None, np.arange(2), 2).sr_panel[0])  # type: ignore[union-attr]
    once = cells(np.array([0, 1]), np.zeros(2, np.int64), np.array([1.0, 4.0]), (2, 1))
    assert arms.compare(once, alone, 3, np.arange(2), 2) is None, "no verdict was heard twice"
