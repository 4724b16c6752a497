"""Dependability for other personas: the joined interval is the wider one, and it covers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from stability.measures import planning
from stability.measures.components import VarianceComponents, from_features
from stability.measures.features import Features, cells, features
from stability.measures.intervals import hybrid_draws, jackknife_t, quantiles
from stability.measures.recovery import random_coefficient

SDS = {"item": 0.7, "persona": 0.395, "interaction": 0.3, "run": 0.642}


def _table(generator: np.random.Generator, items: int = 60, personas: int = 5) -> tuple[VarianceComponents, Features]:
    item = generator.normal(0, SDS["item"], (items, 1, 1))
    persona = generator.normal(0, SDS["persona"], (1, personas, 1))
    both = generator.normal(0, SDS["interaction"], (items, personas, 1))
    scores = item + persona + both + generator.normal(0, SDS["run"], (items, personas, 3))
    i, p, _ = np.indices(scores.shape)
    told = features(cells(i.ravel(), p.ravel(), scores.ravel(), (items, personas)), np.arange(items), items)
    return from_features(np.concatenate([told.total, told.without_each()]), personas), told


def test_reaches_join_in_quadrature() -> None:
    generator = np.random.default_rng(0)
    parts, told = _table(generator)
    draws = hybrid_draws(told, parts, generator)
    values = planning.phi(parts)
    found = random_coefficient(planning.phi, parts, draws)
    items = jackknife_t(float(values[0]), values[1:], "logit")
    between = draws.persona.clip(0) + max(parts.item_persona[0], 0)
    alone = quantiles(parts.item[0] / (parts.item[0] + between + parts.run[0]))
    assert found is not None
    assert items is not None
    assert alone is not None
    centre = logit(values[0])
    reach = np.hypot(centre - logit(items.low), centre - logit(alone.low))
    assert logit(found.low) == pytest.approx(centre - reach)
    assert found.low < items.low < items.high < found.high


def test_covers_where_the_jackknife_alone_does_not() -> None:
    generator = np.random.default_rng(1)
    squares = {name: sd**2 for name, sd in SDS.items()}
    truth = squares["item"] / sum(squares.values())
    joined, single = [], []
    for _ in range(200):
        parts, told = _table(generator, items=80)
        values = planning.phi(parts)
        found = random_coefficient(planning.phi, parts, hybrid_draws(told, parts, generator, 300))
        items = jackknife_t(float(values[0]), values[1:], "logit")
        assert found is not None
        assert items is not None
        joined.append(found.low <= truth <= found.high)
        single.append(items.low <= truth <= items.high)
    assert np.mean(joined) >= 0.91
    assert np.mean(single) < 0.91


def test_undefined_with_few_clusters_or_without_signal() -> None:
    generator = np.random.default_rng(2)
    parts, told = _table(generator, items=9)
    assert random_coefficient(planning.phi, parts, hybrid_draws(told, parts, generator)) is None
    parts, told = _table(generator)
    zero = VarianceComponents(np.zeros_like(parts.item), *[getattr(parts, name) for name in
        ("persona", "item_persona", "run", "residual", "noise", "items_per_persona")])  # fmt: skip
    assert random_coefficient(planning.phi, zero, hybrid_draws(told, parts, generator)) is None
