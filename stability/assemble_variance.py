"""Variance components and what follows from them: shares, claim test, dependability, plan, ICC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stability.estimates import Warnings, coefficient, estimate, finite, jackknifed, undefined
from stability.layout import Layout
from stability.measures import icc, permutation, planning
from stability.measures.components import Coefficient, VarianceComponents, connected, divide, from_features
from stability.measures.draws import DRAWS, hybrid_draws, quantiles, ratio_draws
from stability.measures.features import Cells, Features, Floats, Integers, features
from stability.measures.intervals import Limits, Scale, jackknife_t
from stability.report import Claim, Components, Dependability, Estimate, Icc, Plan, Universe

GROUPS_MIN = 30
PERSONAS_LEFT_OUT_MAX = 60
"""Personas left out in turn: of more, which ones were asked says little."""
SCALES: dict[str, Scale] = {"item": "log", "persona": "fourth_root", "item_persona": "log", "run": "log"}
"""Of a component's mean square. That between a few personas is near chi-square of few degrees of freedom and can come near
0, where a log has no useful upper limit: its fourth root is nearer to normal (Hawkins and Wixley 1986)."""
SHARE_SCALES: dict[str, Scale] = {**SCALES, "item": "inverse_root"}
"""Of a share's odds."""
PLAN_RUNS = (1, 2, 3, 5, 10, 20, 50)
"""Runs that the printed plan shows; the cheapest design is sought among all of 1..50."""


@dataclass(frozen=True)
class Variance:
    """Components of the whole table and without each cluster, and draws for the random universe."""

    parts: VarianceComponents
    """Every field (1 + clusters,): the whole table first."""
    draws: VarianceComponents | None
    personas: int
    used: int
    asked: int
    universe: Universe

    def figure(self, values: Floats, scale: Scale) -> Estimate:
        """A jackknifed estimate of (1 + clusters,) values: it knows of these personas alone."""
        return jackknifed(values, scale, self.used, self.asked, "fixed")

    def part(self, name: str) -> Estimate:
        """A component, its interval made on its mean square, which is never 0."""
        values: Floats = getattr(self.parts, name)
        error = self.parts.errors(self.personas)[name]
        return jackknifed(values, SCALES[name], self.used, self.asked, "fixed", error)

    def ratio(self, ratio: Coefficient, noise: float, scale: Scale = "inverse_root") -> Estimate:
        """A jackknifed share or dependability; noise: what was taken off a mean square to give its signal."""
        return coefficient(ratio, noise, self.used, self.asked, "fixed", scale)

    def drawn(self, value: float, limits: Limits | None) -> Estimate:
        """An estimate of the random universe, with its hybrid interval."""
        return estimate(value, limits, self.used, self.asked, "random")


