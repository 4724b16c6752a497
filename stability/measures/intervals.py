"""Confidence intervals: delete-one-cluster jackknife with Student's t, and the hybrid for random personas.

Runs are never resampled inside resampled items: that shrinks run variance by (R - 1)/R and its intervals cover
0 to 87 % (Brennan, Generalizability Theory, ch. 6, knows the bias).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from stability.measures.components import VarianceComponents, divide, from_features
from stability.measures.features import Features, Floats

Scale = Literal["log", "logit", "identity"]

CLUSTERS_MIN = 10
"""Below it an estimate is printed without an interval: t with fewer than 9 df on skewed statistics does not cover."""
RESAMPLES = 1000


class Limits(NamedTuple):
    """An interval; None on a side that is unbounded."""

    low: float | None
    high: float | None
    method: str


_FORWARD: dict[Scale, Callable[[Floats], Floats]] = {
    "log": np.log,
    "logit": special.logit,
    "identity": lambda x: x,
}
_BACK: dict[Scale, Callable[[Floats], Floats]] = {
    "log": np.exp,
    "logit": special.expit,
    "identity": lambda x: x,
}


def jackknife_t(value: float | None, without: Floats, scale: Scale, level: float = 0.95) -> Limits | None:
    """Interval of a statistic from its delete-one-cluster values.

    without: (clusters,), the statistic without each cluster. On `scale` g the pseudo-values are
    K g(theta) - (K-1) g(theta_(-k)); the interval is g(theta) +/- t_{K-1} sd / sqrt K, taken back. A statistic that
    touches the border of its scale (a component at or below 0, a rate of exactly 0 or 1) falls back to the identity
    scale, cut at the border where the border cannot be crossed. None below 10 clusters, where any delete-one value
    is undefined, or where nothing varies.
    """
    clusters = len(without)
    if value is None or clusters < CLUSTERS_MIN or not np.isfinite(without).all():
        return None
    used = scale if _inside(np.append(without, value), scale) else "identity"
    forward, back = _FORWARD[used], _BACK[used]
    centre = forward(np.asarray([value]))[0]
    pseudo = clusters * centre - (clusters - 1) * forward(without)
    error = float(np.std(pseudo, ddof=1)) / np.sqrt(clusters)
    if not np.isfinite(error) or error <= 1e-12 * max(1.0, abs(float(centre))):
        return None
    reach = float(special.stdtrit(clusters - 1, 0.5 + level / 2)) * error
    with np.errstate(over="ignore"):
        low, high = (float(back(np.asarray([centre + sign * reach]))[0]) for sign in (-1, 1))
    if scale == "logit" and used == "identity":
        low, high = max(low, min(0.0, value)), min(high, 1.0)
    return Limits(_finite(low), _finite(high), f"jackknife-t({used})")


def _inside(values: Floats, scale: Scale) -> bool:
    """Whether every value lies strictly inside the domain of the scale."""
    if scale == "identity":
        return True
    return bool((values > 0).all() and (scale == "log" or (values < 1).all()))


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def hybrid_draws(
    table: Features, point: VarianceComponents, rng: np.random.Generator, resamples: int = RESAMPLES
) -> VarianceComponents:
    """Draws of the components when personas are a sample of possible personas.

    The item part comes from the cluster bootstrap; persona* = V (P-1)/chi2_{P-1} - residual*/I with
    V = persona + residual/I, I the effective items per persona. Undefined draws are NaN and must be dropped.
    """
    clusters = len(table.rows)
    parts = []
    step = max(1, int(4e6) // max(clusters, 1))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        weights = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=count).astype(float)
        parts.append(table.weighted(weights))
    drawn = from_features(np.concatenate(parts), table.personas)
    freedom = table.personas - 1
    items = point.items_per_persona[0]
    mean_square = max(float(point.persona[0] + point.residual[0] / items), 0.0)
    persona = mean_square * freedom / rng.chisquare(freedom, size=resamples) - drawn.residual / items
    return VarianceComponents(
        drawn.item, persona, drawn.item_persona, drawn.run, drawn.residual, drawn.noise, drawn.items_per_persona
    )


def quantiles(draws: Floats, level: float = 0.95, method: str = "hybrid-chi2") -> Limits | None:
    """Equal-tailed interval of draws; infinite ones count, undefined ones do not. None where nothing is left."""
    known = draws[~np.isnan(draws)]
    if len(known) < 100 or float(np.ptp(known[np.isfinite(known)], axis=0) if np.isfinite(known).any() else 0.0) == 0.0:
        return None
    ordered = np.sort(known)
    rank = (1 - level) / 2 * (len(ordered) - 1)
    low, high = ordered[int(np.floor(rank))], ordered[int(np.ceil(len(ordered) - 1 - rank))]
    return Limits(_finite(float(low)), _finite(float(high)), method)


def ratio_draws(run: Floats, between: Floats) -> Floats:
    """run / between for draws: infinite where the variance between personas came out at or below 0."""
    ratio = divide(run, between)
    return np.where(np.isnan(run) | np.isnan(between), np.nan, np.where(between <= 0, np.inf, ratio))
