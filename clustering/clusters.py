"""Vectors to clusters, with a defined answer at every size.

| vectors | method |
|---|---|
| 0 | nothing |
| 1 | one cluster |
| 2 to 19 | average linkage on cosine distance, cut at a fixed distance: UMAP and HDBSCAN need more |
| 20 to 600 | UMAP to 5 dimensions, then HDBSCAN; nine seeded runs vote |
| 601 to 20,000 | UMAP to 5 dimensions, then HDBSCAN |
| above | the same on a seeded sample of 20,000; the others join the cluster of most of their nearest sampled ones |

Neighbours are searched exactly: up to the sample's size, that takes less than compiling an approximate search.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clustering.embedding import Vectors

DENSITY_MIN = 20
"""Fewer vectors than this have no density worth estimating."""
SAMPLE_MAX = 20_000
"""The exact neighbours of this many vectors take about as long as their UMAP, and beyond it far longer."""
NEIGHBORS_MAX = 15
EPOCHS = 200
"""UMAP's own number above 10,000 vectors; its 500 below take twice as long and find no better groups."""
SAME = 1e-6
"""Cosine distance of what is one vector but for rounding: UMAP takes the least distance above 0 for that to the first
neighbour, which a vector is not to itself."""
CONSENSUS_MAX = 600
"""Up to this many vectors a run takes a fraction of a second, so that several runs vote: one UMAP run on few vectors
depends on its seed."""
CONSENSUS_RUNS = 9
LINKAGE_DISTANCE = 0.42
"""Cosine distance at which average linkage stops joining."""
NOISE = -1

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Clusters:
    """Which cluster each vector belongs to; labels count from 0, -1 is noise."""

    labels: Labels
    membership: NDArray[np.float64]
    """Strength within the own cluster, 0 to 1; 0 for noise."""
    persistence: tuple[float | None, ...]
    """HDBSCAN's, per cluster; None where density was not estimated."""
    parameters: dict[str, str | int | float] = field(default_factory=dict)
    dbcv: float | None = None
    """Density-based validity (-1 to 1) as HDBSCAN estimates it; None without density."""

    @property
    def count(self) -> int:
        return len(self.persistence)


def cluster_vectors(
    vectors: Vectors, *, seed: int, size_min: int | None = None, distance: float = LINKAGE_DISTANCE
) -> Clusters:
    """Clusters of unit vectors (rows); the method follows from their number, see the module.

    size_min: smallest cluster, where density is estimated; None derives it from the number. Same seed, same answer.
    """
    count = len(vectors)
    if count == 0:
        return Clusters(np.zeros(0, dtype=np.int64), np.zeros(0), (), {"method": "none"})
    if count == 1:
        return Clusters(np.zeros(1, dtype=np.int64), np.ones(1), (None,), {"method": "single"})
    if count < DENSITY_MIN:
        return link_vectors(vectors, distance)
    return _dense(vectors, seed, size_min)


def reduce_vectors(vectors: Vectors, *, seed: int, dimensions: int, neighbors: int) -> NDArray[np.float32]:
    """UMAP coordinates (rows, dimensions) of unit vectors, from their exact nearest neighbours; quadratic in the rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # umap warns at import that tensorflow, which is optional, is absent
        import umap

    nearest, distances = nearest_vectors(vectors, vectors, neighbors)
    reducer = umap.UMAP(
        n_components=dimensions, n_neighbors=neighbors, min_dist=0.0, metric="cosine", random_state=seed, n_jobs=1,
        n_epochs=EPOCHS, precomputed_knn=(nearest, distances), init="spectral" if len(vectors) > 4 * dimensions else "random",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # UMAP warns of its own choices: no transform, spectral fallback
        return np.asarray(reducer.fit_transform(vectors), dtype=np.float32)


def nearest_vectors(vectors: Vectors, among: Vectors, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(rows, count) each: the nearest of `among`, nearest first, and their cosine distances; unit vectors."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=count, algorithm="brute", metric="sqeuclidean").fit(among)
    squared, nearest = search.kneighbors(vectors)
    distances = np.asarray(squared / 2, dtype=np.float32)  # of unit vectors: half the squared distance is the cosine's
    distances[distances < SAME] = 0.0
    return nearest, distances


def link_vectors(vectors: Vectors, distance: float, nearer: NDArray[np.float64] | None = None) -> Clusters:
    """Clusters of two unit vectors or more by average linkage, cut at a cosine distance; none is noise.

    nearer: (rows, rows), symmetric: by how much two vectors count as nearer than they lie.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    rows = np.asarray(vectors, dtype=np.float64)
    apart = np.clip(1.0 - rows @ rows.T - (0.0 if nearer is None else nearer), 0.0, 2.0)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform((apart + apart.T) / 2, checks=False), method="average")
    labels = _by_first(fcluster(tree, distance, criterion="distance"))
    count = int(labels.max()) + 1
    return Clusters(labels, np.ones(len(labels)), (None,) * count, {"method": "average linkage", "distance": distance})