def grouped(cluster: Integers, clusters: int, personas: int) -> tuple[Integers, int]:
    """Clusters, joined into random groups where a jackknife over single ones would not fit memory or time."""
    width = 7 + 6 * personas + personas * (personas + 1) // 2
    most = max(GROUPS_MIN, min(int(2e7) // width, int(2e8) // personas**3))
    if clusters <= most:
        return cluster, clusters
    group = np.random.default_rng(0).permutation(clusters) % most
    return group[cluster], most


def variance_of(table: Cells, cluster: Integers, clusters: int) -> tuple[VarianceComponents, Features]:
    """Components with their delete-one-cluster values, and the features behind them."""
    told = features(table, *grouped(cluster, clusters, table.n.shape[1]))
    return from_features(np.concatenate([told.total, told.without_each()]), told.personas), told


def draws_of(
    table: Cells, cluster: Integers, clusters: int, rng: np.random.Generator, draws: int = DRAWS
) -> VarianceComponents | None:
    """Draws of the components for other personas of the same kind; None as `hybrid_draws` says."""
    parts, told = variance_of(table, cluster, clusters)
    personas = table.n.shape[1]
    kept = [np.arange(personas) != one for one in range(personas)] if 2 < personas <= PERSONAS_LEFT_OUT_MAX else []
    columns = (Cells(table.n[:, rest], table.mean[:, rest], table.variance[:, rest]) for rest in kept)
    without = [variance_of(part, cluster, clusters)[0] for part in columns]
    return hybrid_draws(told, parts, rng, draws, without=without)


def measure(lay: Layout, universe: Universe, rng: np.random.Generator, warnings: Warnings) -> Variance:
    """Components of the single judgements; warns of every reason why one of them is undefined."""
    present = lay.cells.filled.any(axis=0)
    table = Cells(lay.cells.n[:, present], lay.cells.mean[:, present], lay.cells.variance[:, present])
    personas = int(present.sum())
    if personas == 0:
        unknown = np.full(1, np.nan)
        nothing = VarianceComponents(*[unknown] * 7)
        return Variance(nothing, None, 0, 0, lay.asked, universe)
    parts, told = variance_of(table, lay.cluster, lay.clusters)
    _warn(lay, table, told, parts, warnings)
    draws = draws_of(table, lay.cluster, lay.clusters, rng) if universe == "random" else None
    return Variance(parts, draws, personas, lay.used, lay.asked, universe)


def _warn(lay: Layout, table: Cells, told: Features, parts: VarianceComponents, warnings: Warnings) -> None:
    personas = table.n.shape[1]
    filled = table.filled
    if personas < len(lay.personas):
        silent = [name for name, n in zip(lay.personas, lay.cells.n.sum(axis=0), strict=True) if n == 0]
        warnings.add("persona_without_scores", f"no score from {', '.join(silent[:5])}: left out of every figure")
    if personas == 1:
        warnings.add("one_persona", "one persona: its share cannot be told apart; item x persona is part of item")
    elif not connected(told):
        warnings.add("disconnected", "no items join all personas: persona effects cannot be told from item effects")
    if not (table.n >= 2).any():
        warnings.add(
            "no_reruns", "no cell was run twice: run-to-run variance is unknown; run each case 2 times or more"
        )
    elif (table.n[filled] == 1).mean() > 0.25:
        warnings.add("single_runs", "over a quarter of the cells ran once: they borrow their persona's run variance")
    if lay.clusters < 10:
        warnings.add(
            "few_clusters",
            f"{lay.clusters} cluster{'s' if lay.clusters != 1 else ''} of items: fewer than 10, so estimates have no intervals",
        )
    if filled.any(axis=1).sum() == 1:
        warnings.add("one_item", "one item: a persona's harshness cannot be told from its view of this item")
    if parts.run[0] == 0:
        warnings.add("no_run_variation", "every re-run gave the same score")
    if np.ptp(table.mean[filled]) == 0 and not parts.run[0] > 0:
        warnings.add("identical_scores", "all scores are the same: nothing varies, so no share can be given")


def components_report(found: Variance) -> Components:
    """The four components, untruncated; the items' interval is conditional on the panel in either universe."""
    told = {name: found.part(name) for name in SCALES}
    if found.draws is not None:
        for name in ("persona", "item_persona", "run"):
            told[name] = found.drawn(getattr(found.parts, name)[0], quantiles(getattr(found.draws, name)))
    return Components(**told)


def shares_report(found: Variance) -> dict[str, Estimate]:
    """Each component's share of the variance of one call."""
    shares = found.parts.shares()
    if found.draws is None:
        errors = found.parts.errors(found.personas)
        return {name: found.ratio(share, errors[name], SHARE_SCALES[name]) for name, share in shares.items()}
    drawn = found.draws.shares()
    return {
        name: found.drawn(float(share.truncated()[0]), quantiles(drawn[name].truncated()))
        for name, share in shares.items()
    }


def claim_report(found: Variance, main_p: float | None) -> Claim:
    """Is run-to-run variance at least the variance between personas?

    main_p: p of the permutation test for a persona main effect; above 0.05 the ratio is hidden, because its
    denominator cannot be told from 0.
    """
    parts, draws = found.parts, found.draws
    if draws is None:
        delta = found.figure(parts.delta, "identity")
        joint = found.figure(parts.delta_with_interaction, "identity")
    else:
        delta = found.drawn(parts.delta[0], quantiles(draws.delta))
        joint = found.drawn(parts.delta_with_interaction[0], quantiles(draws.delta_with_interaction))
    told_apart = main_p is not None and main_p <= 0.05
    return Claim(
        delta=delta,
        delta_with_interaction=joint,
        holds=_holds(delta),
        ratio=_ratio(found, interaction=False) if told_apart else None,
        ratio_with_interaction=_ratio(found, interaction=True) if told_apart else None,
    )


def _holds(delta: Estimate) -> str:
    if delta.value is None:
        return "undefined"
    low, high = (delta.ci.low, delta.ci.high) if delta.ci else (None, None)
    if low is not None and low > 0:
        return "holds"
    return "exceeded" if high is not None and high < 0 else "not_resolved"


def _ratio(found: Variance, interaction: bool) -> Estimate | None:
    """Run variance over that between personas; unbounded above where the latter's interval holds 0."""
    parts, draws = found.parts, found.draws
    between = parts.persona + parts.item_persona if interaction else parts.persona
    if not between[0] > 0:
        return None
    value = float(parts.run[0] / between[0])
    if draws is not None:
        drawn = draws.persona + draws.item_persona if interaction else draws.persona
        return found.drawn(value, quantiles(ratio_draws(draws.run, drawn)))
    if not parts.run[0] > 0:
        return estimate(value, None, found.used, found.asked, "fixed")
    errors = parts.errors(found.personas)
    error = errors["persona"] + (errors["item_persona"] if interaction else 0.0)
    inverse = divide(between, parts.run)
    limits = jackknife_t(float(inverse[0]), inverse[1:], SCALES["persona"], error=error / float(parts.run[0]))
    if limits is not None and limits.high is not None and limits.low is not None:
        limits = Limits(1 / limits.high, 1 / limits.low if limits.low > 0 else None, limits.method)
    return estimate(value, limits, found.used, found.asked, "fixed")


def dependability_report(found: Variance, debate: Estimate | None) -> Dependability:
    """Of one call, of the panel with one run each, of one debate."""
    parts, personas = found.parts, max(found.personas, 1)
    fixed = found.universe == "fixed" or personas == 1
    if fixed:
        noise = parts.noise[0] if personas == 1 else parts.noise[0] / personas
        panel = found.ratio(planning.dependability_fixed(parts, personas), float(noise))
    else:
        panel = _dependability(found, personas)
    return Dependability(single=_dependability(found, 1), panel=panel, debate=debate)


def _dependability(found: Variance, personas: int) -> Estimate:
    """In the random universe: with both the items' and the personas' uncertainty where it was asked."""
    ratio = planning.dependability(found.parts, personas)
    if found.draws is None:  # the interval knows of no other personas, so it must not name them
        return found.ratio(ratio, found.parts.errors(found.personas)["item"])
    return found.drawn(float(ratio.truncated()[0]), quantiles(planning.phi(found.draws, personas)))


def plan_report(
    found: Variance, target: float, cost_per_call: float | None, warnings: Warnings
) -> tuple[tuple[Plan, ...], Plan | None]:
    """What designs would buy, and the cheapest that reaches the target."""
    designs = planning.grid(found.parts, found.personas, single_only=found.personas <= 1)

    def row(design: planning.Design) -> Plan:
        cost = None if cost_per_call is None else design.calls * cost_per_call
        return Plan(personas=design.personas, runs=design.runs, phi=design.phi, calls=design.calls, cost_usd=cost)

    best = planning.cheapest(designs, target)
    if not designs:
        warnings.add("no_plan", "item or run variance is unknown, so no design can be planned")
    elif best is None:
        warnings.add("target_out_of_reach", f"no design up to {planning.RUNS_MAX} runs reaches {target:g}: "
                     "the items differ too little for these personas")  # fmt: skip
    return tuple(row(design) for design in designs if design.runs in PLAN_RUNS), row(best) if best else None


def icc_report(lay: Layout) -> dict[str, Icc]:
    """ICC(1,1) and ICC(1,k) of the runs inside each persona."""
    found: dict[str, Icc] = {}
    for index, name in enumerate(lay.personas):
        column = slice(index, index + 1)
        table = Cells(lay.cells.n[:, column], lay.cells.mean[:, column], lay.cells.variance[:, column])
        found[name] = one_way_icc(table, lay.cluster, lay.clusters, int((lay.alone & (lay.persona == index)).sum()))
    return found


def one_way_icc(table: Cells, cluster: Integers, clusters: int, asked: int) -> Icc:
    """ICC(1,1), and ICC(1,k) with k the mean number of runs, of a one-column table."""
    used = int(table.n.sum())
    if not (table.n >= 2).any():
        return Icc(single=undefined(asked), average=undefined(asked))
    parts, _ = variance_of(table, cluster, clusters)
    runs = used / int(table.filled.sum())
    return Icc(
        single=_icc(icc.one_way(parts), parts, used, asked),
        average=_icc(icc.one_way(parts, runs), parts, used, asked),
    )


def rater_icc_report(found: Variance) -> dict[str, Icc]:
    """Personas as raters on cell means: agreement ICC(A, .) and consistency ICC(C, .)."""
    if found.personas < 2:
        return {}
    parts, many = found.parts, found.personas

    def one(kind: Callable[[VarianceComponents, float], Coefficient], k: int) -> Estimate:
        told = _icc(kind(parts, k), parts, found.used, found.asked, many)
        if found.draws is None or told.value is None:
            return told
        return found.drawn(told.value, quantiles(kind(found.draws, k).truncated()))

    kinds = {"agreement": icc.agreement, "consistency": icc.consistency}
    return {name: Icc(single=one(kind, 1), average=one(kind, many)) for name, kind in kinds.items()}


def _icc(ratio: Coefficient, parts: VarianceComponents, used: int, asked: int, personas: int = 1) -> Estimate:
    """An intraclass correlation: untruncated, so that one below 0 shows; its interval stays in [0, 1]."""
    noise = parts.errors(personas)["item"]
    found = coefficient(ratio, noise, used, asked, "fixed")
    return found.model_copy(update={"value": finite(float(ratio.values()[0]))})


def permutation_report(lay: Layout, rng: np.random.Generator) -> dict[str, float | int | None]:
    """p values of no persona main effect and of no persona effect at all."""
    rows = lay.alone
    main = permutation.main_effect(lay.cells, rng)
    anything = permutation.any_effect(lay.item[rows], lay.persona[rows], lay.ratings.score[rows], rng)
    drawn = [test.permutations for test in (main, anything) if test is not None]
    return {
        "main": main.p if main else None,
        "any": anything.p if anything else None,
        "permutations": min(drawn) if drawn else None,
    }
