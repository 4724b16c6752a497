"""Variance components by Henderson's third method on cell means, in closed form.

Source: Henderson (1953), method 3 (fitting constants); Searle, Casella and McCulloch, Variance Components, ch. 5.
It works on cell means, so a noisy item that was heard more often counts no more than a quiet one: estimators that
pool runs by count (REML, Henderson 1) overstate run variance by half when re-runs follow the noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stability.measures.features import Features, Floats

NAMES = ("item", "persona", "item_persona", "run")


_CANCELLED = 1e-12
"""Share of its terms that a sum must keep to be more than their rounding."""


class Coefficient(NamedTuple):
    """signal / (signal + error): a share, a dependability or an intraclass correlation of many tables at once."""

    signal: Floats
    """(tables,), untruncated."""
    error: Floats
    """(tables,)."""

    def values(self) -> Floats:
        """(tables,), untruncated; NaN where the two cancel: a quotient by what rounding left is no figure."""
        size, total = np.abs(self.signal) + np.abs(self.error), self.signal + self.error
        return divide(self._above_rounding(), np.where(np.abs(total) > _CANCELLED * size, total, np.nan))

    def truncated(self) -> Floats:
        """(tables,), a signal below 0 taken as 0."""
        signal = np.maximum(self._above_rounding(), 0.0)
        return divide(signal, signal + self.error)

    def _above_rounding(self) -> Floats:
        """The signal; 0 where it is no more than what rounding leaves beside the error."""
        left: Floats = np.where(np.abs(self.signal) <= _CANCELLED * np.abs(self.error), 0.0, self.signal)
        return left


@dataclass(frozen=True)
class VarianceComponents:
    """Components of many tables at once; every field (tables,), NaN where undefined, never truncated."""

    item: Floats
    persona: Floats
    item_persona: Floats
    run: Floats
    residual: Floats
    """Variance of a cell mean about item + persona: interaction plus the noise of the cell's runs."""
    noise: Floats
    """Mean variance of a cell mean that comes from its runs."""
    items_per_persona: Floats
    """Effective number of items behind one persona's main effect: tr C / (P - 1)."""
    together: Floats | None = None
    """persona + item x persona where one item confounds the two, else NaN; None where nobody asked."""

    @property
    def delta(self) -> Floats:
        """run - persona."""
        result: Floats = self.run - self.persona
        return result

    @property
    def delta_with_interaction(self) -> Floats:
        """run - persona - item x persona; of a single item too, where the two are known together alone."""
        between = self.persona + self.item_persona
        if self.together is not None:
            between = np.where(np.isnan(between), self.together, between)
        result: Floats = self.run - between
        return result

    @property
    def ratio(self) -> Floats:
        """run / persona."""
        return divide(self.run, self.persona)

    @property
    def ratio_with_interaction(self) -> Floats:
        """run / (persona + item x persona)."""
        return divide(self.run, self.persona + self.item_persona)

    def first(self) -> dict[str, float | None]:
        """The first table's components by name; None where undefined."""
        return {name: (float(v) if np.isfinite(v := getattr(self, name)[0]) else None) for name in NAMES}

    def errors(self, personas: int) -> dict[str, float]:
        """What was taken off a mean square to give each component of the first table; NaN where undefined."""
        residual = self.noise if personas == 1 else self.residual / personas
        errors = {"item": residual, "persona": self.residual / self.items_per_persona, "item_persona": self.noise}
        return {**{name: float(values[0]) for name, values in errors.items()}, "run": 0.0}

    def shares(self) -> dict[str, Coefficient]:
        """Each component beside the sum of the others, of which negative ones are truncated and undefined ones 0."""
        raw = {name: getattr(self, name) for name in NAMES}
        parts = {name: np.where(np.isnan(v), 0.0, np.maximum(v, 0.0)) for name, v in raw.items()}
        total = np.where(np.isnan(self.run), np.nan, np.sum(list(parts.values()), axis=0))
        return {name: Coefficient(raw[name], total - parts[name]) for name in NAMES}


def divide(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
    """Quotient; NaN where the denominator is 0 or undefined."""
    above, below = np.asarray(numerator, float), np.asarray(denominator, float)
    result: Floats = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=result, where=(below != 0) & ~np.isnan(below))
    return result


def components(table: Features) -> VarianceComponents:
    """Components of the whole table."""
    return from_features(table.total, table.personas)


def from_features(rows: Floats, personas: int) -> VarianceComponents:
    """Components of every row of summed features.

    rows: (tables, features). With one persona only item and run exist (interaction is confounded with item). A
    disconnected design, a persona without cells, or too few cells for the residual make what depends on it NaN.
    """
    items, cells, t0, ta, repeated, variance, over_n = rows[:, :7].T
    n_p, s_p, q_p, v_p, r_p, one_p = rows[:, 7 : 7 + 6 * personas].reshape(len(rows), 6, personas).transpose(1, 0, 2)
    run = divide(variance, repeated)
    borrowed = np.where(one_p > 0, one_p * divide(v_p, r_p), 0.0).sum(axis=1)
    noise = divide(over_n + borrowed, cells)
    if personas == 1:
        between = divide(ta - divide(s_p[:, 0] ** 2, items), np.where(items > 1, items - 1, np.nan))
        unknown = np.full(len(rows), np.nan)
        return VarianceComponents(between - noise, unknown, unknown, run, unknown, noise, unknown)
    tb = divide(s_p**2, n_p).sum(axis=1)
    rb, trace = _persona_squares(rows[:, 7 + 6 * personas :], n_p, q_p)
    freedom = cells - items - personas + 1
    residual = divide(t0 - ta - rb, np.where(freedom > 0, freedom, np.nan))
    persona = divide(rb - (personas - 1) * residual, trace)
    item = divide(ta + rb - tb - (items - 1) * residual, np.where(items > 1, cells - personas, np.nan))
    # One item: its cell means vary by persona and interaction together, and by the noise of their runs.
    together = np.where(
        (items == 1) & (cells > 1), divide(t0 - ta, np.where(cells > 1, cells - 1, np.nan)) - noise, np.nan
    )
    return VarianceComponents(item, persona, residual - noise, run, residual, noise, trace / (personas - 1), together)


def _persona_squares(upper: Floats, n_p: Floats, q_p: Floats) -> tuple[Floats, Floats]:
    """(R_b, tr C): persona sum of squares adjusted for items, and the trace of C; NaN where rank C < P - 1."""
    personas = n_p.shape[1]
    information = np.zeros((len(upper), personas, personas))
    row, column = np.triu_indices(personas)
    information[:, row, column] = information[:, column, row] = -upper
    diagonal = np.arange(personas)
    information[:, diagonal, diagonal] += n_p
    trace = np.trace(information, axis1=1, axis2=2)
    values, vectors = np.linalg.eigh(information)
    kept = values > 1e-9 * np.maximum(trace, 1e-300)[:, None]
    loads = np.einsum("bpk,bp->bk", vectors, q_p) ** 2
    squares = np.divide(loads, values, out=np.zeros_like(loads), where=kept).sum(axis=1)
    connected = kept.sum(axis=1) >= personas - 1
    return np.where(connected, squares, np.nan), np.where(connected, trace, np.nan)


def connected(table: Features) -> bool:
    """Whether items join all personas into one design, so that persona effects can be told from item effects."""
    if table.personas == 1:
        return True
    total = table.total
    n_p, q_p = (total[:, 7 + k * table.personas : 7 + (k + 1) * table.personas] for k in (0, 2))
    return bool(np.isfinite(_persona_squares(total[:, 7 + 6 * table.personas :], n_p, q_p)[0][0]))
