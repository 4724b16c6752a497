"""Seconds per stage and peak memory of building personas: `python bench/personas.py [FOLDER | COUNT ...]`.

A folder is read and built whole; a number makes that many synthetic statements and groups them. Asserts nothing.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from clustering import build_persona_set, open_embedder, read_documents
from clustering.clusters import cluster_vectors

warnings.simplefilter("ignore")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def folder(path: Path) -> None:
    started = time.perf_counter()
    reading = read_documents(path)
    marks = [("reading", time.perf_counter() - started)]
    last = time.perf_counter()
    current = "extracting"

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal last, current
        if stage != current:
            marks.append((current, time.perf_counter() - last))
            last, current = time.perf_counter(), stage

    found = asyncio.run(build_persona_set(reading.documents, embedder=open_embedder(), progress=progress))
    marks.append((current, time.perf_counter() - last))
    for stage, seconds in marks:
        print(f"{stage:12} {seconds:8.2f} s")
    print(f"{path}: {found.statistics} personas {len(found.personas)}, peak {peak_mb():.0f} MB")


def synthetic(count: int, topics: int = 20) -> None:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(topics, 384))
    truth = np.arange(count) % topics
    rows = (centers[truth] + 1.5 * rng.normal(size=(count, 384))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cluster_vectors(rows[:100], seed=0)  # compiles UMAP, which is no part of the time below
    started = time.perf_counter()
    found = cluster_vectors(rows, seed=0)
    seconds = time.perf_counter() - started
    from sklearn.metrics import adjusted_rand_score

    index = adjusted_rand_score(truth, found.labels)
    print(f"{count:7} vectors {seconds:8.2f} s, ARI {index:.3f}, {found.count} clusters, peak {peak_mb():.0f} MB")
    if find_spec("bertopic"):
        bertopic(rows, truth, seconds)


def bertopic(rows: np.ndarray, truth: np.ndarray, own_s: float) -> None:
    """The same vectors through BERTopic, where it is installed."""
    from bertopic import BERTopic  # type: ignore[import-not-found]
    from sklearn.metrics import adjusted_rand_score

    texts = [f"word{label} statement {number}" for number, label in enumerate(truth)]
    started = time.perf_counter()
    topics, _ = BERTopic().fit_transform(texts, embeddings=rows)
    seconds = time.perf_counter() - started
    index = adjusted_rand_score(truth, topics)
    print(f"        BERTopic {seconds:8.2f} s, ARI {index:.3f}; ours takes {own_s / seconds:.2f} of its time")


def main() -> None:
    examples = Path(__file__).parents[1] / "examples" / "documents"
    for argument in sys.argv[1:] or [str(examples), "1000"]:
        if argument.isdigit():
            synthetic(int(argument))
        else:
            folder(Path(argument))


if __name__ == "__main__":
    main()
