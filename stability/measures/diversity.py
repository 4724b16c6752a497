"""How many different judges, or different reasons, there really are: effective numbers and repetitiveness of texts."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from stability.measures.clustered import Clustered, FloatArray, IntArray, jackknife_sums


def effective_personas(cell_means: FloatArray, noise: FloatArray, cluster: IntArray) -> Clustered:
    """exp(entropy of the eigenvalues of R / P): how many different scorers the personas amount to, 1 to P - 1.

    R is the correlation over items of the personas' scores, each less the item's mean over the personas, so that
    agreement on which items are good does not count as sameness. R is disattenuated (r_pq / sqrt(rel_p rel_q), with rel_p
    the share of a persona's centred variance that is not its runs'), so that mere run noise does not count as difference;
    a rel_p not above 0 is left as it is, negative eigenvalues that this can leave are taken as 0.

    Args:
        cell_means: (items, personas), each the mean over runs; items with a missing persona are left out.
        noise: (items, personas) run variance of each cell mean; NaN where unknown, as 0.
        cluster: (items,) labels.

    Returns:
        With a delete-one-cluster jackknife-t interval on the log scale, cut at 1 and P - 1. None with fewer than 2 personas or 3 full items, or
        where a persona never departs from the item's mean.
    """
    full = np.isfinite(cell_means).all(axis=1)
    items, personas = int(full.sum()), cell_means.shape[1]
    if items < 3 or personas < 2:
        return Clustered(None, n_used=items)
    centred = cell_means[full] - cell_means[full].mean(axis=1, keepdims=True)
    centred -= centred.mean(axis=0)  # sums of squares of small numbers lose no digits
    error = np.nan_to_num(noise[full])
    own = (1 - 2 / personas) * error + error.sum(axis=1, keepdims=True) / personas**2
    upper = np.triu_indices(personas)
    features = np.concatenate([np.ones((items, 1)), centred, centred[:, upper[0]] * centred[:, upper[1]], own], axis=1)
    found = jackknife_sums(features, cluster[full], lambda sums: _effective(sums, personas), scale="log", n_used=items)
    if found.low is None or found.high is None:
        return found
    most = max(1.0, personas - 1.0)  # centring within the item takes one dimension
    return found._replace(low=float(np.clip(found.low, 1, most)), high=float(np.clip(found.high, 1, most)))


def _effective(sums: FloatArray, personas: int) -> FloatArray:
    """(...,) effective numbers of (..., features) sums; NaN where a persona never departs from the item's mean."""
    table = np.atleast_2d(sums)
    enough = table[:, 0] >= 2
    count, first = np.where(enough[:, None], table[:, :1], 1.0), table[:, 1 : 1 + personas]
    covariance = np.zeros((len(table), personas, personas))
    row, column = np.triu_indices(personas)
    products = table[:, 1 + personas : 1 + personas + len(row)]
    covariance[:, row, column] = covariance[:, column, row] = (
        products - first[:, row] * first[:, column] / count
    ) / np.maximum(count - 1, 1)
    variance = np.einsum("tpp->tp", covariance)
    fine = enough & (variance > 1e-20).all(axis=1)
    known = np.where(fine[:, None], variance, 1.0)
    reliability = 1 - table[:, -personas:] / count / known
    root = np.sqrt(known * np.where(reliability > 0, np.minimum(reliability, 1.0), 1.0))
    correlation = np.where(fine[:, None, None], covariance / (root[:, :, None] * root[:, None, :]), 0.0).clip(-1, 1)
    correlation[:, np.arange(personas), np.arange(personas)] = 1.0
    share = np.maximum(np.linalg.eigvalsh(correlation), 0.0)
    share = share / share.sum(axis=1, keepdims=True)
    entropy = -(share * np.log(np.where(share > 1e-12, share, 1.0))).sum(axis=1)
    found: FloatArray = np.where(fine, np.exp(entropy), np.nan)
    return found.reshape(sums.shape[:-1])


def vendi_score(similarity: FloatArray) -> float | None:
    """Effective number of texts: exp(entropy of the eigenvalues of K / n) (Friedman and Dieng 2023); None without one.

    similarity: (n, n), symmetric, 1 on the diagonal: `tfidf_cosine`, or the cosine of embeddings.
    """
    return _entropy_number(np.asarray(np.linalg.eigvalsh(similarity), dtype=np.float64)) if len(similarity) else None


def _entropy_number(eigenvalues: FloatArray) -> float:
    share = np.maximum(eigenvalues, 0)
    share = share[share > 1e-12] / share.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def words(text: str) -> tuple[str, ...]:
    """The text's words in lower case: runs of letters, digits and underscores, as `\\w+` finds them."""
    spaced = "".join(character if character.isalnum() or character == "_" else " " for character in text.lower())
    return tuple(spaced.split())


def tfidf_cosine(texts: Sequence[str]) -> FloatArray:
    """(n, n) cosine of the texts' TF-IDF vectors: raw counts, idf = ln((1 + n) / (1 + df)) + 1, as scikit-learn has it.

    Two texts without a word are alike, a text without a word is like no other.
    """
    counts = [Counter(words(text)) for text in texts]
    frequency = Counter(word for count in counts for word in count)
    index = {word: place for place, word in enumerate(frequency)}
    vectors = np.zeros((len(texts), len(index)))
    for row, count in enumerate(counts):
        for word, times in count.items():
            vectors[row, index[word]] = times * (math.log((1 + len(texts)) / (1 + frequency[word])) + 1)
    norm = np.linalg.norm(vectors, axis=1) if len(texts) else np.empty(0)
    similarity = (vectors @ vectors.T) / np.maximum(np.outer(norm, norm), 1e-12)
    empty = norm == 0
    similarity[np.ix_(empty, empty)] = 1.0
    return np.asarray(similarity)


def distinct_2(texts: Sequence[str]) -> float | None:
    """Different word pairs over all word pairs (Li et al. 2016), within texts; None where no text has two words."""
    pairs = [pair for text in texts for pair in zip(words(text), words(text)[1:], strict=False)]
    return len(set(pairs)) / len(pairs) if pairs else None


def compression_ratio(texts: Sequence[str]) -> float | None:
    """Bytes over zlib's bytes of all texts, a line each: high for texts that repeat one another; None without text."""
    joined = "\n".join(texts).encode()
    return len(joined) / len(zlib.compress(joined, 9)) if joined.strip() else None
