"""Is stated certainty worth anything: risk against coverage, calibration, and a threshold that keeps a promise.

Input per verdict: certainty in [0, 1] and a loss (0 or 1, or any number from 0). Verbal certainty has three to five
levels, so ties are the rule: tied verdicts share their mean loss, or their order would decide the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from stability.measures.clustered import Clustered, FloatArray, IntArray, cluster_weights

COVERAGES = (0.5, 0.8, 0.9)


class RiskCoverage(NamedTuple):
    """The risk-coverage curve and its areas; lower is better, save `normalised`."""

    coverage: FloatArray
    """(n,): j / n."""
    risk: FloatArray
    """(n,): mean loss of the j most certain verdicts, ties sharing theirs."""
    aurc: float
    """Mean of `risk` over all coverages."""
    base: float
    """Mean loss: the AURC of a certainty that knows nothing."""
    oracle: float
    """AURC of a certainty that sorts by the loss itself."""
    excess: float
    """AURC above the oracle's (E-AURC)."""
    normalised: float | None
    """(base - aurc) / (base - oracle): 1 knows all, 0 nothing; None where every verdict has the same loss."""


class Threshold(NamedTuple):
    """The least certainty at which verdicts may be accepted; `threshold` None means: abstain always."""

    threshold: float | None
    coverage: float
    """Share of the calibration verdicts accepted."""
    agreement: float | None
    """Agreement of the accepted ones."""
    lower_limit: float | None
    """Clopper-Pearson lower limit of it."""
    n_accepted: int


def risk_coverage(certainty: FloatArray, loss: FloatArray) -> RiskCoverage | None:
    """Risk against coverage of verdicts accepted in order of certainty; None without a finite pair.

    certainty, loss: (verdicts,), NaN where abstained (leave those out and report their rate beside it).
    AURC and E-AURC: Geifman, Uziel, El-Yaniv (2019), with ties averaged.
    """
    certainty, loss = _finite(certainty, loss)
    if not len(loss):
        return None
    order = np.argsort(-certainty, kind="stable")
    risk = _curve(_tied_means(certainty[order], loss[order]))
    oracle, base = float(_curve(np.sort(loss)).mean()), float(loss.mean())
    aurc = float(risk.mean())
    normalised = (base - aurc) / (base - oracle) if base - oracle > 1e-12 else None
    coverage = np.arange(1, len(loss) + 1) / len(loss)
    return RiskCoverage(coverage, risk, aurc, base, oracle, aurc - oracle, normalised)


def selective_accuracy(
    certainty: FloatArray, correct: FloatArray, coverages: tuple[float, ...] = COVERAGES
) -> dict[float, float | None]:
    """Share correct among the most certain share of the verdicts, by coverage; ties share their mean."""
    curve = risk_coverage(certainty, 1 - correct)
    if curve is None:
        return dict.fromkeys(coverages)
    last = len(curve.risk)
    return {share: float(1 - curve.risk[max(1, math.ceil(share * last - 1e-9)) - 1]) for share in coverages}


def auroc(certainty: FloatArray, correct: FloatArray) -> float | None:
    """Chance that a correct verdict is more certain than a wrong one, ties counting half; None without both."""
    certainty, correct = _finite(certainty, correct)
    right = correct > 0.5
    n_right, n_wrong = int(right.sum()), int((~right).sum())
    if not n_right or not n_wrong:
        return None
    ranks = mid_ranks(certainty)
    return float((ranks[right].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))


