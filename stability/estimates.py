"""From numbers to the report's estimates: value, interval, counts, universe; never NaN, never infinite."""

from __future__ import annotations

import math

import numpy as np

from stability.measures.clustered import Clustered
from stability.measures.components import Coefficient
from stability.measures.features import Floats
from stability.measures.flips import Rate
from stability.measures.intervals import CLUSTERS_MIN, Limits, Scale, coefficient_t, jackknife_t
from stability.report import Estimate, Interval, ReportWarning, Universe

LEVEL = 0.95


class Warnings:
    """Warnings of one dimension, one per code, in the order in which they were raised."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    def add(self, code: str, message: str) -> None:
        """Notes a warning; the first message of a code stays."""
        self._messages.setdefault(code, message)

    def __contains__(self, code: str) -> bool:
        return code in self._messages

    def all(self) -> tuple[ReportWarning, ...]:
        return tuple(ReportWarning(code=code, message=message) for code, message in self._messages.items())


def finite(value: float | None) -> float | None:
    """The number, or None where it is undefined."""
    return None if value is None or not math.isfinite(value) else float(value)


def estimate(value: float | None, limits: Limits | None, used: int, asked: int, universe: Universe) -> Estimate:
    """An estimate; an undefined value has no interval and no observations behind it."""
    known = finite(value)
    interval = None
    if limits is not None and known is not None:
        interval = Interval(low=limits.low, high=limits.high, level=LEVEL, method=limits.method)
    return Estimate(value=known, ci=interval, n_used=used if known is not None else 0, n_asked=asked, universe=universe)


def jackknifed(values: Floats, scale: Scale, used: int, asked: int, universe: Universe, error: float = 0.0) -> Estimate:
    """values: (1 + clusters,): the whole table first, then without each cluster; error: as of `jackknife_t`."""
    value = finite(float(values[0]))
    return estimate(value, jackknife_t(value, values[1:], scale, LEVEL, error=error), used, asked, universe)


def coefficient(
    ratio: Coefficient, noise: float, used: int, asked: int, universe: Universe, scale: Scale = "inverse_root"
) -> Estimate:
    """signal / (signal + error), truncated at 0 with its interval; noise: as of `coefficient_t`."""
    limits = coefficient_t(ratio.signal, ratio.error, noise, scale, LEVEL)
    return estimate(float(ratio.truncated()[0]), limits, used, asked, universe)


def rate(found: Rate, asked: int, universe: Universe = "fixed") -> Estimate:
    """A flip rate. One of exactly 0 gets Clopper and Pearson's upper limit over clusters instead of the jackknife's:
    the chance that a cluster flips anywhere bounds the rate from above."""
    clusters = len(found.without)
    if found.value == 0 and clusters >= CLUSTERS_MIN:
        limits = Limits(0.0, 1 - ((1 - LEVEL) / 2) ** (1 / clusters), "clopper-pearson(clusters)")
        return estimate(0.0, limits, found.items, asked, universe)
    return estimate(found.value, jackknife_t(found.value, found.without, "logit", LEVEL), found.items, asked, universe)


def clustered(found: Clustered, asked: int, universe: Universe = "fixed") -> Estimate:
    """An estimate from one of the further measures."""
    limits = None
    if found.low is not None or found.high is not None:
        limits = Limits(finite(found.low), finite(found.high), found.method)
    return estimate(found.value, limits, min(found.n_used, asked) if asked else found.n_used, asked, universe)


def undefined(asked: int, universe: Universe = "fixed") -> Estimate:
    """An estimate that these ratings do not give."""
    return Estimate(value=None, ci=None, n_used=0, n_asked=asked, universe=universe)


def plain(value: object) -> object:
    """NamedTuples and numpy numbers as JSON data; NaN and infinity as None."""
    if isinstance(value, Clustered):
        return clustered(value, value.n_used).model_dump()
    if hasattr(value, "_asdict"):
        return {key: plain(part) for key, part in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating | float):
        return finite(float(value))
    return value
