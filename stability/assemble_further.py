"""Position changes, systems, effective judges, humans, certainty, individuation: where the table has what they need."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Sequence

import numpy as np

from stability.assemble_variance import grouped
from stability.estimates import Warnings, clustered, plain, undefined
from stability.layout import Layout
from stability.measures import certainty as sure
from stability.measures.components import divide
from stability.measures.diversity import effective_personas
from stability.measures.effective import effective_judges
from stability.measures.features import Floats
from stability.measures.humans import Agreement, compare_arms, human_agreement
from stability.measures.individuation import individuation
from stability.measures.positions import SeeingArm, position_changes
from stability.measures.systems import ranking_stability
from stability.report import Certainty, Estimate, HumanAgreement, HumanDifference
from stability.report_why import IndividuationReport, PositionsReport, SystemsReport

RESAMPLES = 1000
ITEMS_RESAMPLED_MAX = 5_000
"""Above so many items, fewer resamples: their number times the items stays the same."""
PERSONAS_MAX = 60
"""Pairs of personas grow with the square: above it the pairwise measures are left out."""


def positions_report(lay: Layout) -> PositionsReport | None:
    """How often and why personas moved; None without restated scores."""
    arms: tuple[SeeingArm, ...] = ("debate", "stance", "self_reflection")
    restated = {arm: rows for arm in arms if (rows := lay.rows_of("restated", arm) & (lay.persona >= 0)).any()}
    if not restated or not lay.asked:
        return None
    after = {arm: lay.block(rows) for arm, rows in restated.items()}
    flags = lay.ratings.verified
    verified = None if flags is None else {arm: lay.marked(rows, flags) for arm, rows in restated.items()}
    found = position_changes(lay.block(lay.alone), after, lay.cluster, verified=verified, human=lay.human)
    return PositionsReport.model_validate(plain(found))


def systems_report(lay: Layout, arm: str | None, rng: np.random.Generator) -> SystemsReport | None:
    """Kendall's tau between rankings of the systems from disjoint runs, and each system's mean score, the best first.

    None without systems. A system of which no score is usable has no mean.
    """
    if lay.system is None:
        return None
    scores = lay.verdict_block(arm) if arm else lay.block(lay.alone)
    tau = clustered(ranking_stability(scores, lay.system, lay.cluster, rng), len(lay.items))
    names = lay.ratings.system.names if lay.ratings.system is not None else ()
    found = _row_mean(scores.reshape(len(scores), -1))
    usable = np.isfinite(found)
    means = {
        name: float(found[rows].mean()) if (rows := usable & (lay.system == index)).any() else None
        for index, name in enumerate(names)
    }
    ranked = sorted(means, key=lambda name: (means[name] is None, -(means[name] or 0.0), name))
    return SystemsReport(kendall_tau=tau, systems=len(names), mean_scores={name: means[name] for name in ranked})


def effective_report(lay: Layout, warnings: Warnings) -> Estimate:
    """Kish's effective number of judges; undefined with one persona."""
    asked = len(lay.items)
    if len(lay.personas) < 2 or not lay.used:
        return undefined(asked)
    if len(lay.personas) > PERSONAS_MAX:
        warnings.add("many_personas", f"over {PERSONAS_MAX} personas: pairwise measures are left out")
        return undefined(asked)
    found = effective_judges(lay.cells.mean, lay.cluster, lay.human)
    if found.basis == "scores" and found.n_eff.value is not None:
        warnings.add(
            "effective_judges_lower_limit",
            "no human scores: agreement between personas counts as shared error, so effective judges is a lower limit",
        )
    return clustered(found.n_eff, asked)


def personas_report(lay: Layout) -> Estimate:
    """How many different scorers the personas amount to; undefined with one persona, or over 60."""
    asked = len(lay.items)
    if not 1 < len(lay.personas) <= PERSONAS_MAX or not lay.used:
        return undefined(asked)
    cluster, _ = grouped(lay.cluster, lay.clusters, len(lay.personas))
    noise = divide(lay.cells.variance_or_pooled(), np.maximum(lay.cells.n, 1))
    return clustered(effective_personas(lay.cells.mean, noise, cluster), asked)


def humans_report(
    lay: Layout, arm: str | None, rng: np.random.Generator
) -> dict[str, tuple[HumanAgreement, ...] | HumanDifference] | None:
    """Correlations with human scores by number of runs, and the arm against the panel; None without human scores."""
    human = lay.human
    if human is None or np.isfinite(human).sum() < 3:
        return None
    resamples = int(np.clip(RESAMPLES * ITEMS_RESAMPLED_MAX / max(len(lay.items), 1), 100, RESAMPLES))
    panel = _panel_runs(lay)
    told: dict[str, tuple[HumanAgreement, ...] | HumanDifference] = {}
    if panel.size:
        found = human_agreement(panel, human, lay.cluster, rng, run_counts=_counts(panel), resamples=resamples)
        told["panel"] = _agreement(found)
    if arm is not None:
        verdicts = lay.verdict_block(arm)
        found = human_agreement(verdicts, human, lay.cluster, rng, run_counts=_counts(verdicts), resamples=resamples)
        told[arm] = _agreement(found)
        if panel.size:
            first, second = _row_mean(verdicts), _row_mean(panel)
            difference, test = compare_arms(first, second, human, lay.cluster, rng, resamples=resamples)
            told["difference"] = HumanDifference.model_validate(
                {"arms": (arm, "panel"), "spearman": plain(difference), "williams": plain(test)}
            )
    return told or None


