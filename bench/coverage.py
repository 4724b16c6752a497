"""How often the report's 95 % intervals hold the truth: simulated tables whose truth is known exactly.

Prints, per setting, the coverage of every interval (92 to 99 is wanted; `*` marks what is conditional on the panel and
says so in the report), then the permutation tests' rejection rates, the arms' ratios and the stopping rules.

    python -m bench.coverage [--replications N] [--quick] [--settings FROM TO] [--rest]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import special

from bench.simulated_tables import (
    FIXED_BIAS,
    GRADES,
    ITEM_SD,
    MANY_ITEMS,
    PERSONA_SD,
    PERSONAS,
    RUN_SD,
    Floats,
    Setting,
    draw,
    grade_probabilities,
    moments,
    sample,
    truth,
)
from stability.assemble_variance import (
    Variance,
    claim_report,
    components_report,
    dependability_report,
    draws_of,
    one_way_icc,
    rater_icc_report,
    shares_report,
    variance_of,
)
from stability.estimates import estimate, rate
from stability.measures import alpha, arms, flips, permutation
from stability.measures.features import Cells, Integers, cells
from stability.measures.intervals import agreement_t, jackknife_t
from stability.measures.sequential import StoppingRule, betting_interval, next_look
from stability.report import Estimate

HYBRID_DRAWS = 400
"""The report draws 1,000: less noise in the ends, the same coverage."""
CONDITIONAL = {"item", "flips", "alpha_all"}
"""Under random personas these intervals speak for the personas at hand, and the report says so."""


class Coverage(NamedTuple):
    """Of one figure in one setting."""

    truth: float
    mean: float
    covered: float
    """Share of the intervals given that hold the truth."""
    given: float
    """Share of replications with an interval."""


def printed(setting: Setting, generator: np.random.Generator) -> dict[str, Estimate | None]:
    """The figures as the report prints them, for one table."""
    table, drawn, scores = sample(setting, generator)
    clusters = int(drawn.cluster[-1]) + 1
    parts, _ = variance_of(table, drawn.cluster, clusters)
    random = setting.universe == "random"
    draws = draws_of(table, drawn.cluster, clusters, generator, HYBRID_DRAWS) if random else None
    found = Variance(parts, draws, PERSONAS, int(np.isfinite(scores).sum()), scores.size, setting.universe)
    components, claim = components_report(found), claim_report(found, 0.0)
    dependability = dependability_report(found, None)
    figures = {name: getattr(components, name) for name in ("item", "persona", "item_persona", "run")}
    figures |= {"delta": claim.delta, "delta_ip": claim.delta_with_interaction}
    figures |= {"rho": claim.ratio, "rho_ip": claim.ratio_with_interaction}
    figures |= {"phi_single": dependability.single, "phi_panel": dependability.panel}
    figures |= {f"share_{name}": share for name, share in shares_report(found).items()}
    for kind, told in rater_icc_report(found).items():
        figures |= {f"icc_{kind}_single": told.single, f"icc_{kind}_average": told.average}
    if setting.universe == "fixed":
        last = Cells(table.n[:, -1:], table.mean[:, -1:], table.variance[:, -1:])
        told = one_way_icc(last, drawn.cluster, clusters, last.n.sum())
        figures |= {"icc_runs_single": told.single, "icc_runs_average": told.average}
    if setting.scale != "normal":
        figures |= _ordinal(setting, drawn.cluster, clusters, scores)
    return figures


def _ordinal(setting: Setting, cluster: Integers, clusters: int, scores: Floats) -> dict[str, Estimate]:
    """Flip rate and alpha, which need grades."""
    item, persona, _ = (axis.ravel() for axis in np.indices(scores.shape))
    grade = np.where(np.isfinite(scores), scores - 1, -1).astype(np.int64).ravel()
    rates = flips.cell_rates(item, persona, grade, scores.shape[:2], len(GRADES))
    found = {"flips": rate(flips.average(rates, cluster, clusters), scores.size)}
    spoken = {"alpha_all": np.ones(len(item), dtype=bool)}
    if setting.universe == "fixed":
        spoken["alpha_runs"] = persona == PERSONAS - 1
    for name, rows in spoken.items():
        pairs = alpha.coincidences(item[rows], grade[rows], len(GRADES), cluster, clusters)
        values = alpha.ordinal_alpha(np.concatenate([pairs.total(), pairs.without_each()]), len(GRADES))
        limits = agreement_t(values, pairs.coders) if np.isfinite(values).all() else None
        found[name] = estimate(float(values[0]), limits, len(scores), len(scores), "fixed")
    return found


def coverage(setting: Setting, replications: int, seed: int = 0) -> dict[str, Coverage]:
    """Coverage of every figure over so many tables of the setting."""
    generator = np.random.default_rng([seed, replications])
    drawn = [printed(setting, generator) for _ in range(replications)]
    known = truth(setting)
    return {name: _covered(known[name], [table[name] for table in drawn]) for name in drawn[0]}


def _covered(value: float, estimates: list[Estimate | None]) -> Coverage:
    given = [estimate for estimate in estimates if estimate is not None and estimate.ci is not None]
    inside = [
        (e.ci.low is None or e.ci.low <= value) and (e.ci.high is None or value <= e.ci.high) for e in given if e.ci
    ]
    values = [e.value for e in estimates if e is not None and e.value is not None]
    mean = float(np.mean(values)) if values else np.nan
    return Coverage(value, mean, float(np.mean(inside)) if inside else np.nan, len(given) / len(estimates))


class ArmCoverage(NamedTuple):
    """Truth and coverage of the debate's ratios, with log jackknife-t intervals."""

    truth: dict[str, float]
    covered: dict[str, float]


