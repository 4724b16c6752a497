"""A debate beside a single judge and beside a panel that spends the same calls without debating.

The panel needs no extra calls: the variance of a mean of c independent calls of each of P personas follows from the
run variance of the single judge, sum_p v_ip / (P^2 c); c = calls / P may be fractional.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stability.measures.components import divide
from stability.measures.features import Cells, Floats, Integers, sum_by


@dataclass(frozen=True)
class Comparison:
    """Ratios of arm over baseline; value and (clusters,) delete-one-cluster values of each."""

    sr_single: Floats
    """(1 + clusters,): first the whole table, then without each cluster. Run variance over one persona's."""
    sr_panel: Floats
    """Run variance over that of the compute-matched panel."""
    nsr_panel: Floats
    """Noise-to-signal ratio over the panel's: sees a debate that is steady because it says 3 to everything."""
    difference: Floats
    """Mean verdict of the arm minus the panel's."""
    cluster_difference: Floats
    """(clusters,): summed differences, for the sign-flip test."""
    items: int
    """Items with two or more verdicts and a panel with known run variance."""


def compare(
    arm: Cells, alone: Cells, calls_per_persona: float | None, cluster: Integers, clusters: int
) -> Comparison | None:
    """Compares one arm's verdicts with the panel on the items that both have; None where there is none.

    arm: (items, 1) verdicts; alone: (items, personas) single judgements; cluster: (items,) codes. calls_per_persona:
    c of the panel; None leaves the panel's ratios undefined.
    """
    rows, items = _features(arm, alone, cluster, clusters)
    if items == 0:
        return None
    total = rows.sum(axis=0, keepdims=True)
    every = np.concatenate([total, total - rows])
    count, arm_noise, single_noise, panel_noise = every[:, :4].T
    arm_mean, arm_square, arm_error, panel_mean, panel_square, panel_error = every[:, 4:].T
    arm_signal = _between(count, arm_mean, arm_square) - divide(arm_error, count)
    panel_signal = _between(count, panel_mean, panel_square) - divide(panel_error, count)
    unknown = calls_per_persona is None
    matched = np.full(len(every), np.nan) if calls_per_persona is None else panel_noise / calls_per_persona
    sr_panel = divide(arm_noise, matched)
    signals = divide(panel_signal, np.where(arm_signal > 0, arm_signal, np.nan))
    nsr = np.where((panel_signal > 0) & (not unknown), sr_panel * signals, np.nan)
    return Comparison(
        divide(arm_noise, single_noise),
        sr_panel,
        nsr,
        divide(arm_mean - panel_mean, count),
        rows[:, 4] - rows[:, 7],
        items,
    )


def _between(count: Floats, total: Floats, squares: Floats) -> Floats:
    """Sample variance from sums."""
    return divide(squares - divide(total**2, count), np.where(count > 1, count - 1, np.nan))


def _features(arm: Cells, alone: Cells, cluster: Integers, clusters: int) -> tuple[Floats, int]:
    """(clusters, 10) additive features of the items that both arms have."""
    variance = alone.variance_or_pooled()
    filled = alone.filled
    personas = filled.sum(axis=1)
    usable = (arm.n[:, 0] >= 2) & (personas > 0) & ~(np.isnan(variance) & filled).any(axis=1)
    v = np.where(filled, np.nan_to_num(variance), 0.0)
    over_n = np.divide(v, alone.n, out=np.zeros(v.shape), where=filled)
    centre = float(np.nanmean(alone.mean)) if filled.any() else 0.0
    panel_mean = divide(np.where(filled, alone.mean - centre, 0.0).sum(axis=1), personas)
    arm_mean = arm.mean[:, 0] - centre
    arm_variance = arm.variance[:, 0]
    columns = [
        np.ones(len(usable)),
        arm_variance,
        divide(v.sum(axis=1), personas),
        divide(v.sum(axis=1), personas**2),
        arm_mean,
        arm_mean**2,
        divide(arm_variance, arm.n[:, 0]),
        panel_mean,
        panel_mean**2,
        divide(over_n.sum(axis=1), personas**2),
    ]
    rows = np.where(usable[:, None], np.stack(columns, axis=1), 0.0)
    return sum_by(rows, cluster, clusters), int(usable.sum())
