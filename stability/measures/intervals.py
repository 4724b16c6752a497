"""Confidence intervals: delete-one-cluster jackknife with Student's t, and the hybrid for random personas.

A variance component is a mean square less its error, so it may be 0 and its estimate below 0: no interval on the log of
the component can hold 0. The mean square is always above 0: the interval is made there (`error`) and shifted back.

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

Scale = Literal["log", "logit", "identity", "root", "complement"]
"""complement: the log of 1 - x, for agreement coefficients, which end at 1 and have no end below."""

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
    "root": lambda x: np.sqrt(np.maximum(x, 0.0)),
    "complement": lambda x: -np.log1p(-x),
}
_BACK: dict[Scale, Callable[[Floats], Floats]] = {
    "log": np.exp,
    "logit": special.expit,
    "identity": lambda x: x,
    "root": lambda x: np.maximum(x, 0.0) ** 2,
    "complement": lambda x: -np.expm1(-x),
}


def jackknife_t(
    value: float | None, without: Floats, scale: Scale, level: float = 0.95, *, error: float = 0.0
) -> Limits | None:
    """Interval of a statistic from its delete-one-cluster values.

    without: (clusters,), the statistic without each cluster. On `scale` g the pseudo-values are
    K g(theta) - (K-1) g(theta_(-k)); the interval is g(theta) +/- t_{K-1} sd / sqrt K, taken back. error: what was
    taken off a mean square to give the statistic; g is then taken of the mean square, theta + error, and the interval
    shifted back by it, so it can hold 0 and reach below. A statistic that touches the border of its scale all the same
    (a rate of exactly 0 or 1) falls back to the identity scale, cut at the border where the border cannot be crossed.
    None below 10 clusters, where any delete-one value is undefined, or where nothing varies.
    """
    clusters = len(without)
    if value is None or clusters < CLUSTERS_MIN or not np.isfinite(without).all() or not np.isfinite(error):
        return None
    used = scale if _inside(np.append(without, value) + error, scale) else "identity"
    forward, back = _FORWARD[used], _BACK[used]
    centre = forward(np.asarray([value + error]))[0]
    pseudo = clusters * centre - (clusters - 1) * forward(without + error)
    deviation = float(np.std(pseudo, ddof=1)) / np.sqrt(clusters)
    if not np.isfinite(deviation) or deviation <= 1e-12 * max(1.0, abs(float(centre))):
        return None
    reach = float(special.stdtrit(clusters - 1, 0.5 + level / 2)) * deviation
    with np.errstate(over="ignore"):
        low, high = (float(back(np.asarray([centre + sign * reach]))[0]) - error for sign in (-1, 1))
    if scale == "logit" and used == "identity":
        low, high = max(low, min(0.0, value)), min(high, 1.0)
    return Limits(_finite(low), _finite(high), f"jackknife-t({used}{' of mean square' if error else ''})")


def coefficient_t(
    signal: Floats, error: Floats, noise: float, scale: Scale = "log", level: float = 0.95
) -> Limits | None:
    """Interval of signal / (signal + error) in [0, 1], made on the odds signal / error and shifted as a component's.

    signal, error: (1 + clusters,), the whole table first; signal untruncated; noise: what was taken off a mean square to
    give the signal. With noise 0 this is the jackknife-t on the logit scale. None where the error is not above 0.
    """
    if not (error > 0).all():
        return None
    odds = signal / error
    limits = jackknife_t(float(odds[0]), odds[1:], scale, level, error=noise / float(error[0]))
    if limits is None:
        return None
    low, high = (None if odd is None else max(odd, 0.0) / (1 + max(odd, 0.0)) for odd in limits[:2])
    return Limits(low, 1.0 if high is None else high, f"jackknife-t(odds{' of mean squares' if noise else ''})")


def _inside(values: Floats, scale: Scale) -> bool:
    """Whether every value lies strictly inside the domain of the scale."""
    above = scale in ("identity", "complement") or bool((values > 0).all() if scale != "root" else values[-1] >= 0)
    return above and (scale not in ("logit", "complement") or bool((values < 1).all()))


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
