"""Draws of the variance components when personas are a sample of possible personas, and intervals from them.

The jackknife over items knows nothing of other personas: its interval of the persona variance covered 23 to 87 %. The
draws join what the items leave open (the jackknife's) with what the personas do (chi-square and t of P - 1 degrees of
freedom). A cluster bootstrap in the items' place is too short at 20 items: it covered 85 to 92 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from stability.measures.components import VarianceComponents, divide
from stability.measures.features import Features, Floats
from stability.measures.intervals import CLUSTERS_MIN, Limits, finite_or_none, freedom

DRAWS = 1000


def hybrid_draws(
    table: Features,
    parts: VarianceComponents,
    rng: np.random.Generator,
    draws: int = DRAWS,
    *,
    without: Sequence[VarianceComponents] = (),
) -> VarianceComponents | None:
    """Draws of the components for other personas of the same kind; every field (draws,).

    Items: the logs of three mean squares (item, residual, run) are drawn from a multivariate t with the mean and
    covariance of their delete-one-cluster pseudo-values, each with its own `freedom`. Personas: persona* =
    V (P-1)/chi2_{P-1} - residual*/I with V = persona + residual/I, I the effective items per persona; and all three logs vary
    with the personas asked, by t_{P-1}. A mean square that is 0 or unknown stays so.

    Args:
        table: the features of every cluster.
        parts: every field (1 + clusters,): the whole table, then without each cluster.
        rng: draws.
        draws: how many.
        without: of the table without each persona in turn, fields as those of `parts`; none leaves out what varies with
            the personas asked.

    Returns:
        None with one persona, fewer than 10 clusters, or where persona variance is undefined.
    """
    personas, clusters = table.personas, len(table.rows)
    if personas < 2 or clusters < CLUSTERS_MIN or not np.isfinite(parts.persona).all():
        return None
    squares = _squares(parts, personas)
    item, residual, run = _log_t(squares, rng, draws) * np.exp(_of_personas(squares, without, rng, draws))
    spare, items = personas - 1, parts.items_per_persona[0]
    noise = parts.noise[0] * divide(run, parts.run[0]) if parts.run[0] > 0 else np.full(draws, parts.noise[0])
    between = max(float(parts.persona[0] + parts.residual[0] / items), 0.0)
    persona = between * spare / rng.chisquare(spare, size=draws) - residual / items
    return VarianceComponents(
        item - residual / personas, persona, residual - noise, run, residual, noise, np.full(draws, items)
    )


def _log_t(squares: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """(figures, draws) of (figures, 1 + clusters) values above 0; others are held at the whole table's value."""
    held = np.repeat(squares[:, :1], draws, axis=1)
    fine = (np.isfinite(squares) & (squares > 0)).all(axis=1) & (np.ptp(np.nan_to_num(squares), axis=1) > 0)
    if not fine.any():
        return held
    clusters = squares.shape[1] - 1
    logs = np.log(squares[fine])
    pseudo = clusters * logs[:, :1] - (clusters - 1) * logs[:, 1:]
    spread = rng.multivariate_normal(np.zeros(len(logs)), np.atleast_2d(np.cov(pseudo)) / clusters, size=draws).T
    place = rng.random(draws)  # one for all: a multivariate t, but for the degrees of freedom
    widened = np.stack([np.sqrt(df / special.chdtri(df, place)) for df in map(freedom, pseudo)])
    held[fine] = np.exp(pseudo.mean(axis=1)[:, None] + spread * widened)
    return held


def _squares(parts: VarianceComponents, personas: int) -> Floats:
    """(3, 1 + clusters) mean squares of items, residual and run."""
    return np.stack([parts.item + parts.residual / personas, parts.residual, parts.run])


def _of_personas(
    squares: Floats, without: Sequence[VarianceComponents], rng: np.random.Generator, draws: int
) -> Floats:
    """(3, draws) deviations of the mean squares' logs that come from which personas were asked.

    At the end of a scale a lenient persona leaves its items and runs less room than a harsh one. Covariance of the logs'
    delete-one-persona pseudo-values, less what the items' sampling alone gives it (delete-one-cluster), over P; drawn
    as t of P - 1 degrees of freedom. 0 for what is not above 0, and with two personas.
    """
    personas, clusters = len(without), squares.shape[1] - 1
    still = np.zeros((3, draws))
    if personas < 3:
        return still
    every = np.stack([_squares(parts, personas - 1) for parts in without])
    fine = ((squares > 0).all(axis=1) & (every > 0).all(axis=(0, 2))) & np.isfinite(every).all(axis=(0, 2))
    if not fine.any():
        return still
    pseudo = personas * np.log(squares[fine]) - (personas - 1) * np.log(every[:, fine])
    apart = pseudo - pseudo.mean(axis=0)
    seen = np.einsum("pi,pj->ij", apart[..., 0], apart[..., 0])
    left = apart[..., 1:] - apart[..., 1:].mean(axis=2, keepdims=True)
    noise = np.einsum("pik,pjk->ij", left, left) * (clusters - 1) / clusters
    values, vectors = np.linalg.eigh((seen - noise) / (personas - 1) / personas)
    normal = vectors @ (np.sqrt(np.maximum(values, 0.0))[:, None] * rng.normal(size=(len(values), draws)))
    still[fine] = normal / np.sqrt(rng.chisquare(personas - 1, size=draws) / (personas - 1))
    return still


def quantiles(draws: Floats, level: float = 0.95, method: str = "hybrid-chi2") -> Limits | None:
    """Equal-tailed interval of draws; infinite ones count, undefined ones do not. None where nothing is left."""
    known = draws[~np.isnan(draws)]
    if len(known) < 100 or float(np.ptp(known[np.isfinite(known)], axis=0) if np.isfinite(known).any() else 0.0) == 0.0:
        return None
    ordered = np.sort(known)
    rank = (1 - level) / 2 * (len(ordered) - 1)
    low, high = ordered[int(np.floor(rank))], ordered[int(np.ceil(len(ordered) - 1 - rank))]
    return Limits(finite_or_none(float(low)), finite_or_none(float(high)), method)


def ratio_draws(run: Floats, between: Floats) -> Floats:
    """run / between for draws: infinite where the variance between personas came out at or below 0."""
    ratio = divide(run, between)
    return np.where(np.isnan(run) | np.isnan(between), np.nan, np.where(between <= 0, np.inf, ratio))
