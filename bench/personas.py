"""Seconds per stage and peak memory of building personas: `python -m bench.personas [FOLDER | FILE.jsonl | COUNT ...]`.

A folder is read and built whole. A file holds labelled passages as JSON lines (text, label). A number makes that many
first-person passages of 24 roles and puts them through every stage. Their vectors are drawn around 24 directions, or
embedded with `--cache FILE`, which keeps them, so that a run that was cut off goes on where it stopped. `--sentences
FILE` lets the roles say real sentences, one a line, over and over until there are enough. The vectors alone are grouped
by ours and, where it is installed, by BERTopic, each in a fresh process, with the adjusted Rand index of both. Asserts
nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.compared import compare, index, peak_mb
from clustering import Document, Embedder, PersonaSet, build_persona_set, open_embedder, read_documents
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


class Spent:
    """Seconds between two moments."""

    wall_s = cpu_s = 0.0


@contextmanager
def timed(name: str):
    wall, cpu, spent = time.perf_counter(), time.process_time(), Spent()
    yield spent
    spent.wall_s, spent.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:24} {spent.wall_s:8.2f} s, CPU {spent.cpu_s:8.2f} s, peak {peak_mb():5.0f} MB", flush=True)


def build(documents: Sequence[Document], embedder: Embedder) -> PersonaSet:
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


def synthetic(count: int, embedder: Embedder, sentences: Sequence[str], compared: bool) -> None:
    texts = spoken(count, sentences) if sentences else passages(count)
    measure(texts, np.arange(count) % len(ROLES), embedder, compared)


def labelled(path: Path, embedder: Embedder, compared: bool) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    measure([row["text"] for row in rows], np.array([row["label"] for row in rows]), embedder, compared)


def measure(texts: list[str], truth: np.ndarray, embedder: Embedder, compared: bool) -> None:
    """Every stage, then only the vectors grouped."""
    cluster_vectors(Drawn().embed(texts[:100]), seed=0)  # compiles UMAP, which is no part of the figures below
    print(f"-- {len(texts)} passages, every stage, vectors by {embedder.name}", flush=True)
    found = build([Document(id=str(number), text=text) for number, text in enumerate(texts)], embedder)
    groups = {point.span.document_id: point.group_id for point in found.map if point.span}
    index(truth, np.array([str(groups.get(str(number))) for number in range(len(texts))]))
    if compared:
        compare(texts, truth, embedder.embed(texts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    examples = Path(__file__).parents[1] / "examples" / "documents"
    parser.add_argument(
        "what", nargs="*", default=[str(examples), "1000"], help="folders, files of labelled passages, counts"
    )
    parser.add_argument("--cache", type=Path, help="embed for real, and keep the vectors in this file")
    parser.add_argument("--sentences", type=Path, help="what the roles say: one sentence a line")
    parser.add_argument("--no-compare", action="store_true", help="leave out grouping vectors alone, and BERTopic")
    asked = parser.parse_args()
    sentences = asked.sentences.read_text().splitlines() if asked.sentences else []
    for argument in asked.what:
        if argument.isdigit():
            embedder = open_embedder(cache=asked.cache) if asked.cache else Drawn()
            synthetic(int(argument), embedder, sentences, not asked.no_compare)
        elif argument.endswith(".jsonl"):
            labelled(Path(argument), open_embedder(cache=asked.cache), not asked.no_compare)
        else:
            folder(Path(argument))


if __name__ == "__main__":
    main()
