"""Do runs agree: ordinal alpha, flip rates, and flip rates by calls per verdict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stability.assemble_spent import dollars_per_call, per_call
from stability.estimates import Warnings, estimate, rate, undefined
from stability.layout import Layout
from stability.measures import alpha, flips
from stability.measures.features import Floats, Integers
from stability.measures.intervals import agreement_t
from stability.report import Alpha, ArmReport, ByCalls, Estimate, Flips

LEVELS_MAX = 200
CELLS_MAX = 20_000_000
"""Clusters x levels^2 that alpha may hold; above it there is no interval."""
CALLS = (1, 2, 3, 5, 10, 20)
"""Runs of every persona that a verdict may average in plot 2."""


def grades(scores: Floats) -> tuple[Integers, int]:
    """(codes, levels): every different score is a level; -1 where missing."""
    codes = np.full(len(scores), -1, dtype=np.int64)
    known = np.isfinite(scores)
    levels, codes[known] = np.unique(scores[known], return_inverse=True)
    return codes, len(levels)


def passes(scores: Floats, threshold: float) -> Integers:
    """1 at or above the threshold, 0 below, -1 where missing."""
    return np.where(np.isfinite(scores), (scores >= threshold).astype(np.int64), -1)


def alpha_report(lay: Layout, warnings: Warnings) -> Alpha:
    """Ordinal alpha with runs as coders, per persona, and with every persona x run as a coder."""
    rows = lay.alone
    level, levels = grades(lay.ratings.score[rows])
    item, persona = lay.item[rows], lay.persona[rows]
    if levels > LEVELS_MAX:
        warnings.add("many_levels", f"{levels} different scores: this is no ordinal scale, so alpha is not given")
    of = {name: persona == index for index, name in enumerate(lay.personas)}
    return Alpha(
        runs={name: _alpha(lay, item[mine], level[mine], levels) for name, mine in of.items()},
        all=_alpha(lay, item, level, levels),
    )


def _alpha(lay: Layout, item: Integers, level: Integers, levels: int) -> Estimate:
    asked = len(level)
    if not 0 < levels <= LEVELS_MAX:
        return undefined(asked)
    single = lay.clusters * levels**2 > CELLS_MAX
    cluster, clusters = (np.zeros_like(lay.cluster), 1) if single else (lay.cluster, lay.clusters)
    found = alpha.coincidences(item, level, levels, cluster, clusters)
    values = alpha.ordinal_alpha(np.concatenate([found.total(), found.without_each()]), levels)
    limits = agreement_t(values, found.coders) if np.isfinite(values).all() else None
    return estimate(float(values[0]), limits, int((level >= 0).sum()), asked, "fixed")


def flips_report(lay: Layout, threshold: float | None) -> Flips:
    """Chance that a re-run of one persona gives another grade, or crosses the pass threshold."""
    scores = lay.ratings.score[lay.alone]
    codes, levels = grades(scores)
    categorical = _alone_rate(lay, codes, max(levels, 1))
    crossing = None if threshold is None else _alone_rate(lay, passes(scores, threshold), 2)
    return Flips(categorical=categorical, threshold=crossing)


def _alone_rate(lay: Layout, codes: Integers, levels: int) -> Estimate:
    rows = lay.alone
    shape = (len(lay.items), len(lay.personas))
    if levels > LEVELS_MAX:  # counting level by level would be slow, and nearly every pair differs
        return undefined(len(lay.items))
    table = flips.cell_rates(lay.item[rows], lay.persona[rows], codes, shape, levels)
    return rate(flips.average(table, lay.cluster, lay.clusters), len(lay.items))


def arm_flips(lay: Layout, arm: str, threshold: float | None) -> Estimate:
    """Chance that an arm's verdict of a re-run differs: against the threshold, else rounded to whole grades."""
    rows = lay.rows_of("verdict", arm)
    scores = lay.ratings.score[rows]
    if threshold is not None:
        codes, levels = passes(np.round(scores, 9), threshold), 2
    else:
        codes, levels = grades(np.floor(np.round(scores, 9) + 0.5))
    nobody = np.zeros(len(scores), dtype=np.int64)
    table = flips.cell_rates(lay.item[rows], nobody, codes, (len(lay.items), 1), max(levels, 1))
    return rate(flips.average(table, lay.cluster, lay.clusters), len(lay.items))


def flips_by_calls(
    lay: Layout, threshold: float | None, arms: Mapping[str, ArmReport], rng: np.random.Generator
) -> tuple[ByCalls, ...]:
    """Flip rate against calls per verdict: one persona, the panel without debate, and every arm at its cost."""
    points: list[ByCalls] = []
    each = (per_call(lay, lay.ratings.tokens), dollars_per_call(lay))
    block = _packed(lay.block(lay.alone))
    present = np.isfinite(block).any(axis=(0, 2)) if block.size else np.zeros(0, bool)
    block = block[:, present]
    personas = block.shape[1]
    for runs in CALLS:
        if not block.size or 2 * runs > block.shape[2]:
            break
        alone = block.reshape(-1, 1, block.shape[2])
        single = flips.disjoint_rates(alone, runs, threshold, rng).reshape(len(block), personas)
        points.append(_point(lay, single, float(runs), "single", *each))
        if personas > 1:
            panel = flips.disjoint_rates(block, runs, threshold, rng)
            points.append(_point(lay, panel, float(runs * personas), "panel", *each))
    points += [
        ByCalls(calls=arm.calls, flips=arm.flips, design=name, tokens=arm.tokens, cost_usd=arm.cost_usd)
        for name, arm in arms.items()
        if arm.calls is not None and arm.flips.value is not None
    ]
    return tuple(point for point in points if point.flips.value is not None)


def _packed(block: Floats) -> Floats:
    """Known runs first in every cell: cells that ran at different times share the columns."""
    if not block.size:
        return block
    order = np.argsort(np.isnan(block), axis=2, kind="stable")
    most = int(np.isfinite(block).sum(axis=2).max())
    return np.take_along_axis(block, order, axis=2)[:, :, :most]


def _point(lay: Layout, rates: Floats, calls: float, design: str, tokens: float | None, cost: float | None) -> ByCalls:
    """tokens, cost: of one call."""
    found = rate(flips.average(rates, lay.cluster, lay.clusters), len(lay.items))
    tokens, cost = (None if one is None else calls * one for one in (tokens, cost))
    return ByCalls(calls=calls, flips=found, design=design, tokens=tokens, cost_usd=cost)
