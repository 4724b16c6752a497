"""Grouping bare vectors: ours beside BERTopic, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from joblib.externals.loky import get_reusable_executor  # type: ignore[import-untyped]

COMPILED = 5000
"""Vectors of the first call: enough that both compile all that they need (UMAP searches otherwise above 4,096)."""

Grouper = Callable[[Sequence[str], np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Measured:
    """What one way of grouping took and found."""

    labels: np.ndarray
    first_wall_s: float
    """The first `COMPILED` vectors in a fresh process: importing and compiling included."""
    first_cpu_s: float
    wall_s: float
    """All vectors, after that."""
    cpu_s: float
    peak_mb: float


def peak_mb() -> float:
    """Peak resident memory of this process; not that of the process that started it, which `getrusage` inherits."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def compare(texts: Sequence[str], truth: np.ndarray, rows: np.ndarray) -> None:
    """Prints seconds, memory and adjusted Rand index of each way, and the ratios of ours."""
    print(f"-- {len(texts)} passages, only their vectors grouped, each way in a process of its own")
    own = _measure("ours", texts, rows)
    told("cluster_vectors", own, truth)
    if not find_spec("bertopic"):
        print("BERTopic is not installed: `pip install bertopic` compares with it")
        return
    for name in ("BERTopic", "BERTopic, seeded UMAP"):
        other = _measure(name, texts, rows)
        told(name, other, truth)
        print(
            f"  ours takes {own.wall_s / other.wall_s:.2f} of its time, {own.cpu_s / other.cpu_s:.2f} of its CPU seconds, "
            f"{own.peak_mb / other.peak_mb:.2f} of its memory; first call {own.first_wall_s / other.first_wall_s:.2f} "
            f"and {own.first_cpu_s / other.first_cpu_s:.2f}",
            flush=True,
        )


def told(name: str, one: Measured, truth: np.ndarray) -> None:
    print(
        f"{name:24} {one.wall_s:8.2f} s, CPU {one.cpu_s:8.2f} s, peak {one.peak_mb:5.0f} MB "
        f"(first call {one.first_wall_s:.2f} s, CPU {one.first_cpu_s:.2f} s)"
    )
    index(truth, one.labels)


def index(truth: np.ndarray, labels: np.ndarray) -> None:
    from sklearn.metrics import adjusted_rand_score

    score, noise = adjusted_rand_score(truth, labels), float(np.mean(np.asarray(labels) == -1))
    print(f"  adjusted Rand index {score:.3f}, noise share {noise:.3f}, {len(set(labels)) - (-1 in labels)} clusters")


def _measure(name: str, texts: Sequence[str], rows: np.ndarray) -> Measured:
    """In a fresh process, since whoever comes second would find the shared libraries compiled."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(path := Path(folder) / "rows.npy", rows)
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as pool:
            return pool.submit(_timed, name, list(texts), path).result()


def _timed(name: str, texts: list[str], path: Path) -> Measured:
    warnings.simplefilter("ignore")
    rows = np.load(path)
    wall, cpu = time.perf_counter(), time.process_time()
    group = GROUPERS[name]()
    group(texts[:COMPILED], rows[:COMPILED])
    first_wall_s, first_cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    wall, cpu = time.perf_counter(), time.process_time()
    labels = group(texts, rows)
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    # HDBSCAN's helpers would outlive this process's work by five minutes, and it waits for them
    get_reusable_executor().shutdown(kill_workers=True)
    return Measured(labels, first_wall_s, first_cpu_s, wall_s, cpu_s, peak_mb())


def _ours() -> Grouper:
    from clustering.clusters import cluster_vectors

    return lambda texts, rows: cluster_vectors(rows, seed=0).labels


def _bertopic(seed: int | None) -> Grouper:
    """With its defaults; seeded, with the same UMAP but for the seed, without which its answers differ."""
    from bertopic import BERTopic  # type: ignore[import-not-found]
    from umap import UMAP

    def group(texts: Sequence[str], rows: np.ndarray) -> np.ndarray:
        chosen = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=seed)
        model = BERTopic() if seed is None else BERTopic(umap_model=chosen)
        return np.asarray(model.fit_transform(list(texts), embeddings=rows)[0])

    return group


GROUPERS: dict[str, Callable[[], Grouper]] = {
    "ours": _ours,
    "BERTopic": lambda: _bertopic(None),
    "BERTopic, seeded UMAP": lambda: _bertopic(0),
}
