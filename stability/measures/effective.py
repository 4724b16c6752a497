"""How many independent judges a panel is worth: Kish's n_eff = k / (1 + (k - 1) rho) (nine can be two, arXiv 2605.29800)."""

from __future__ import annotations

from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np

from stability.measures.clustered import Clustered, FloatArray, IntArray, cluster_sums, jackknife_t

PAIRS_ITEMS_MIN = 3
"""A correlation of two personas needs so many items that both judged."""


class EffectiveJudges(NamedTuple):
    """`n_eff` with the mean correlation it stands on."""

    n_eff: Clustered
    correlation: float | None
    """Mean over the pairs of personas."""
    personas: int
    basis: Literal["errors", "scores"]
    """errors: score minus the human's; scores: no human scores, so what personas rightly agree on counts as shared
    and `n_eff` is a lower limit."""


def effective_judges(cell_means: FloatArray, cluster: IntArray, human: FloatArray | None = None) -> EffectiveJudges:
    """Kish's effective number of judges, from the mean pairwise correlation of the personas over the items.

    With human scores, of the personas' errors: judges that err together add little. Without, of their scores (each
    persona's centred over the items; centring within an item would force the mean correlation to -1/(k - 1)).

    Args:
        cell_means: (items, personas), each the mean over runs; NaN = missing.
        cluster: (items,) labels.
        human: (items,) human scores, NaN = missing.

    Returns:
        `EffectiveJudges`; `n_eff` has a delete-one-cluster jackknife-t interval on the log scale, cut at 1, and is None with
        one persona, where no pair varies, or where the correlation is so negative that 1 + (k - 1) rho <= 0.
    """
    with_humans = human is not None and bool(np.isfinite(human).any())
    values = cell_means - human[:, None] if with_humans and human is not None else cell_means
    used = np.isfinite(values).any(axis=0)
    personas = int(used.sum())
    basis: Literal["errors", "scores"] = "errors" if with_humans else "scores"
    clusters = len(np.unique(cluster))
    pairs = combinations(np.flatnonzero(used), 2)
    correlations = [_correlations(values[:, left], values[:, right], cluster) for left, right in pairs]
    kept = [pair for pair in correlations if np.isfinite(pair[0])]
    if not kept:
        return EffectiveJudges(Clustered(None, clusters=clusters), None, personas, basis)
    mean = np.mean(kept, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        worth = np.where(1 + (personas - 1) * mean > 0, personas / (1 + (personas - 1) * mean), np.nan)
    n_used = int(np.isfinite(values).any(axis=1).sum())
    found = jackknife_t(float(worth[0]), worth[1:], scale="log", n_used=n_used)
    if found.low is not None:
        found = found._replace(low=max(found.low, 1.0))  # a correlation ends at 1
    return EffectiveJudges(found, float(mean[0]), personas, basis)


def kish_size(weights: FloatArray) -> float | None:
    """Kish's effective sample size (sum w)^2 / sum w^2 of persona weights; None where they sum to 0."""
    total = float(weights.sum())
    return total**2 / float((weights**2).sum()) if total > 0 else None


def weighted_variance(weights: FloatArray, run_variances: FloatArray) -> float | None:
    """Run variance of a weighted verdict, sum w_p^2 s2_p with weights scaled to sum 1; None where they sum to 0.

    weights, run_variances: (personas,).
    """
    total = float(weights.sum())
    return float((((weights / total) ** 2) * run_variances).sum()) if total > 0 else None


def _correlations(left: FloatArray, right: FloatArray, cluster: IntArray) -> FloatArray:
    """(1 + clusters,) Pearson correlations: of all items, then without each cluster; NaN where undefined."""
    both = np.isfinite(left) & np.isfinite(right)
    if both.sum() < PAIRS_ITEMS_MIN:
        return np.full(1 + len(np.unique(cluster)), np.nan)
    x = np.where(both, left - left[both].mean(), 0.0)  # centred first: sums of squares of large scores lose digits
    y = np.where(both, right - right[both].mean(), 0.0)
    sums = cluster_sums(np.stack([both, x, y, x * x, y * y, x * y], axis=1).astype(np.float64), cluster)
    total = sums.sum(axis=0)
    n, sx, sy, sxx, syy, sxy = np.vstack([total[None], total - sums]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (sxx - sx**2 / n) * (syy - sy**2 / n)
        return np.asarray(np.where(spread > 1e-18, (sxy - sx * sy / n) / np.sqrt(spread), np.nan))
