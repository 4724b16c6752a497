"""The report, put together: every dimension laid out, measured and said in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stability.assemble_agreement import alpha_report, flips_by_calls, flips_report
from stability.assemble_arms import arm_reports, debate_icc, main_arm
from stability.assemble_facets import advice, facet_plan, facets_found, facets_report
from stability.assemble_further import (
    certainty_report,
    effective_report,
    humans_report,
    individuation_report,
    personas_report,
    positions_report,
    systems_report,
)
from stability.assemble_missing import missing_report
from stability.assemble_reasons import explain
from stability.assemble_variance import (
    claim_report,
    components_report,
    dependability_report,
    icc_report,
    measure,
    permutation_report,
    rater_icc_report,
    shares_report,
)
from stability.errors import RatingsError
from stability.estimates import Warnings
from stability.layout import Layout, layout, runs_before_looking
from stability.ratings import Ratings, combine
from stability.report import (
    ByCalls,
    Claim,
    Dependability,
    DimensionReport,
    Estimate,
    Flips,
    Population,
    ReportWarning,
    StabilityReport,
    Universe,
)
from stability.report_why import Provenance
from stability.wording import Case, moved, sentence, stable

Thresholds = Mapping[str, float] | float | None
Scales = Mapping[str, tuple[float, float]]


def stability_report(
    ratings: Ratings,
    *,
    thresholds: Thresholds = None,
    target: float = 0.8,
    universe: Universe = "fixed",
    seed: int = 0,
    scales: Scales | None = None,
    cost_per_call_usd: float | None = None,
    first_runs: int | None = None,
) -> StabilityReport:
    """What repeated ratings say about how far a verdict can be trusted.

    thresholds: pass threshold for all dimensions or by name; target: dependability to plan for, in (0, 1); universe:
    "fixed", these personas, or "random", personas of this kind (it changes intervals, not values); seed: of the
    permutations and resamples, the same seed gives the same report; scales: lowest and highest grade by dimension, for
    the worst-case bounds (those that occur by default); cost_per_call_usd: prices the plan; taken from the ratings'
    provenance where it stands there; first_runs: take every figure from each item's first so many runs, which
    re-running by a stopping rule needs (`runs_before_looking`; told from unequal numbers of runs by default, and a
    warning says so). Raises RatingsError for a target or a threshold's dimension that cannot be.
    """
    names = [name for code, name in enumerate(ratings.dimension.names) if (ratings.dimension.codes == code).any()]
    _check(names, thresholds, target, first_runs)
    cost = cost_per_call_usd if cost_per_call_usd is not None else _cost_per_call(ratings)
    dimensions = {}
    for index, name in enumerate(names):
        rng = np.random.default_rng([seed, index])
        threshold = thresholds.get(name) if isinstance(thresholds, Mapping) else thresholds
        scale = (scales or {}).get(name)
        dimensions[name] = dimension_report(
            layout(ratings, name),
            threshold=threshold,
            target=target,
            universe=universe,
            rng=rng,
            scale=scale,
            cost=cost,
            first_runs=first_runs,
        )
    return StabilityReport(
        population=_population(ratings),
        dimensions=dimensions,
        provenance=Provenance.model_validate(
            {
                **ratings.provenance,
                **_dates(ratings),
                "ratings_sha256": ratings.content_hash,
                "seed": seed,
                "target": target,
            }
        ),
        warnings=_table_warnings(ratings),
    )


def _check(names: list[str], thresholds: Thresholds, target: float, first_runs: int | None) -> None:
    if first_runs is not None and first_runs < 2:
        raise RatingsError(f"first_runs {first_runs!r} must be 2 or more: one run says nothing of the next")
    if not 0 < target < 1:
        raise RatingsError(f"target {target!r} must lie between 0 and 1; 0.8 is usual")
    if isinstance(thresholds, Mapping):
        for name in thresholds:
            if names and name not in names:
                raise RatingsError(f"threshold names dimension {name!r}; the ratings have {', '.join(names)}")


def dimension_report(
    whole: Layout,
    *,
    threshold: float | None,
    target: float,
    universe: Universe,
    rng: np.random.Generator,
    scale: tuple[float, float] | None,
    cost: float | None,
    first_runs: int | None = None,
) -> DimensionReport:
    """One dimension's report."""
    warnings = Warnings()
    lay = _comparable_runs(whole, first_runs, warnings)
    variance = measure(lay, universe, rng.spawn(1)[0], warnings)  # so that no value depends on the universe
    permutation = permutation_report(lay, rng)
    main_p = permutation["main"]
    arms = arm_reports(lay, threshold, rng, warnings)
    dependability = dependability_report(variance, debate_icc(lay))
    claim = claim_report(variance, main_p)
    flips = flips_report(lay, threshold)
    by_calls = flips_by_calls(lay, threshold, arms, rng)
    facets = facets_found(lay, warnings)
    plan, cheapest = facet_plan(variance, facets, target, cost, warnings)
    arm = main_arm(lay)
    if not lay.used and not arms:
        warnings.add("no_scores", "no rating has a score: every figure is undefined")
    if claim.ratio is None and claim.delta.value is not None:
        warnings.add("ratio_hidden", "the variance between personas cannot be told from 0, so no ratio to it is given")
    if universe == "random" and 1 < variance.personas < 5:
        warnings.add("few_personas", f"{variance.personas} personas say little about personas of this kind")
    case = _case(lay, arm, variance.personas, dependability, flips, by_calls, claim, main_p)
    case = case._replace(still=bool(variance.parts.run[0] == 0))
    if arm is not None:
        case = case._replace(
            calls=arms[arm].calls, told=arms[arm], flips=arms[arm].flips,
            rerun=bool((lay.verdict_cells(arm).n >= 2).any()),
        )  # fmt: skip
    changes = positions_report(lay)
    report = DimensionReport(
        verdict=stable(case.dependability, case.flips),
        sentence=" ".join(filter(None, (sentence(case), moved(changes), advice(variance, facets)))),
        components=components_report(variance),
        shares=shares_report(variance),
        facets=facets_report(lay, facets),
        claim=claim,
        dependability=dependability,
        plan=plan,
        cheapest=cheapest,
        icc=icc_report(lay),
        icc_personas=rater_icc_report(variance),
        alpha=alpha_report(lay, warnings),
        flips=flips,
        flips_by_calls=by_calls,
        arms=arms,
        position_changes=changes,
        systems=systems_report(lay, arm, rng),
        effective_judges=effective_report(lay, warnings),
        effective_personas=personas_report(lay),
        permutation=permutation,
        humans=humans_report(lay, arm, rng),
        certainty=certainty_report(lay, threshold, target, rng, warnings),
        individuation=individuation_report(lay, rng),
        missing=missing_report(whole, threshold, scale, warnings),
        warnings=(),
    )
    explain(report, warnings)
    return report.model_copy(update={"warnings": warnings.all()})


