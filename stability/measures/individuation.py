"""Is a persona itself? Its own other runs must predict it better than another persona's, or than no persona, do.

Individuation and variance share answer different questions: personas whose between-persona variance is a small share
can be recognisable all the same, and a persona can differ by being harsh alone, which centring takes away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stability.measures.clustered import Clustered, FloatArray, IntArray, cluster_sums, jackknife_sums

SIGNS_AT_ONCE = 4_000_000


class Individuation(NamedTuple):
    """Mean absolute errors of predicting half B of a persona's runs from half A, its own or another's."""

    own: float | None
    """From the same persona."""
    swapped: float | None
    """From the other personas, on average."""
    none: float | None
    """From a judge without persona; None where none was heard."""
    gain: Clustered
    """swapped - own: above 0, the persona is itself; cluster jackknife-t."""
    p: float | None
    """Sign-flip permutation over clusters, one-sided."""
    identified: float | None
    """Share of personas whose nearest half A, by mean squared error, is their own."""
    chance: float | None
    """1 / P: what `identified` would be by luck."""


def individuation(
    scores: FloatArray,
    cluster: IntArray,
    generator: np.random.Generator,
    *,
    generic: FloatArray | None = None,
    holders: FloatArray | None = None,
    centred: bool = False,
    permutations: int = 10_000,
) -> Individuation:
    """Own against swapped against no persona, on the cells where every prediction is possible.

    Args:
        scores: (items, personas, runs), NaN = missing; needs two runs a cell, or `holders`.
        cluster: (items,) labels.
        generator: divides the runs and flips the signs.
        generic: (items, runs) scores of the same model without a persona.
        holders: (items, personas) ratings of the human each persona stands for: the target instead of half B.
        centred: take each persona's mean away first, so that a merely harsh persona is not called individual.
        permutations: sign flips.

    Returns:
        `Individuation`; its figures are None with one persona or where no item has both halves.
    """
    runs = scores.shape[2]
    first, second = _halves(scores, generator) if holders is None else (_mean(scores), holders)
    prediction = None if generic is None else _mean(generic[:, : max(1, runs // 2)] if holders is None else generic)
    if centred:
        first, second = _centre(first), _centre(second)
        prediction = None if prediction is None else _centre(prediction[:, None])[:, 0]
    full = np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    if prediction is not None:
        full &= np.isfinite(prediction)
    personas, clusters = scores.shape[1], len(np.unique(cluster[full]))
    if personas < 2 or not full.any():
        return Individuation(None, None, None, Clustered(None, clusters=clusters), None, None, None)
    return _compare(
        first[full],
        second[full],
        None if prediction is None else prediction[full],
        cluster[full],
        generator,
        permutations,
    )


def _compare(
    first: FloatArray,
    second: FloatArray,
    prediction: FloatArray | None,
    cluster: IntArray,
    generator: np.random.Generator,
    permutations: int,
) -> Individuation:
    personas = first.shape[1]
    errors = np.abs(first[:, :, None] - second[:, None, :])  # (items, predictor, target)
    own = np.einsum("ipp->ip", errors).mean(axis=1)
    swapped = (errors.sum(axis=(1, 2)) - own * personas) / (personas * (personas - 1))
    nearest = ((first[:, :, None] - second[:, None, :]) ** 2).mean(axis=0).argmin(axis=0)
    features = np.stack([swapped - own, np.ones(len(own))], axis=1)
    return Individuation(
        own=float(own.mean()),
        swapped=float(swapped.mean()),
        none=None if prediction is None else float(np.abs(prediction[:, None] - second).mean()),
        gain=jackknife_sums(features, cluster, lambda sums: sums[..., 0] / sums[..., 1]),
        p=sign_flip_p(swapped - own, cluster, generator, permutations),
        identified=float((nearest == np.arange(personas)).mean()),
        chance=1 / personas,
    )


def sign_flip_p(
    differences: FloatArray, cluster: IntArray, generator: np.random.Generator, permutations: int = 10_000
) -> float:
    """One-sided p of a mean above 0, `(1 + #{T* >= T}) / (B + 1)`: the signs of whole clusters are flipped."""
    sums = cluster_sums(differences[:, None], cluster)[:, 0]
    observed, reached = float(sums.sum()), 0
    limit = observed - 1e-9 * float(np.abs(sums).sum())  # ties count as extreme, whatever rounding does
    step = max(1, SIGNS_AT_ONCE // len(sums))
    for start in range(0, permutations, step):
        count = min(step, permutations - start)
        bits = np.frombuffer(generator.bytes(count * (-(-len(sums) // 8))), dtype=np.uint8).reshape(count, -1)
        kept = np.unpackbits(bits, axis=1, count=len(sums)).astype(np.float64)
        reached += int((2 * (kept @ sums) - observed >= limit).sum())
    return (1 + reached) / (permutations + 1)


def _halves(scores: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """(items, personas) means of two disjoint halves of the runs, drawn anew in every cell."""
    order = np.where(np.isfinite(scores), generator.random(scores.shape), np.inf).argsort(axis=2)
    shuffled = np.take_along_axis(scores, order, axis=2)  # finite runs first, in random order
    half = np.isfinite(scores).sum(axis=2, keepdims=True) // 2
    place = np.arange(scores.shape[2])
    return (
        _mean(np.where(place < half, shuffled, np.nan)),
        _mean(np.where((place >= half) & (place < 2 * half), shuffled, np.nan)),
    )


def _mean(values: FloatArray) -> FloatArray:
    """The mean of the finite values along the last axis, NaN where there is none."""
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    return np.asarray(np.where(count > 0, np.where(finite, values, 0).sum(axis=-1) / np.maximum(count, 1), np.nan))


def _centre(values: FloatArray) -> FloatArray:
    """(items, personas) less each persona's mean over the items."""
    return np.asarray(values - _mean(values.T)[None, :])
