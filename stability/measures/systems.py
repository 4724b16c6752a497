"""Does a re-run rank the systems the same way? Kendall's tau between rankings from disjoint sets of runs."""

from __future__ import annotations

import numpy as np

from stability.measures.clustered import Clustered, FloatArray, IntArray, cluster_sums, jackknife_t


def ranking_stability(
    scores: FloatArray, system: IntArray, cluster: IntArray, generator: np.random.Generator, *, splits: int = 20
) -> Clustered:
    """Mean Kendall tau-b between the system rankings of two disjoint halves of the runs.

    Each of `splits` random divisions of the runs into halves gives two rankings by mean score; an item enters a
    division only where both halves have a score of it. The interval is delete-one-cluster jackknife-t over the same
    divisions (identity scale, cut to [-1, 1]). The halves share their items, so tau tells what re-running does to the
    ranking, not what other items would do.

    Args:
        scores: (items, runs) verdicts, or (items, personas, runs), averaged over the personas of a run; NaN = missing.
        system: (items,) whole numbers from 0.
        cluster: (items,) labels.
        generator: draws the divisions.
        splits: divisions.

    Returns:
        `Clustered`; None with fewer than two runs or systems, or where all systems tie.
    """
    runs = _mean(scores, axis=1) if scores.ndim == 3 else scores
    clusters, systems = len(np.unique(cluster)), int(system.max()) + 1 if len(system) else 0
    if runs.shape[1] < 2 or len(np.unique(system)) < 2:
        return Clustered(None, n_used=0, clusters=clusters)
    taus = np.stack([_split_taus(runs, system, systems, cluster, generator) for _ in range(splits)])
    found = jackknife_t(float(taus[:, 0].mean()), taus[:, 1:].mean(axis=0), n_used=len(runs))
    if found.low is None or found.high is None:
        return found
    return found._replace(low=max(found.low, -1.0), high=min(found.high, 1.0))


def _split_taus(
    runs: FloatArray, system: IntArray, systems: int, cluster: IntArray, generator: np.random.Generator
) -> FloatArray:
    """(1 + clusters,): tau of one division with all clusters, then without each."""
    order = generator.permutation(runs.shape[1])
    half = runs.shape[1] // 2
    first, second = _mean(runs[:, order[:half]], axis=1), _mean(runs[:, order[half : 2 * half]], axis=1)
    both = np.isfinite(first) & np.isfinite(second)
    indicator = (system[:, None] == np.arange(systems)) & both[:, None]
    features = [indicator.astype(np.float64)]
    features += [indicator * np.where(both, half_scores, 0.0)[:, None] for half_scores in (first, second)]
    sums = cluster_sums(np.hstack(features), cluster)
    total = sums.sum(axis=0)
    kept = np.vstack([total[None], total - sums]).reshape(-1, 3, systems)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = kept[:, 1:] / kept[:, :1]
    return np.array([kendall_tau(left, right) for left, right in means])


def kendall_tau(left: FloatArray, right: FloatArray) -> float:
    """Kendall's tau-b of two short vectors over the places where both are finite; NaN where either is all ties."""
    finite = np.isfinite(left) & np.isfinite(right)
    signs = [np.sign(np.round(side[finite][:, None] - side[finite][None, :], 12)) for side in (left, right)]
    scale = np.sqrt(np.abs(signs[0]).sum() * np.abs(signs[1]).sum())
    return float((signs[0] * signs[1]).sum() / scale) if scale > 0 else float("nan")


def _mean(values: FloatArray, axis: int) -> FloatArray:
    """The mean of the finite values along `axis`, NaN where there is none."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0.0).sum(axis=axis)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
