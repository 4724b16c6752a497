"""Confidence intervals: the delete-one-cluster jackknife with Student's t.

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

from stability.measures.features import Floats

Scale = Literal["log", "logit", "identity", "fourth_root", "inverse_root"]
"""inverse_root: of noise to signal as standard deviations, where the signal is a variance over few, skewed items."""

CLUSTERS_MIN = 10
"""Below it an estimate is printed without an interval: t with fewer than 9 df on skewed statistics does not cover."""


class Limits(NamedTuple):
    """An interval; None on a side that is unbounded."""

    low: float | None
    high: float | None
    method: str


_FORWARD: dict[Scale, Callable[[Floats], Floats]] = {
    "log": np.log,
    "logit": special.logit,
    "identity": lambda x: x,
    "fourth_root": lambda x: np.sqrt(np.sqrt(np.maximum(x, 0.0))),
    "inverse_root": lambda x: -1 / np.sqrt(x),
}
_BACK: dict[Scale, Callable[[Floats], Floats]] = {
    "log": np.exp,
    "logit": special.expit,
    "identity": lambda x: x,
    "fourth_root": lambda x: np.maximum(x, 0.0) ** 4,
    "inverse_root": lambda x: np.divide(1.0, x**2, out=np.full_like(x, np.inf), where=x < 0),
}


def jackknife_t(
    value: float | None, without: Floats, scale: Scale, level: float = 0.95, *, error: float = 0.0
) -> Limits | None:
    """Interval of a statistic from its delete-one-cluster values.

    without: (clusters,), the statistic without each cluster. On `scale` g the pseudo-values are
    K g(theta) - (K-1) g(theta_(-k)); the interval is their mean +/- t sd / sqrt K, taken back (Tukey 1958; Miller 1968), with
    the degrees of freedom of `freedom`; it always holds theta itself. error: what was
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
    middle = float(pseudo.mean())
    reach = float(special.stdtrit(freedom(pseudo), 0.5 + level / 2)) * deviation
    with np.errstate(over="ignore"):
        low, high = (float(back(np.asarray([middle + sign * reach]))[0]) - error for sign in (-1, 1))
    low, high = min(low, value), max(high, value)
    if scale == "logit" and used == "identity":
        low, high = max(low, min(0.0, value)), min(high, 1.0)
    return Limits(finite_or_none(low), finite_or_none(high), f"jackknife-t({used}{' of mean square' if error else ''})")


def freedom(pseudo: Floats) -> float:
    """Degrees of freedom of the pseudo-values' sample variance: K - 1 for normal ones, fewer for a few far ones.

    A variance of K values whose excess kurtosis is g varies as one of (K - 1) / (1 + g (K - 1) / (2 K)) degrees of freedom
    (Satterthwaite 1946; Box and Andersen 1955). g: Fisher's unbiased estimate, one below 0 taken as 0.
    """
    count = len(pseudo)
    squares = (pseudo - pseudo.mean()) ** 2
    excess = float((squares**2).mean() / squares.mean() ** 2) - 3
    excess = (count - 1) / ((count - 2) * (count - 3)) * ((count + 1) * excess + 6)
    return (count - 1) / (1 + max(excess, 0.0) * (count - 1) / (2 * count))


def coefficient_t(
    signal: Floats, error: Floats, noise: float, scale: Scale = "inverse_root", level: float = 0.95
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


def agreement_t(values: Floats, coders: float, level: float = 0.95) -> Limits | None:
    """Interval of an agreement coefficient of so many coders, on Fisher's z for intraclass correlations.

    z = log((1 + (m - 1) a) / (1 - a)) up to a factor (Fisher 1925, sec. 39): as the log of a mean square between units over
    that within them, it ends where m coders cannot disagree more, at -1/(m - 1). values: (1 + clusters,), the whole table
    first; coders: m, the mean number of values in a unit, 2 or more. On the identity scale where units of unequal size let
    a value fall below that end.
    """
    if not (values < 1).all():
        return None
    odds = values / (1 - values)
    if not (odds + 1 / coders > 0).all():
        return jackknife_t(float(values[0]), values[1:], "identity", level)
    limits = jackknife_t(float(odds[0]), odds[1:], "log", level, error=1 / coders)
    if limits is None:
        return None
    low, high = (None if odd is None else odd / (1 + odd) for odd in limits[:2])
    return Limits(low, 1.0 if high is None else high, "jackknife-t(Fisher z)")


def _inside(values: Floats, scale: Scale) -> bool:
    """Whether every value lies strictly inside the domain of the scale."""
    above = scale == "identity" or bool((values > 0).all() if scale != "fourth_root" else values[-1] >= 0)
    return above and (scale != "logit" or bool((values < 1).all()))


def finite_or_none(value: float) -> float | None:
    """A limit; None where it is unbounded."""
    return value if np.isfinite(value) else None
