"""Debate and its weaker forms beside a single judge, the compute-matched and the token-matched panel."""

from __future__ import annotations

from typing import Literal

import numpy as np

from stability.assemble_agreement import arm_flips
from stability.assemble_spent import dollars_per_call, dollars_per_verdict, per_call, per_verdict
from stability.assemble_variance import one_way_icc
from stability.estimates import Warnings, jackknifed, undefined
from stability.layout import Layout
from stability.measures import permutation
from stability.measures.arms import Comparison, compare
from stability.measures.features import Cells, Floats
from stability.report import ArmReport, Estimate

ArmVerdict = Literal["more_stable", "not_distinguishable", "less_stable", "undefined"]


def arm_reports(
    lay: Layout, threshold: float | None, rng: np.random.Generator, warnings: Warnings
) -> dict[str, ArmReport]:
    """Every arm with verdicts, the panel left out: it is the baseline."""
    arms = [arm for arm in lay.arms() if arm != "panel"]
    found = {arm: _arm_report(lay, arm, threshold, rng, warnings) for arm in arms}
    if arms and not np.isfinite(lay.ratings.score[lay.alone]).any():
        warnings.add("no_panel", "verdicts without single judgements: there is no panel to compare the debate with")
    return found


def debate_icc(lay: Layout) -> Estimate | None:
    """ICC(1,1) of the debate's verdicts (of the first other arm where there is no debate); None without verdicts."""
    arm = main_arm(lay)
    if arm is None:
        return None
    return one_way_icc(lay.verdict_cells(arm), lay.cluster, lay.clusters, _asked(lay, arm)).single


def main_arm(lay: Layout) -> str | None:
    """The arm whose verdict the report is about: debate first, then any other; None where only single judges spoke."""
    arms = [arm for arm in lay.arms() if arm != "panel"]
    return "debate" if "debate" in arms else (arms[0] if arms else None)


def _asked(lay: Layout, arm: str) -> int:
    return int(lay.rows_of("verdict", arm).sum())


def _arm_report(
    lay: Layout, arm: str, threshold: float | None, rng: np.random.Generator, warnings: Warnings
) -> ArmReport:
    table = lay.verdict_cells(arm)
    personas = int(lay.cells.filled.any(axis=0).sum())
    calls, tokens = per_verdict(lay, arm, lay.ratings.calls), per_verdict(lay, arm, lay.ratings.tokens)
    cost = dollars_per_verdict(lay, arm)
    if calls is None and personas:
        calls = 3.0 * personas + 1
        warnings.add("calls_assumed", f"no column 'calls': a {arm} was taken to cost {calls:g} calls")
    per_persona = calls / personas if calls is not None and personas else None
    found = compare(table, lay.cells, per_persona, lay.cluster, lay.clusters)
    flips = arm_flips(lay, arm, threshold)
    asked = len(lay.items)
    if found is None:
        _warn_undefined(lay, arm, table, warnings)
        none = undefined(asked)
        return ArmReport(
            sr_single=none,
            sr_panel=none,
            nsr_panel=none,
            flips=flips,
            calls=calls,
            tokens=tokens,
            cost_usd=cost,
            verdict="undefined",
        )
    if found.items < (table.n[:, 0] > 0).sum():
        warnings.add("arms_differ", f"only {found.items} items have both re-run {arm} verdicts and a re-run panel")
    ratio = _figure(found, found.sr_panel, "log", asked)
    if not np.isfinite(found.nsr_panel[0]):
        warnings.add(
            "no_signal",
            f"the items differ no more than chance in the verdicts of {arm.replace('_', ' ')} or of the panel: noise to signal is undefined",
        )
    flip = permutation.sign_flip(found.cluster_difference, rng, permutation.affordable(lay.clusters))
    return ArmReport(
        sr_single=_figure(found, found.sr_single, "log", asked),
        sr_panel=ratio,
        sr_panel_tokens=_matched(lay, table, tokens, per_call(lay, lay.ratings.tokens), personas, asked),
        sr_panel_usd=_matched(lay, table, cost, dollars_per_call(lay), personas, asked),
        nsr_panel=_figure(found, found.nsr_panel, "log", asked),
        flips=flips,
        calls=calls,
        tokens=tokens,
        cost_usd=cost,
        verdict=verdict_of(ratio),
        score_difference=_figure(found, found.difference, "identity", asked),
        score_difference_p=flip.p if flip else None,
    )


def _figure(found: Comparison, values: Floats, scale: Literal["log", "identity"], asked: int) -> Estimate:
    return jackknifed(values, scale, found.items, asked, "fixed")


def verdict_of(ratio: Estimate) -> ArmVerdict:
    """What the interval of the variance ratio to the compute-matched panel says."""
    if ratio.value is None or ratio.ci is None:
        return "undefined"
    low, high = ratio.ci.low, ratio.ci.high
    if high is not None and high < 1:
        return "more_stable"
    return "less_stable" if low is not None and low > 1 else "not_distinguishable"


def _matched(
    lay: Layout, table: Cells, spent: float | None, each: float | None, personas: int, asked: int
) -> Estimate | None:
    """The ratio to a panel that spends as many tokens or dollars as a verdict of the arm; each: those of one call. None
    where one of the two is unknown, or a call costs none."""
    if not spent or not each or not personas:
        return None
    found = compare(table, lay.cells, spent / (personas * each), lay.cluster, lay.clusters)
    return None if found is None else _figure(found, found.sr_panel, "log", asked)


def _warn_undefined(lay: Layout, arm: str, table: Cells, warnings: Warnings) -> None:
    if not (table.n >= 2).any():
        warnings.add("arm_not_rerun", f"no item has two {arm} verdicts: run each case 2 times or more")
    elif (lay.cells.n >= 1).any():
        warnings.add("arms_differ", f"no item has both re-run {arm} verdicts and a re-run panel")
