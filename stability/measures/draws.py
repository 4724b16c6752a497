"""Draws of the variance components when personas are a sample of possible personas, and intervals from them.

The jackknife over items knows nothing of other personas: its interval of the persona variance covered 23 to 87 %. The
draws join what the items leave open (the jackknife's) with what the personas do (chi-square and t of P - 1 degrees of
freedom). A cluster bootstrap in the items' place is too short at 20 items: it covered 85 to 92 %.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from stability.measures.components import VarianceComponents, divide
from stability.measures.features import Features, Floats
from stability.measures.intervals import CLUSTERS_MIN, Limits, finite_or_none, freedom

DRAWS = 1000


def hybrid_draws(
    table: Features, parts: VarianceComponents, rng: np.random.Generator, draws: int = DRAWS
) -> VarianceComponents | None:
    """Draws of the components for other personas of the same kind; every field (draws,).

    Items: the logs of three mean squares (item, residual, run) are drawn from a multivariate t with the mean and
    covariance of their delete-one-cluster pseudo-values, each with its own `freedom`. Personas: persona* =
    V (P-1)/chi2_{P-1} - residual*/I with V = persona + residual/I, I the effective items per persona; and run varies with
    the personas asked, by t_{P-1} on its log. A mean square that is 0 or unknown stays so.

    Args:
        table: the features of every cluster.
        parts: every field (1 + clusters,): the whole table, then without each cluster.
        rng: draws.
        draws: how many.

    Returns:
        None with one persona, fewer than 10 clusters, or where persona variance is undefined.
    """
    personas, clusters = table.personas, len(table.rows)
    if personas < 2 or clusters < CLUSTERS_MIN or not np.isfinite(parts.persona).all():
        return None
    squares = np.stack([parts.item + parts.residual / personas, parts.residual, parts.run])
    item, residual, run = _log_t(squares, rng, draws)
    spare, items = personas - 1, parts.items_per_persona[0]
    run = run * np.exp(_spread_of_run(table, clusters) * rng.standard_t(spare, size=draws))
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


def _spread_of_run(table: Features, clusters: int) -> float:
    """Standard error of the log of run variance that comes from which personas were asked; 0 where they differ no more
    than chance.

    At the end of a scale a lenient persona's runs have less room than a harsh one's. The variance between the personas'
    mean run variances, less what the items' sampling gives it (jackknife), over P.
    """
    personas = table.personas
    seen, without = (_run_by_persona(rows, personas) for rows in (table.total, table.without_each()))
    middle = float(seen.mean())
    if not middle > 0 or not np.isfinite(without).all():
        return 0.0
    apart, left = seen - middle, without - without.mean(axis=1, keepdims=True)
    noise = (clusters - 1) ** 2 * left.var(axis=0, ddof=1).sum() / clusters / (personas - 1)
    between = float((apart**2).sum() / (personas - 1) - noise)
    return float(np.sqrt(between / personas)) / middle if between > 0 else 0.0


def _run_by_persona(rows: Floats, personas: int) -> Floats:
    """(tables, personas) mean run variance of each persona; NaN where no cell of it was run twice."""
    variance, repeated = (rows[:, 7 + block * personas : 7 + (block + 1) * personas] for block in (3, 4))
    return divide(variance, repeated)


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
