"""A small embedder without a network, for tests that are not about meaning."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from clustering import Document, Embedder, open_embedder, read_documents
from clustering.embedding import Vectors
from tests.real_data import DATA
from tests.scheduling import made_once


class HashedEmbedder:
    """Bags of hashed words as unit vectors: similar where words are shared, instant, the same in every process."""

    name = "hashed-words"

    def embed(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
        rows = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                rows[row, hashlib.sha256(word.encode()).digest()[0] % 64] += 1
        rows[~rows.any(axis=1), 0] = 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="session")
def hashed() -> Embedder:
    return HashedEmbedder()


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    """The real default model; loaded once, when first used."""
    made_once("embedder", tmp_path_factory.getbasetemp())
    return open_embedder()


@pytest.fixture(scope="session")
def keps() -> tuple[Document, ...]:
    folder = DATA / "documents" / "keps"
    if not folder.is_dir():
        pytest.skip(f"no documents in {folder}: set REHEARING_TEST_DATA to the folder that holds documents/keps")
    return read_documents(folder).documents
