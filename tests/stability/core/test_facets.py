"""Order, model and prompt: planted variance is found, told from chance, and planned with."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from stability import DimensionReport, Rating, Ratings, stability_report
from stability.measures.components import VarianceComponents
from stability.measures.facets import Facet, Facets, facet_variances, phi_with

RUN_SD, SHARED_SD, OWN_SD = 0.4, 0.5, 0.3


def in_both_orders(seed: int = 0, items: int = 80, runs: int = 3, missing: float = 0.0) -> list[Rating]:
    """Pairs judged in two orders: an order effect per item that all personas share, and one of each persona's own."""
    rng = np.random.default_rng(seed)
    base = rng.normal(3, 0.8, (items, 1, 1, 1)) + rng.normal(0, 0.2, (items, 3, 1, 1))
    shared = rng.normal(0, SHARED_SD, (items, 1, 2, 1))
    own = rng.normal(0, OWN_SD, (items, 3, 2, 1))
    scores = base + shared + own + rng.normal(0, RUN_SD, (items, 3, 2, runs))
    return [
        Rating(f"i{i}", f"p{p}", str(r), float(scores[i, p, o, r]), order=("ab", "ba")[o])
        for i, p, o, r in product(range(items), range(3), range(2), range(runs))
        if not missing or rng.random() >= missing
    ]


def measured(rows: list[Rating]) -> Facets:
    table = Ratings.from_rows(rows)
    assert table.order is not None
    item, persona, order = (column.codes.astype(np.int64) for column in (table.item, table.persona, table.order))
    items = len(table.item.names)
    return facet_variances(item, persona, table.score, {"order": order}, np.arange(items), items)


def report(rows: list[Rating]) -> DimensionReport:
    return stability_report(Ratings.from_rows(rows)).dimensions["score"]


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_planted_order_effect_is_found_and_split(missing: float) -> None:
    found = [measured(in_both_orders(seed, missing=missing)) for seed in range(20)]
    mean = {
        "run": np.mean([one.run[0] for one in found]),
        "total": np.mean([one.facets["order"].total[0] for one in found]),
        "shared": np.mean([one.facets["order"].shared[0] for one in found]),
    }
    assert mean["run"] == pytest.approx(RUN_SD**2, rel=0.03)
    assert mean["total"] == pytest.approx(SHARED_SD**2 + OWN_SD**2, rel=0.1)
    assert mean["shared"] == pytest.approx(SHARED_SD**2, rel=0.12)


def test_by_hand() -> None:
    """One item, one persona: 1 and 3 in one order, 5 and 7 in the other."""
    rows = [
        Rating("i", "p", str(r), s, order=o)
        for o, r, s in (("ab", 1, 1.0), ("ab", 2, 3.0), ("ba", 1, 5.0), ("ba", 2, 7.0))
    ]
    found = measured(rows)
    assert found.run[0] == 2.0
    # Pairs across the orders differ by 4, 6, 2, 4: mean half square 9; less the run variance.
    assert found.facets["order"].total[0] == 9.0 - 2.0
    assert np.isnan(found.facets["order"].shared[0]), "one persona shares with nobody"


def test_no_order_effect_is_not_distinguished_from_0() -> None:
    rng = np.random.default_rng(3)
    rows = [
        Rating(f"i{i}", f"p{p}", str(r), float(i % 7 + rng.normal(0, 0.5)), order=o)
        for i, p, o, r in product(range(60), range(3), ("ab", "ba"), range(3))
    ]
    order = report(rows).facets["order"]
    assert order.ci is not None
    assert order.ci.low is not None
    assert order.ci.high is not None
    assert order.ci.low <= 0 <= order.ci.high


def test_the_measured_verdicts_of_pairs() -> None:
    """One order and run .70, two orders .82, two runs .79, both .88 (statistics of recorded verdicts of pairs)."""
    order, run = 0.103, 0.3256  # with signal 1: the two figures of one order fix both, the other two are predictions

    def one(value: float) -> np.ndarray:
        return np.array([value])

    unknown = one(np.nan)
    parts = VarianceComponents(one(1.0), unknown, unknown, one(run), unknown, unknown, unknown)
    found = Facets(one(run), {"order": Facet(2, one(order), unknown)})
    cases = {(1, 1): 0.70, (2, 1): 0.82, (1, 2): 0.79, (2, 2): 0.88}
    for (orders, runs), expected in cases.items():
        assert float(phi_with(parts, found, 1, runs, {"order": orders})) == pytest.approx(expected, abs=0.005)


def test_the_report_says_to_swap_the_order() -> None:
    told = report(in_both_orders())
    assert "swapping the order once buys more than a second run" in told.sentence
    assert set(told.facets) == {"order", "run"}
    assert {plan.facets.get("order") for plan in told.plan} == {1, 2}
    assert all(plan.calls == plan.personas * plan.runs * plan.facets["order"] for plan in told.plan)
    assert told.cheapest is not None
    assert told.cheapest.facets == {"order": 2}
    assert "facets_in_runs" in {warning.code for warning in told.warnings}


def test_orders_without_reruns_are_not_planned_with() -> None:
    told = report([row for row in in_both_orders() if row.run == "1"])
    assert "facets_without_reruns" in {warning.code for warning in told.warnings}
    assert not any(plan.facets for plan in told.plan)
    assert told.facets["run"].value is None


def test_a_model_for_each_persona_is_no_facet() -> None:
    rows = [
        Rating(f"i{i}", f"p{p}", str(r), float((i + r + p) % 5), model=f"m{p}")
        for i, p, r in product(range(12), range(3), range(4))
    ]
    told = report(rows)
    assert told.facets == {}
    assert any(point.design == "panel" for point in told.flips_by_calls), "runs of all personas stay aligned"
