"""Facets beside persona and run: what order, model or prompt change, and plans that vary them."""

from __future__ import annotations

from itertools import islice, product

import numpy as np

from stability.assemble_variance import PLAN_RUNS, Variance, plan_report
from stability.estimates import Warnings, jackknifed
from stability.layout import Layout
from stability.measures import facets as measured
from stability.measures import planning
from stability.report import Estimate, Plan

NAMES = ("order", "model", "prompt")
LEVELS_MAX = 3
"""Levels of one facet that a plan considers."""
COMBINATIONS_MAX = 12
SAME = 0.005
"""Dependabilities nearer than this are called equal."""


def facets_found(lay: Layout, warnings: Warnings) -> measured.Facets | None:
    """Variance per facet of the single judgements; None where no facet varies within a persona's view of an item."""
    columns = {name: getattr(lay.ratings, name) for name in NAMES}
    rows = lay.alone
    codes = {name: column.codes[rows].astype(np.int64) for name, column in columns.items() if column is not None}
    codes = {name: values for name, values in codes.items() if values.max(initial=-1) > values.min(initial=0) >= 0}
    if not codes:
        return None
    found = measured.facet_variances(
        lay.item[rows], lay.persona[rows], lay.ratings.score[rows], codes, lay.cluster, lay.clusters
    )
    if not found.facets:
        return None
    listed = " and ".join(found.facets)
    warnings.add("facets_in_runs", f"runs also differ in {listed}: run variance and flips include what that changes; "
                 "the table of facets tells it apart")  # fmt: skip
    if not np.isfinite(found.run[0]):
        warnings.add(
            "facets_without_reruns", f"no two calls agree in {listed}: what it changes cannot be told from chance"
        )
    return found


def facets_report(lay: Layout, found: measured.Facets | None) -> dict[str, Estimate]:
    """Variance of one call that each facet adds, and that of runs that differ in nothing; empty without facets."""
    if found is None:
        return {}
    # identity: a log interval of a variance that may be 0 could never hold 0
    told = {
        name: jackknifed(facet.total, "identity", lay.used, lay.asked, "fixed") for name, facet in found.facets.items()
    }
    return {**told, "run": jackknifed(found.run, "log", lay.used, lay.asked, "fixed")}


def facet_plan(
    variance: Variance, found: measured.Facets | None, target: float, cost: float | None, warnings: Warnings
) -> tuple[tuple[Plan, ...], Plan | None]:
    """`plan_report`, over the facets too where their variance is known."""
    if found is None or not np.isfinite(found.run[0]) or not variance.personas:
        return plan_report(variance, target, cost, warnings)
    most = 1 if variance.personas == 1 else max(planning.PERSONAS_MIN_GRID, variance.personas)
    personas, runs = (axis.ravel() for axis in np.mgrid[1 : most + 1, 1 : planning.RUNS_MAX + 1])
    plans: list[Plan] = []
    for levels in _combinations(found):
        phi = measured.phi_with(variance.parts, found, personas, runs, levels)
        per_cell = int(np.prod(list(levels.values())))
        plans += [
            Plan(
                personas=int(p), runs=int(r), phi=float(value), calls=int(p * r) * per_cell,
                cost_usd=None if cost is None else int(p * r) * per_cell * cost, facets=levels,
            )
            for p, r, value in zip(personas, runs, phi, strict=True)
            if np.isfinite(value)
        ]  # fmt: skip
    enough = [plan for plan in plans if (plan.phi or 0.0) >= target]
    best = min(enough, key=lambda plan: (plan.calls, plan.runs, sum(plan.facets.values())), default=None)
    if not plans:
        warnings.add("no_plan", "item or run variance is unknown, so no design can be planned")
    elif best is None:
        warnings.add("target_out_of_reach", f"no design up to {planning.RUNS_MAX} runs reaches {target:g}: "
                     "the items differ too little for these personas")  # fmt: skip
    return tuple(plan for plan in plans if plan.runs in PLAN_RUNS), best


def _combinations(found: measured.Facets) -> list[dict[str, int]]:
    """Levels of every facet that plans consider, fewest first."""
    ranges = [range(1, min(facet.levels, LEVELS_MAX) + 1) for facet in found.facets.values()]
    return [dict(zip(found.facets, levels, strict=True)) for levels in islice(product(*ranges), COMBINATIONS_MAX)]


def advice(variance: Variance, found: measured.Facets | None) -> str:
    """Whether another level of a facet or a second run is worth more; empty where that is unknown."""
    if found is None or not variance.personas:
        return ""
    twice = float(measured.phi_with(variance.parts, found, 1, 2, {}))
    others = {name: float(measured.phi_with(variance.parts, found, 1, 1, {name: 2})) for name in found.facets}
    name = max(others, key=lambda key: others[key])
    if not np.isfinite(twice) or not np.isfinite(others[name]):
        return ""
    said = f"a second {name}" if name != "order" else "swapping the order once"
    if abs(others[name] - twice) < SAME:
        return f"For one persona, {said} buys as much as a second run: dependability {twice:.2f} at 2 calls."
    more = "more" if others[name] > twice else "less"
    return (
        f"For one persona, {said} buys {more} than a second run: dependability {others[name]:.2f} against {twice:.2f} "
        "at 2 calls (estimates without interval)."
    )