def mid_ranks(values: FloatArray) -> FloatArray:
    """(n,) ranks from 1, tied values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def brier(certainty: FloatArray, correct: FloatArray) -> float | None:
    """Mean squared distance of certainty from being right; None without a pair."""
    certainty, correct = _finite(certainty, correct)
    return float(((certainty - correct) ** 2).mean()) if len(correct) else None


def calibration_error(certainty: FloatArray, correct: FloatArray, *, bins: int = 10) -> float | None:
    """Expected calibration error over bins of equal mass, or one bin per level where there are at most `bins` levels.

    Tied certainties are never divided between bins. None without a pair.
    """
    certainty, correct = _finite(certainty, correct)
    return _ece(certainty, correct[None], _bins(certainty, bins)).item() if len(correct) else None


def calibration_floor(
    certainty: FloatArray, generator: np.random.Generator, *, bins: int = 10, draws: int = 200
) -> float | None:
    """What `calibration_error` would show by chance of a perfectly calibrated judge: labels drawn from its certainty."""
    certainty = certainty[np.isfinite(certainty)]
    if not len(certainty):
        return None
    labels = (generator.random((draws, len(certainty))) < certainty).astype(np.float64)
    return float(_ece(certainty, labels, _bins(certainty, bins)).mean())


def calibrated_threshold(
    certainty: FloatArray, agrees: FloatArray, *, target: float, error_rate: float = 0.05
) -> Threshold:
    """The lowest certainty from which verdicts agree with the reference at least `target` of the time.

    Fixed-sequence testing over the certainty levels from the highest down, each by the one-sided Clopper-Pearson lower
    limit at `error_rate`; the sequence stops at its first failure, so no correction is due, and the chance that the
    threshold breaks the promise is at most `error_rate` (Angelopoulos et al. 2021, Learn then Test; Jung et al. 2024).
    The sequence starts at the first level with enough verdicts to pass at all, which the labels do not influence.

    Args:
        certainty: (verdicts,) of a calibration set of independent items; NaN = abstained.
        agrees: (verdicts,) 0 or 1.
        target: agreement to guarantee, above 0 and below 1.
        error_rate: chance of a broken promise.

    Returns:
        `Threshold`, with `threshold` None, "abstain always", where no level qualifies.
    """
    certainty, agrees = _finite(certainty, agrees)
    needed = math.ceil(math.log(error_rate) / math.log(target))
    found = Threshold(None, 0.0, None, None, 0)
    for level in np.unique(certainty)[::-1]:
        accepted = certainty >= level
        n, right = int(accepted.sum()), int(agrees[accepted].sum())
        if n < needed:
            continue
        limit = float(special.betaincinv(right, n - right + 1, error_rate)) if right else 0.0
        if limit < target:
            break
        found = Threshold(float(level), n / len(agrees), right / n, limit, n)
    return found


def bootstrapped(
    measure: Callable[[FloatArray, FloatArray], float | None],
    certainty: FloatArray,
    outcome: FloatArray,
    cluster: IntArray,
    generator: np.random.Generator,
    *,
    resamples: int = 2000,
    level: float = 0.95,
) -> Clustered:
    """`measure(certainty, outcome)` with its percentile cluster-bootstrap interval (10 clusters or more).

    certainty, outcome, cluster: (verdicts,). Pass `lambda c, l: (curve := risk_coverage(c, l)) and curve.aurc` for AURC.
    """
    kept = np.isfinite(certainty) & np.isfinite(outcome)
    certainty, outcome, cluster = certainty[kept], outcome[kept], cluster[kept]
    value, clusters = measure(certainty, outcome), len(np.unique(cluster))
    if value is None or clusters < 10:
        return Clustered(value, n_used=len(outcome), clusters=clusters)
    drawn = []
    for weights in cluster_weights(cluster, resamples, generator):
        for row in weights.astype(np.int64):
            drawn.append(measure(np.repeat(certainty, row), np.repeat(outcome, row)))
    defined = [float(estimate) for estimate in drawn if estimate is not None]
    if len(defined) < resamples / 2:
        return Clustered(value, n_used=len(outcome), clusters=clusters)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Clustered(value, float(low), float(high), len(outcome), clusters, "cluster-bootstrap")


def _finite(certainty: FloatArray, outcome: FloatArray) -> tuple[FloatArray, FloatArray]:
    both = np.isfinite(certainty) & np.isfinite(outcome)
    return certainty[both], outcome[both]


def _tied_means(ordered: FloatArray, loss: FloatArray) -> FloatArray:
    """The losses, each replaced by the mean loss of all verdicts of the same certainty."""
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(loss)])
    return np.repeat(np.add.reduceat(loss, starts) / sizes, sizes)


def _curve(loss: FloatArray) -> FloatArray:
    return np.asarray(np.cumsum(loss) / np.arange(1, len(loss) + 1))


def _bins(certainty: FloatArray, bins: int) -> IntArray:
    """(verdicts,) bin of each: by level where few, else by the middle of its mid-rank, so that ties stay together."""
    levels = np.unique(certainty)
    if len(levels) <= bins:
        return np.searchsorted(levels, certainty)
    return np.minimum(((mid_ranks(certainty) - 0.5) * bins / len(certainty)).astype(np.int64), bins - 1)


def _ece(certainty: FloatArray, labels: FloatArray, bin_of: IntArray) -> FloatArray:
    """(draws,) for labels of shape (draws, verdicts)."""
    indicator = (bin_of[:, None] == np.unique(bin_of)).astype(np.float64)
    return np.asarray(np.abs((labels - certainty) @ indicator).sum(axis=1) / len(certainty))