def _dense(vectors: Vectors, seed: int, size_min: int | None) -> Clusters:
    count = len(vectors)
    if count > SAMPLE_MAX:
        return sample_clusters(vectors, seed, size_min)
    neighbors = int(np.clip(round(count / 6), 5, NEIGHBORS_MAX))
    size_min = size_min or int(np.clip(round(0.6 * count**0.5), 3, 50))
    parameters: dict[str, str | int | float] = {"dimensions": 5, "neighbors": neighbors, "size_min": size_min}
    if count > CONSENSUS_MAX:
        found = _density_run(vectors, seed, neighbors, size_min)
        return _clusters(found, found.labels, {"method": "UMAP + HDBSCAN", **parameters})
    runs = [
        _density_run(vectors, seed + 1000 * run, max(3, round(neighbors * (0.75, 1.0, 1.25)[run % 3])), size_min)
        for run in range(CONSENSUS_RUNS)
    ]
    labels = _agreed([run.labels for run in runs], size_min)
    best = max(runs, key=lambda run: -1.0 if run.dbcv is None else run.dbcv)
    parameters["runs"] = CONSENSUS_RUNS
    return _clusters(best, labels, {"method": "UMAP + HDBSCAN, consensus", **parameters})


def sample_clusters(vectors: Vectors, seed: int, size_min: int | None) -> Clusters:
    """Clusters of `SAMPLE_MAX` vectors, joined by the other vectors as most of their nearest sampled ones say (noise included);
    their membership is the mean of what those have in that cluster."""
    chosen = np.zeros(len(vectors), dtype=bool)
    chosen[np.random.default_rng(seed).choice(len(vectors), SAMPLE_MAX, replace=False)] = True
    found = _dense(vectors[chosen], seed, size_min)
    nearest, _ = nearest_vectors(vectors[~chosen], vectors[chosen], NEIGHBORS_MAX)
    votes = found.labels[nearest]
    alike = votes[:, :, None] == votes[:, None, :]
    row, most = np.arange(len(votes)), alike.sum(axis=2).argmax(axis=1)  # a draw goes to the nearer
    labels, membership = np.empty(len(vectors), dtype=np.int64), np.empty(len(vectors))
    labels[chosen], labels[~chosen] = found.labels, votes[row, most]
    membership[chosen] = found.membership
    membership[~chosen] = (alike[row, most] * found.membership[nearest]).mean(axis=1)
    parameters = {**found.parameters, "sample": SAMPLE_MAX}
    return Clusters(labels, membership, found.persistence, parameters, found.dbcv)


@dataclass(frozen=True)
class _Run:
    labels: Labels
    probabilities: NDArray[np.float64]
    persistence: NDArray[np.float64]
    dbcv: float | None


def _density_run(vectors: Vectors, seed: int, neighbors: int, size_min: int) -> _Run:
    import hdbscan

    count = len(vectors)
    reduced = reduce_vectors(vectors, seed=seed, dimensions=5, neighbors=neighbors)
    model: Any = hdbscan.HDBSCAN(
        min_cluster_size=size_min, min_samples=min(size_min, 2 if count < 1000 else 5), core_dist_n_jobs=1,
        gen_min_span_tree=True,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hdbscan calls a deprecated scikit-learn argument
        model.fit(np.asarray(reduced, dtype=np.float64))
        dbcv = float(model.relative_validity_) if model.labels_.max() > 0 else None
    return _Run(
        np.asarray(model.labels_, dtype=np.int64), np.asarray(model.probabilities_), model.cluster_persistence_, dbcv
    )


def _agreed(runs: list[Labels], size_min: int) -> Labels:
    """The clusters that most runs agree on (evidence accumulation, Fred & Jain 2005): average linkage on the share
    of runs that keep two vectors apart, cut at one half; what is left below `size_min` is noise."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    together = np.mean([(run[:, None] == run[None, :]) & (run[:, None] != NOISE) for run in runs], axis=0)
    apart = 1.0 - together
    np.fill_diagonal(apart, 0.0)
    labels = fcluster(linkage(squareform(apart, checks=False), method="average"), 0.5, criterion="distance")
    sizes = np.bincount(labels)
    return np.where(sizes[labels] >= size_min, labels, NOISE).astype(np.int64)


def _clusters(run: _Run, labels: Labels, parameters: dict[str, str | int | float]) -> Clusters:
    """Membership and persistence of a run, carried over to the clusters that most overlap with its own."""
    ordered = _by_first(labels)
    persistence: list[float | None] = []
    membership = np.where(ordered == NOISE, 0.0, 1.0)
    for label in range(int(ordered.max(initial=-1)) + 1):
        own = run.labels[ordered == label]
        values, counts = np.unique(own[own != NOISE], return_counts=True)
        match = int(values[counts.argmax()]) if len(values) else None
        persistence.append(None if match is None else float(run.persistence[match]))
        rows = ordered == label
        membership[rows] = np.where(run.labels[rows] == match, run.probabilities[rows], 0.5)
    return Clusters(ordered, membership, tuple(persistence), parameters, run.dbcv)


def _by_first(labels: NDArray[Any]) -> Labels:
    """Labels renumbered in order of first appearance; noise stays noise."""
    names: dict[int, int] = {}
    return np.array(
        [NOISE if label == NOISE else names.setdefault(int(label), len(names)) for label in labels], dtype=np.int64
    )