def _comparable_runs(whole: Layout, first_runs: int | None, warnings: Warnings) -> Layout:
    """The runs whose number did not depend on the scores."""
    kept = first_runs or runs_before_looking(whole.runs_by_item)
    if kept is None or kept >= whole.runs_by_item.max(initial=0):
        return whole
    warnings.add(
        "first_runs",
        f"items were heard {whole.runs_by_item.min()} to {whole.runs_by_item.max()} times: where quiet items are heard less "
        f"often, all runs together look steadier than they are, so figures are from each item's first {kept} runs",
    )
    return whole.first(kept)


def _case(
    lay: Layout, arm: str | None, personas: int, dependability: Dependability, flips: Flips,
    by_calls: tuple[ByCalls, ...], claim: Claim, main_p: float | int | None,
) -> Case:  # fmt: skip
    """The design that the sentence is about: the debate, else the panel with one run each, else one call."""
    panel = next((point.flips for point in by_calls if point.design == "panel" and point.calls == personas), None)
    single = flips.threshold or flips.categorical
    figure: Estimate = dependability.debate or dependability.panel
    return Case(
        name=lay.name,
        calls=float(personas) if personas else None,
        personas=personas,
        dependability=figure,
        flips=panel or single,
        claim=claim,
        main_p=main_p,
        arm=arm,
        told=None,
        rerun=bool((lay.cells.n >= 2).any()),
        scored=bool(np.isfinite(lay.ratings.score).any()),
        enough=lay.clusters >= 10,
        whose="judge" if personas <= 1 else "panel" if panel else "single persona",
        varies=bool(np.nanmin(scores) < np.nanmax(scores)) if np.isfinite(scores := lay.ratings.score).any() else False,
    )


def _dates(ratings: Ratings) -> dict[str, object]:
    """First and last day of the runs, where the table has their time."""
    days = sorted({name[:10] for name in ratings.time.names}) if ratings.time is not None else []
    return {"dates": days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"} if days else {}


def _population(ratings: Ratings) -> Population:
    alone = ratings.phase.codes == ratings.phase.code("alone")
    rows = alone if alone.any() else np.ones(len(ratings), dtype=bool)
    _, counts = np.unique(
        combine([ratings.item, ratings.persona, ratings.dimension, ratings.arm])[rows], return_counts=True
    )
    spoken = ratings.persona.codes[ratings.persona.codes >= 0]
    return Population(
        items=len(np.unique(ratings.item.codes)),
        clusters=len(np.unique(ratings.cluster.codes)),
        personas=len(np.unique(spoken)),
        runs=int(counts.max(initial=0)),
        ratings_used=int(np.isfinite(ratings.score).sum()),
        ratings_asked=len(ratings),
    )


def _table_warnings(ratings: Ratings) -> tuple[ReportWarning, ...]:
    """What holds for the whole table: the reader's notes, runs of one day, a model that changed its name."""
    found = [ReportWarning(code=code, message=message) for code, message in ratings.notes]
    if not len(ratings):
        found.append(ReportWarning(code="empty_table", message="the table has a header and no rows"))
    if ratings.time is not None and len({name[:10] for name in ratings.time.names}) == 1:
        found.append(
            ReportWarning(
                code="one_day", message="all runs are of one day: drift from day to day is not in these figures"
            )
        )
    if ratings.model is not None and len(ratings.model.names) > 1:
        listed = ", ".join(ratings.model.names[:5])
        found.append(ReportWarning(code="several_models", message=f"several models answered: {listed}"))
    if ratings.provenance.get("simulated"):
        found.append(
            ReportWarning(code="simulated", message="a simulated judge judged: for trying the service, not for judging")
        )
    return tuple(found)


def _cost_per_call(ratings: Ratings) -> float | None:
    cost, calls = ratings.provenance.get("cost_usd"), ratings.provenance.get("calls")
    if isinstance(cost, int | float) and isinstance(calls, int | float) and calls > 0:
        return float(cost) / float(calls)
    return None