SHOCK_SD, CALLS = 0.45, 16.0


def _half_points(centre: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a verdict that is `centre` plus the shared shock, rounded to half points."""
    grid = np.arange(-4.0, 12.0, 0.5)
    edges = special.ndtr((grid[:-1] + 0.25 - centre[:, None]) / SHOCK_SD)
    chances = np.diff(edges, axis=1)
    points = grid[1:-1]
    mean = chances @ points
    return mean, chances @ points**2 - mean**2


def arm_coverage(items: int, runs: int, replications: int, seed: int = 0) -> ArmCoverage:
    """A debate with a shared shock beside a panel of 16 calls: SR against one judge and the panel, and NSR."""
    setting = Setting(items, runs, "rounded")
    mean, variance, _ = moments(setting, draw(setting, MANY_ITEMS, PERSONAS, np.random.default_rng(99)))
    verdict, noise = _half_points(mean.mean(axis=1))
    panel = variance.mean() / CALLS
    sr_panel = float(noise.mean() / panel)
    signals = mean.mean(axis=1).var(ddof=1) / verdict.var(ddof=1)
    known = {"sr_single": float(noise.mean() / variance.mean()), "sr_panel": sr_panel, "nsr_panel": sr_panel * signals}
    generator, inside = np.random.default_rng([seed, items, runs]), {name: [] for name in known}
    for _ in range(replications):
        table, drawn, _ = sample(setting, generator)
        centre = moments(setting, drawn)[0].mean(axis=1)
        said = np.round(2 * (centre[:, None] + SHOCK_SD * generator.normal(size=(items, runs)))) / 2
        arm = cells(np.indices(said.shape)[0].ravel(), np.zeros(said.size, np.int64), said.ravel(), (items, 1))
        found = arms.compare(arm, table, CALLS / PERSONAS, np.arange(items), items)
        for name, value in known.items():
            values = getattr(found, name)
            limits = jackknife_t(float(values[0]), values[1:], "log")
            if limits is not None and limits.low is not None and limits.high is not None:
                inside[name].append(limits.low <= value <= limits.high)
    return ArmCoverage(known, {name: float(np.mean(hits)) for name, hits in inside.items()})


def rejection(persona_sd: float, interaction_sd: float, replications: int, seed: int = 0) -> dict[str, float]:
    """How often the permutation tests reject at 5 %: 40 items x 5 personas x 3 runs, 199 permutations."""
    generator, rejected = np.random.default_rng(seed), {"main": 0, "any": 0}
    item, persona, _ = np.indices((40, PERSONAS, 3))
    for _ in range(replications):
        centre = generator.normal(0, ITEM_SD, (40, 1)) + generator.normal(0, interaction_sd, (40, PERSONAS))
        centre = centre + persona_sd / PERSONA_SD * FIXED_BIAS
        score = centre[..., None] + generator.normal(0, RUN_SD, item.shape)
        table = cells(item.ravel(), persona.ravel(), score.ravel(), (40, PERSONAS))
        main = permutation.main_effect(table, generator, 199)
        anything = permutation.any_effect(item.ravel(), persona.ravel(), score.ravel(), generator, 199)
        rejected["main"] += main is not None and main.p <= 0.05
        rejected["any"] += anything is not None and anything.p <= 0.05
    return {name: count / replications for name, count in rejected.items()}


class Stopped(NamedTuple):
    covered: float
    runs: float


def stopping(items: int, half_width: float = 0.5, cap: int = 60, seed: int = 0) -> dict[str, Stopped]:
    """Coverage at stopping and mean runs of peeking, of the chosen rule and of the betting sequence, on grades 1 to 5."""
    generator = np.random.default_rng(seed)
    latent, sd = generator.uniform(1.5, 4.5, items), np.sqrt(generator.gamma(4, 0.16, items))
    chances = grade_probabilities(latent, sd)
    scores = np.clip(np.round(latent[:, None] + sd[:, None] * generator.normal(size=(items, cap))), 1, 5)
    pooled, means = float(scores[:, :3].var(axis=1, ddof=1).mean()), chances @ GRADES
    rules = {"naive t, a peek every run": _peeking, "pooled variance, looks 5/10/20": _looking, "betting": _betting}
    return {
        name: Stopped(
            *np.mean([rule(row, mean, half_width, pooled) for row, mean in zip(scores, means, strict=True)], axis=0)
        )
        for name, rule in rules.items()
    }


def _peeking(scores: Floats, mean: float, half_width: float, pooled: float) -> tuple[bool, int]:
    for n in range(3, len(scores) + 1):
        reach = special.stdtrit(n - 1, 0.975) * scores[:n].std(ddof=1) / np.sqrt(n)
        if reach <= half_width:
            break
    return bool(abs(scores[:n].mean() - mean) <= reach), n


def _looking(scores: Floats, mean: float, half_width: float, pooled: float) -> tuple[bool, int]:
    rule, n = StoppingRule(half_width=half_width), 5
    while (look := next_look(scores[:n], rule, pooled)).decision == "continue" and look.next_look:
        n = look.next_look
    return bool(abs((look.mean or 0.0) - mean) <= (look.half_width or np.inf)), n


def _betting(scores: Floats, mean: float, half_width: float, pooled: float) -> tuple[bool, int]:
    for n in range(5, len(scores) + 1, 5):
        bounds = betting_interval(scores[:n], lowest=1, highest=5)
        if bounds.high - bounds.low <= 2 * half_width:
            break
    return bounds.low <= mean <= bounds.high, n


def settings(quick: bool) -> Iterator[Setting]:
    """The grid of the coverage table."""
    grid = product((20, 100), (3,) if quick else (3, 5, 10), ("normal", "rounded", "ceiling"))
    for items, runs, scale in grid:
        yield Setting(items, runs, scale)
        if runs == 3 or not quick:
            yield Setting(items, runs, scale, universe="random")
    for items in (20, 100):
        yield Setting(items, 5, "rounded", missing=0.2)
        if not quick:
            yield Setting(items, 5, "rounded", missing=0.2, universe="random")
        yield Setting(items, 3, "rounded", adaptive="known")
        yield Setting(items, 3, "rounded", adaptive="observed")
        for sd in (0.0, 0.05, 0.1):  # effects that are not there, or hardly
            yield Setting(items, 3, "rounded", persona_sd=sd, interaction_sd=sd)
        yield Setting(items, 3, "rounded", item_sd=0.0)
    yield Setting(100, 3, "rounded", cluster_size=4)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, help="400 by default, 20 with --quick")
    parser.add_argument("--quick", action="store_true", help="a smaller grid")
    parser.add_argument("--settings", type=int, nargs=2, metavar=("FROM", "TO"), help="these tables of the grid alone")
    parser.add_argument("--rest", action="store_true", help="the tests, arms and stopping rules alone")
    given = parser.parse_args()
    replications = given.replications or (20 if given.quick else 400)
    chosen = list(settings(given.quick))
    if given.settings:
        chosen = chosen[slice(*given.settings)]
    if not given.rest:
        for setting in chosen:
            _print_setting(setting, replications)
    if given.rest or not given.settings:
        _print_rest(replications, 50 if given.quick else 3000)


def _print_setting(setting: Setting, replications: int) -> None:
    print(setting, flush=True)
    for name, found in coverage(setting, replications).items():
        mark = "*" if setting.universe == "random" and name in CONDITIONAL else " "
        fine = replications < 100 or mark == "*" or found.given == 0 or 0.92 <= found.covered <= 0.99
        print(
            f"    {name:12} truth {found.truth:8.4f} mean {found.mean:8.4f} covered {found.covered:6.1%}{mark}"
            f" given {found.given:4.0%}{'' if fine else '  <-'}"
        )


def _print_rest(replications: int, stopped_items: int) -> None:
    print("permutation tests, rejected at 5 % (main, any)")
    for persona_sd, interaction_sd in ((0, 0), (0, 0.3), (0.15, 0), (0.4, 0.3)):
        found_p = rejection(persona_sd, interaction_sd, replications)
        print(
            f"    persona sd {persona_sd:<4} interaction sd {interaction_sd:<4} {found_p['main']:6.1%} {found_p['any']:6.1%}"
        )
    print("debate beside the compute-matched panel: truth, coverage")
    for items, runs in product((20, 100), (3, 5, 10)):
        ratios = arm_coverage(items, runs, replications)
        shown = "  ".join(f"{name} {ratios.truth[name]:.2f} {ratios.covered[name]:.1%}" for name in ratios.truth)
        print(f"    I={items:<3} R={runs:<2} {shown}")
    print("stopping at half a point: coverage, mean runs")
    for name, stopped in stopping(stopped_items).items():
        print(f"    {name:32} {stopped.covered:6.1%} {stopped.runs:5.1f}")


if __name__ == "__main__":
    main()