def _agreement(found: Sequence[Agreement]) -> tuple[HumanAgreement, ...]:
    return tuple(HumanAgreement.model_validate(plain(one)) for one in found)


def _counts(runs: Floats) -> tuple[int, ...]:
    """One run, and all of them."""
    most = int(np.isfinite(runs).sum(axis=1).max(initial=0))
    return tuple(sorted({1, most})) if most else ()


def _panel_runs(lay: Layout) -> Floats:
    """(items, runs): the panel's mean in every run."""
    if not lay.used:
        return np.zeros((len(lay.items), 0))
    block = lay.block(lay.alone)
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", RuntimeWarning)  # a run in which everybody failed is NaN
        runs: Floats = np.nanmean(block, axis=1)
    return runs


def _row_mean(runs: Floats) -> Floats:
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", RuntimeWarning)
        mean: Floats = np.nanmean(runs, axis=1)
    return mean


def certainty_report(
    lay: Layout, threshold: float | None, target: float, rng: np.random.Generator, warnings: Warnings
) -> Certainty | None:
    """Is a certain judge a right one? Against the human scores; None without certainty."""
    stated = lay.ratings.certainty
    if stated is None:
        return None
    human = lay.human
    if human is None:
        warnings.add("certainty_without_humans", "certainty needs human scores to be checked against")
        return None
    rows = (lay.alone if np.isfinite(stated[lay.alone]).any() else lay.rows_of("verdict")) & np.isfinite(stated)
    given, score, truth = stated[rows], lay.ratings.score[rows], human[lay.item[rows]]
    known = np.isfinite(score) & np.isfinite(truth)
    given, score, truth, cluster = given[known], score[known], truth[known], lay.cluster[lay.item[rows]][known]
    if not len(given):
        return None
    right = (np.abs(score - truth) < 0.75) if threshold is None else ((score >= threshold) == (truth >= threshold))
    correct = right.astype(float)
    resamples = int(np.clip(2e7 / len(given), 100, RESAMPLES))

    def aurc(c: Floats, loss: Floats) -> float | None:
        curve = sure.risk_coverage(c, loss)
        return None if curve is None else curve.aurc

    area = sure.bootstrapped(aurc, given, 1 - correct, cluster, rng, resamples=resamples)
    told = {
        "judged_by": "pass or fail as the humans" if threshold is not None else "within 0.75 of the humans",
        "verdicts": len(given),
        "aurc": plain(area),
        "risk_coverage": _short_curve(sure.risk_coverage(given, 1 - correct)),
        "selective_accuracy": plain(sure.selective_accuracy(given, correct)),
        "auroc": plain(sure.auroc(given, correct)),
        "brier": plain(sure.brier(given, correct)),
        "ece": plain(sure.calibration_error(given, correct)),
        "ece_floor": plain(sure.calibration_floor(given, rng)),
        "threshold": plain(found := sure.calibrated_threshold(given, correct, target=target)),
        "reading": _answer_where(found.threshold, target),
    }
    return Certainty.model_validate(told)


def _answer_where(threshold: float | None, target: float) -> str:
    """What the calibrated threshold asks of whoever uses the verdicts."""
    if threshold is None:
        return f"abstain always: at no certainty are verdicts sure to agree with the humans in {target:.0%} of cases"
    return f"answer where certainty is {threshold:g} or more, abstain below: then {target:.0%} agree with the humans"


def individuation_report(lay: Layout, rng: np.random.Generator) -> IndividuationReport | None:
    """Does a persona predict its own re-run better than another's, with and without its harshness? None with one
    persona, or without re-runs."""
    block = lay.block(lay.alone)
    if not 1 < len(lay.personas) <= PERSONAS_MAX or not (lay.cells.n >= 2).any():
        return None
    flips = int(np.clip(1e7 / max(lay.clusters, 1), 200, 10_000))
    raw = individuation(block, lay.cluster, rng, permutations=flips)
    centred = individuation(block, lay.cluster, rng, centred=True, permutations=flips)
    return IndividuationReport.model_validate({"raw": plain(raw), "centred": plain(centred)})


def _short_curve(curve: object, points: int = 50) -> object:
    """The risk-coverage curve without more points than a chart shows."""
    told = plain(curve)
    if not isinstance(told, dict):
        return told

    def short(value: object) -> object:
        if not isinstance(value, list) or len(value) <= points:
            return value
        return [value[index] for index in np.linspace(0, len(value) - 1, points).round().astype(int)]

    return {key: short(value) for key, value in told.items()}
