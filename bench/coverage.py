"""How often the report's 95 % intervals hold the truth: simulated tables whose truth is known exactly.

Prints, per setting, the coverage of every interval (92 to 99 is wanted; `*` marks what is conditional on the panel and
says so in the report), then the permutation tests' rejection rates, the arms' ratios and the stopping rules.

    python bench/coverage.py [--replications N] [--quick]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from stability.assemble_variance import (
    Variance,
    claim_report,
    components_report,
    dependability_report,
    shares_report,
    variance_of,
)
from stability.estimates import rate
from stability.layout import runs_before_looking
from stability.measures import arms, flips, permutation
from stability.measures.features import Cells, cells
from stability.measures.intervals import hybrid_draws, jackknife_t
from stability.measures.sequential import StoppingRule, betting_interval, next_look
from stability.report import Estimate, Universe

Floats = npt.NDArray[np.float64]
Scale = Literal["normal", "rounded", "ceiling"]
Adaptive = Literal["known", "observed"]

PERSONAS = 5
ITEM_SD, PERSONA_SD, INTERACTION_SD, RUN_SD = 0.7, 0.395, 0.3, 0.642
"""Near those of the recorded judge calls that the method was tried on."""
FIXED_BIAS = PERSONA_SD * np.array([-1.265, -0.632, 0.0, 0.632, 1.265])
"""Harshness of the five fixed personas; its unbiased variance is PERSONA_SD squared."""
CENTRE = {"normal": 3.0, "rounded": 3.0, "ceiling": 4.5}
CUTS = np.array([1.5, 2.5, 3.5, 4.5])
GRADES = np.arange(1.0, 6.0)
MANY_ITEMS, MANY_PERSONAS = 20_000, 300
HYBRID_RESAMPLES = 400
"""The report draws 1,000: less noise in the ends, the same coverage."""
CONDITIONAL = {"item", "run", "flips"}
"""Under random personas these intervals speak for the personas at hand, and the report says so."""
# Re-running by *observed* noise: items whose first runs were quiet by luck are left quiet, which no function of all runs
# undoes, so the report takes its figures from every item's first runs.


class Setting(NamedTuple):
    """A kind of table."""

    items: int
    runs: int
    scale: Scale
    universe: Universe = "fixed"
    missing: float = 0.0
    """Share of calls lost."""
    adaptive: Adaptive | None = None
    """Half of the items are re-run three times as often: those known to be noisier, or whose first runs looked so."""
    cluster_size: int = 1
    persona_sd: float = PERSONA_SD

    def __str__(self) -> str:
        extras = [f"{self.missing:.0%} missing"] * (self.missing > 0) + [f"re-run by {self.adaptive} noise"] * (
            self.adaptive is not None
        )
        extras += [f"clusters of {self.cluster_size}"] * (self.cluster_size > 1)
        extras += [f"persona sd {self.persona_sd:g}"] * (self.persona_sd != PERSONA_SD)
        return " ".join([f"{self.universe:6} I={self.items:<3} R={self.runs:<2} {self.scale:8}", *extras])


class Drawn(NamedTuple):
    """Latent cells: (items, personas) means and standard deviations of a call before it is rounded."""

    latent: Floats
    sd: Floats
    cluster: npt.NDArray[np.int64]


class Coverage(NamedTuple):
    """Of one figure in one setting."""

    truth: float
    mean: float
    covered: float
    """Share of the intervals given that hold the truth."""
    given: float
    """Share of replications with an interval."""


def draw(setting: Setting, items: int, personas: int, generator: np.random.Generator) -> Drawn:
    """Items anew; personas anew too where they are random."""
    cluster = np.arange(items) // setting.cluster_size
    shared = generator.normal(0, ITEM_SD * np.sqrt(0.5), cluster[-1] + 1)[cluster] if setting.cluster_size > 1 else 0.0
    own = ITEM_SD * (np.sqrt(0.5) if setting.cluster_size > 1 else 1.0)
    bias = FIXED_BIAS * setting.persona_sd / PERSONA_SD
    if setting.universe == "random":
        drawn = personas == PERSONAS
        places = generator.random(personas) if drawn else (np.arange(personas) + 0.5) / personas
        bias = setting.persona_sd * stats.norm.ppf(places)  # the population itself: evenly spaced, not drawn
    item = CENTRE[setting.scale] + shared + generator.normal(0, own, items)
    latent = item[:, None] + bias[None, :] + generator.normal(0, INTERACTION_SD, (items, personas))
    sd = RUN_SD * np.sqrt(generator.gamma(8, 1 / 8, items))
    return Drawn(latent, np.broadcast_to(sd[:, None], latent.shape), cluster)


def grade_probabilities(latent: Floats, sd: Floats) -> Floats:
    """(..., 5): chance of each grade of 1 to 5 when the latent score is rounded and cut."""
    below = stats.norm.cdf((CUTS - latent[..., None]) / sd[..., None])
    return np.diff(below, axis=-1, prepend=0.0, append=1.0)


def moments(setting: Setting, drawn: Drawn) -> tuple[Floats, Floats, float | None]:
    """Mean and run variance of every cell, and the flip rate (None where scores are not graded), all exact."""
    if setting.scale == "normal":
        return drawn.latent, drawn.sd**2, None
    chances = grade_probabilities(drawn.latent, drawn.sd)
    mean = chances @ GRADES
    return mean, chances @ GRADES**2 - mean**2, float(1 - (chances**2).sum(axis=-1).mean())


def truth(setting: Setting) -> dict[str, float]:
    """Every figure's value in the population that the setting's tables are drawn from."""
    random = setting.universe == "random"
    items, personas = (2_000, MANY_PERSONAS) if random else (MANY_ITEMS, PERSONAS)
    mean, variance, flip = moments(setting, draw(setting, items, personas, np.random.default_rng(99)))
    by_item, by_persona = mean.mean(axis=1), mean.mean(axis=0)
    residual = mean - by_item[:, None] - by_persona[None, :] + mean.mean()
    run = float(variance.mean())
    between = float((residual**2).sum() / (items - 1) / (personas - 1))
    persona = float(by_persona.var(ddof=1)) - (between / items)
    item = float(by_item.var(ddof=1)) - between / personas
    signal = item + between / PERSONAS
    total = item + persona + between + run
    panel = signal / (signal + run / PERSONAS)
    if random:
        panel = item / (item + (persona + between + run) / PERSONAS)
    found = {"item": item, "persona": persona, "item_persona": between, "run": run}
    found |= {"delta": run - persona, "delta_ip": run - persona - between}
    found |= {"rho": run / persona if persona > 1e-6 else np.inf, "rho_ip": run / (persona + between)}
    found |= {"phi_single": item / total, "phi_panel": panel, "share_run": run / total}
    return found if flip is None else found | {"flips": flip}


def sample(setting: Setting, generator: np.random.Generator) -> tuple[Cells, Drawn, Floats]:
    """One table: its cells, what they were drawn from, and the scores (items, personas, runs), NaN where missing."""
    drawn = draw(setting, setting.items, PERSONAS, generator)
    most = setting.runs * (3 if setting.adaptive else 1)
    scores = drawn.latent[..., None] + drawn.sd[..., None] * generator.normal(size=(*drawn.latent.shape, most))
    if setting.scale != "normal":
        scores = np.clip(np.round(scores), 1, 5)
    if setting.adaptive:
        seen = scores[..., : setting.runs].var(axis=2, ddof=1).mean(axis=1)
        noise = drawn.sd[:, 0] if setting.adaptive == "known" else seen
        scores[noise <= np.median(noise), :, setting.runs :] = np.nan
        kept = runs_before_looking(np.where(noise <= np.median(noise), setting.runs, most))
        scores = scores[..., :kept]  # as the report does
    scores[generator.random(scores.shape) < setting.missing] = np.nan
    item, persona, _ = np.indices(scores.shape)
    table = cells(item.ravel(), persona.ravel(), scores.ravel(), (setting.items, PERSONAS))
    return table, drawn, scores


def printed(setting: Setting, generator: np.random.Generator) -> dict[str, Estimate | None]:
    """The figures as the report prints them, for one table."""
    table, drawn, scores = sample(setting, generator)
    clusters = int(drawn.cluster[-1]) + 1
    parts, told = variance_of(table, drawn.cluster, clusters)
    draws = hybrid_draws(told, parts, generator, HYBRID_RESAMPLES) if setting.universe == "random" else None
    found = Variance(parts, draws, PERSONAS, int(np.isfinite(scores).sum()), scores.size, setting.universe)
    components, claim = components_report(found), claim_report(found, 0.0)
    dependability = dependability_report(found, None)
    figures = {name: getattr(components, name) for name in ("item", "persona", "item_persona", "run")}
    figures |= {"delta": claim.delta, "delta_ip": claim.delta_with_interaction}
    figures |= {"rho": claim.ratio, "rho_ip": claim.ratio_with_interaction}
    figures |= {"phi_single": dependability.single, "phi_panel": dependability.panel}
    figures["share_run"] = shares_report(found)["run"]
    if setting.scale != "normal":
        item, persona, _ = np.indices(scores.shape)
        grade = np.where(np.isfinite(scores), scores - 1, -1).astype(np.int64)
        rates = flips.cell_rates(item.ravel(), persona.ravel(), grade.ravel(), table.n.shape, 5)
        figures["flips"] = rate(flips.average(rates, drawn.cluster, clusters), scores.size)
    return figures


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
    edges = stats.norm.cdf((grid[:-1] + 0.25 - centre[:, None]) / SHOCK_SD)
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
        reach = stats.t.ppf(0.975, n - 1) * scores[:n].std(ddof=1) / np.sqrt(n)
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
        yield Setting(items, 3, "rounded", adaptive="known")
        yield Setting(items, 3, "rounded", adaptive="observed")
        yield Setting(items, 3, "normal", persona_sd=0.0)
    yield Setting(100, 3, "rounded", cluster_size=4)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, help="400 by default, 20 with --quick")
    parser.add_argument("--quick", action="store_true", help="a smaller grid")
    given = parser.parse_args()
    replications = given.replications or (20 if given.quick else 400)
    for setting in settings(given.quick):
        print(setting, flush=True)
        for name, found in coverage(setting, replications).items():
            mark = "*" if setting.universe == "random" and name in CONDITIONAL else " "
            fine = replications < 100 or mark == "*" or found.given == 0 or 0.92 <= found.covered <= 0.99
            print(
                f"    {name:12} truth {found.truth:8.4f} mean {found.mean:8.4f} covered {found.covered:6.1%}{mark}"
                f" given {found.given:4.0%}{'' if fine else '  <-'}"
            )
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
    for name, stopped in stopping(50 if given.quick else 3000).items():
        print(f"    {name:32} {stopped.covered:6.1%} {stopped.runs:5.1f}")


if __name__ == "__main__":
    main()
