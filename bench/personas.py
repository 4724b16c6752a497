"""Seconds per stage and peak memory of building personas: `python -m bench.personas [FOLDER | COUNT ...]`.

A folder is read and built whole. A number makes that many first-person passages of 24 roles and puts them through every
stage. Their vectors are drawn around 24 directions, or embedded with `--cache FILE`, which keeps them, so that a run
that was cut off goes on where it stopped. `--sentences FILE` lets the roles say real sentences, one a line, over and
over until there are enough. BERTopic, where it is installed, gets the same passages and vectors in the same run, with
the adjusted Rand index of both. Asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import resource
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from clustering import Document, PersonaSet, build_persona_set, open_embedder, read_documents
from clustering.clusters import cluster_vectors

warnings.simplefilter("ignore")

ROLES = (
    "nurse", "patient", "bus driver", "teacher", "farmer", "carpenter", "lawyer", "journalist", "fisherman", "baker",
    "tenant", "landlord", "pilot", "librarian", "gardener", "cyclist", "pharmacist", "welder", "translator", "judge",
    "musician", "miner", "postman", "beekeeper",
)  # fmt: skip
ADJECTIVES = (
    "",
    "young",
    "senior",
    "rural",
    "night",
    "local",
    "retired",
    "foreign",
    "part-time",
    "new",
    "head",
    "lone",
)
WISHES = ("more time for", "a say in", "nobody to forget", "a clear answer about", "less noise around", "tools for")
THINGS = ("the rota", "the roof", "the invoice", "the yard", "the timetable", "the contract", "the heating", "the road")


class Drawn:
    """Vectors around one direction per role word: as costly to group as real ones, and free to embed."""

    name = "drawn"

    def embed(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        rows = np.stack([self._row(text) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def _row(self, text: str) -> np.ndarray:
        topic = next((number for number, role in enumerate(ROLES) if role in text), 0)
        center = np.random.default_rng(topic).normal(size=384)
        own = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return center + 1.2 * np.random.default_rng(own).normal(size=384)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Spent:
    """Seconds between two moments."""

    wall_s = cpu_s = 0.0


@contextmanager
def timed(name: str):
    wall, cpu, spent = time.perf_counter(), time.process_time(), Spent()
    yield spent
    spent.wall_s, spent.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:24} {spent.wall_s:8.2f} s, CPU {spent.cpu_s:8.2f} s, peak {peak_mb():5.0f} MB", flush=True)


def build(documents: Sequence[Document], embedder: object) -> PersonaSet:
    """Every stage with its seconds; CPU seconds are the figure to read on a busy machine."""
    wall, cpu, current = time.perf_counter(), time.process_time(), "extracting"

    def told(stage: str) -> None:
        nonlocal wall, cpu, current
        if stage != current:
            seconds, used = time.perf_counter() - wall, time.process_time() - cpu
            print(f"{current:24} {seconds:8.2f} s, CPU {used:8.2f} s, peak {peak_mb():5.0f} MB", flush=True)
            wall, cpu, current = time.perf_counter(), time.process_time(), stage

    found = asyncio.run(
        build_persona_set(documents, embedder=embedder, progress=lambda stage, done, total: told(stage))
    )
    told("")
    kept = ("perspectives", "repetitions_merged", "groups", "noise_share", "dbcv")
    print({name: found.statistics[name] for name in kept}, found.parameters["clustering_method"],
          f"personas {len(found.personas)}")  # fmt: skip
    return found


def folder(path: Path) -> None:
    with timed("reading"):
        reading = read_documents(path)
    build(reading.documents, open_embedder())


def passages(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    texts = []
    for number in range(count):
        role = f"{rng.choice(ADJECTIVES)} {ROLES[number % len(ROLES)]}".strip()
        one, two = rng.choice(WISHES, 2, replace=False)
        first, second = rng.choice(THINGS, 2, replace=False)
        texts.append(f"As a {role}, I want {one} {first} and {two} {second}, case {rng.integers(10**9)}.")
    return texts


def spoken(count: int, sentences: Sequence[str]) -> list[str]:
    """Passages in which the roles in turn say real sentences; each sentence as often as needed, by another role."""
    rng = np.random.default_rng(0)
    turns = (sentences[number % len(sentences)] for number in range(count))
    said = enumerate(turns)
    return [f"As a {_role(n, rng)}, I say: {text}" for n, text in said]


def _role(number: int, rng: np.random.Generator) -> str:
    return f"{rng.choice(ADJECTIVES)} {ROLES[number % len(ROLES)]}".strip()


def synthetic(count: int, cache: Path | None, sentences: Sequence[str], compared: bool) -> None:
    texts = spoken(count, sentences) if sentences else passages(count)
    truth = np.arange(count) % len(ROLES)
    embedder = open_embedder(cache=cache) if cache else Drawn()
    cluster_vectors(Drawn().embed(texts[:100]), seed=0)  # compiles UMAP, which is no part of the figures below
    print(f"-- {count} passages, every stage, vectors {'embedded' if cache else 'drawn'}", flush=True)
    found = build([Document(id=str(number), text=text) for number, text in enumerate(texts)], embedder)
    groups = {point.span.document_id: point.group_id for point in found.map if point.span}
    index(truth, np.array([str(groups.get(str(number))) for number in range(count)]))
    if compared:
        compare(texts, truth, embedder)


def compare(texts: list[str], truth: np.ndarray, embedder: object) -> None:
    """Only the vectors grouped, by ours and by BERTopic."""
    rows = embedder.embed(texts)
    print(f"-- {len(texts)} passages, only their vectors grouped")
    with timed("cluster_vectors") as own:
        labels = cluster_vectors(rows, seed=0).labels
    index(truth, labels)
    if find_spec("bertopic"):
        bertopic(texts, rows, truth, own)
    else:
        print("BERTopic is not installed: `pip install bertopic` compares with it")


def index(truth: np.ndarray, labels: np.ndarray) -> None:
    from sklearn.metrics import adjusted_rand_score

    score, noise = adjusted_rand_score(truth, labels), float(np.mean(np.asarray(labels) == -1))
    print(f"  adjusted Rand index {score:.3f}, noise share {noise:.3f}, {len(set(labels)) - (-1 in labels)} clusters")


def bertopic(texts: list[str], rows: np.ndarray, truth: np.ndarray, own: Spent) -> None:
    """The same passages and vectors through BERTopic with its defaults, and with one seed as ours has."""
    from bertopic import BERTopic  # type: ignore[import-not-found]
    from umap import UMAP

    BERTopic().fit_transform(texts[:300], embeddings=rows[:300])  # compiles what runs in parallel
    seeded = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=0)
    for name, model in (("BERTopic", BERTopic()), ("BERTopic, seeded UMAP", BERTopic(umap_model=seeded))):
        with timed(name) as spent:
            topics, _ = model.fit_transform(texts, embeddings=rows)
        index(truth, np.asarray(topics))
        wall, cpu = own.wall_s / spent.wall_s, own.cpu_s / spent.cpu_s
        print(f"  ours takes {wall:.2f} of its time, {cpu:.2f} of its CPU seconds", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    examples = Path(__file__).parents[1] / "examples" / "documents"
    parser.add_argument("what", nargs="*", default=[str(examples), "1000"], help="folders and counts")
    parser.add_argument("--cache", type=Path, help="embed for real, and keep the vectors in this file")
    parser.add_argument("--sentences", type=Path, help="what the roles say: one sentence a line")
    parser.add_argument("--no-compare", action="store_true", help="leave out grouping vectors alone, and BERTopic")
    asked = parser.parse_args()
    sentences = asked.sentences.read_text().splitlines() if asked.sentences else []
    for argument in asked.what:
        if argument.isdigit():
            synthetic(int(argument), asked.cache, sentences, not asked.no_compare)
        else:
            folder(Path(argument))


if __name__ == "__main__":
    main()
