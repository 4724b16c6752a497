"""Clustering has a defined answer at every size, and small panels come out of small inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from clustering import (
    Document,
    Embedder,
    PersonaOptions,
    assign_documents,
    build_persona_set,
    effective_personas,
    measure_reproducibility,
    with_reproducibility,
)
from clustering.clusters import cluster_vectors, reduce_vectors
from clustering.embedding import Vectors

pytestmark = pytest.mark.xdist_group("umap")


def blobs(count: int, kinds: int = 4, seed: int = 0) -> tuple[Vectors, np.ndarray]:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(kinds, 32))
    labels = np.arange(count) % kinds
    rows = centers[labels] + 0.15 * rng.normal(size=(count, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize(("count", "clusters"), [(0, 0), (1, 1), (2, 2), (5, 4), (15, 4), (100, 4), (1_500, 4)])
def test_every_size_has_its_answer(count: int, clusters: int) -> None:
    vectors, truth = blobs(count)
    found = cluster_vectors(vectors, seed=1)
    assert found.labels.shape == (count,)
    assert found.count == clusters
    if count >= 15:
        from sklearn.metrics import adjusted_rand_score

        assert adjusted_rand_score(truth, found.labels) > 0.9
    assert ((found.membership >= 0) & (found.membership <= 1)).all()


def test_beyond_the_sample_the_rest_is_transformed_and_finds_its_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.metrics import adjusted_rand_score

    monkeypatch.setattr("clustering.clusters.SAMPLE_MAX", 400)
    vectors, truth = blobs(900)
    found = cluster_vectors(vectors, seed=1)
    assert adjusted_rand_score(truth, found.labels) > 0.9
    assert adjusted_rand_score(found.labels, cluster_vectors(vectors, seed=1).labels) == 1


@pytest.mark.filterwarnings("ignore::ImportWarning")  # umap's, where tensorflow, which is optional, is absent
@pytest.mark.parametrize(("count", "transformed"), [(400, 0), (401, 1)])
def test_the_sample_starts_one_vector_above_its_size(
    count: int, transformed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import umap

    seen: list[int] = []
    transform = umap.UMAP.transform
    monkeypatch.setattr("clustering.clusters.SAMPLE_MAX", 400)
    monkeypatch.setattr(umap.UMAP, "transform", lambda self, rows: seen.append(len(rows)) or transform(self, rows))
    vectors, _ = blobs(count)
    reduced = reduce_vectors(vectors, seed=1, dimensions=5, neighbors=15)
    assert sum(seen) == transformed
    assert np.isfinite(reduced).all()
    assert len(np.unique(reduced, axis=0)) == count


STORIES = "\n\n".join(
    f"As a {role}, I want {wish}."
    for role, wishes in {
        "ward nurse": [
            "the drug chart at the bedside",
            "a handover without three screens",
            "sleep after a night shift",
        ],
        "patient": ["to read my own results", "to know who will see me tomorrow", "to tell my story only once"],
        "bus driver": ["two minutes at the terminus", "a stop that I can see", "a cab that is warm in winter"],
    }.items()
    for wish in wishes
)


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_a_few_documents_are_the_normal_case(count: int, embedder: Embedder) -> None:
    blocks = STORIES.split("\n\n")
    documents = [Document(id=str(n), text="\n\n".join(blocks[n::count])) for n in range(count)]
    found = await build_persona_set(documents, embedder=embedder)
    assert {group.name for group in found.groups} == {"ward nurse", "patient", "bus driver"}
    assert found.statistics["noise_share"] == 0
    effective = effective_personas(found.personas, embedder)
    assert effective is not None
    assert 1.5 < effective <= len(found.personas) + 1e-6


async def test_new_documents_find_their_group_or_none(embedder: Embedder) -> None:
    found = await build_persona_set([Document(id="s", text=STORIES)], embedder=embedder)
    texts = {
        "nurse": "As a night nurse, I want a quiet room.",
        "shown": "I want to read my results and to tell my story once.",
        "none": "As a beekeeper, I want fewer pesticides on the rape fields.",
    }
    answers = assign_documents(found, [Document(id=key, text=text) for key, text in texts.items()], embedder=embedder)
    assert {one.span.document_id: one.group_id for one in answers} == {
        "nurse": "ward-nurse",
        "shown": "patient",
        "none": None,
    }


async def test_reproducibility_of_a_clear_panel_is_high_and_of_a_lone_voice_low(embedder: Embedder) -> None:
    documents = [Document(id=f"{copy}-{n}", text=block.replace("want", verb)) for copy, verb in enumerate(["want", "need", "would like"])
                 for n, block in enumerate(STORIES.split("\n\n"))]  # fmt: skip
    documents.append(Document(id="lone", text="As a beekeeper, I want fewer pesticides on the rape fields."))
    options = PersonaOptions(single_voices=True)
    stages: list[tuple[str, int, int]] = []
    whole = await build_persona_set(documents, options=options, embedder=embedder)
    measured = await measure_reproducibility(
        documents, options=options, resamples=8, embedder=embedder, whole=whole,
        progress=lambda stage, done, total: stages.append((stage, done, total)),
    )  # fmt: skip
    assert stages == [("resampling", done, 8) for done in range(1, 9)]
    assert measured.resamples == 8
    assert measured.rand_index
    assert measured.rand_index.mean > 0.8
    assert measured.rand_index.low <= measured.rand_index.mean <= measured.rand_index.high
    assert measured.by_persona["ward-nurse-1"] > measured.by_persona["beekeeper-1"]
    told = with_reproducibility(whole, replace(measured, fragile=("beekeeper-1",)))
    assert told.statistics["reproducibility_rand_index_mean"] == measured.rand_index.mean
    assert told.statistics["effective_personas"] == pytest.approx(
        effective_personas(whole.personas, embedder), abs=0.01
    )
    assert {one.id for one in told.personas if "fragile" in one.warnings} == {"beekeeper-1"}
    assert told.content_hash != whole.content_hash


class Drawn:
    """One direction a text's last word, and a little of its own: ten thousand vectors in a second."""

    name = "drawn"

    def embed(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
        centers = np.random.default_rng(0).normal(size=(26, 32))
        topics = [ord(text.lower().strip(".").split()[-1][0]) % 26 if text else 0 for text in texts]
        own = np.random.default_rng(len(texts)).normal(size=(len(texts), 32))
        rows = centers[topics] + 0.1 * own
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


async def test_ten_thousand_perspectives_make_a_panel() -> None:
    roles = ["nurse", "patient", "driver", "teacher", "farmer", "baker"]
    documents = [
        Document(id=str(n), text=f"As a {roles[n % 6]}, I want number {n * 7919} for room {n} of the {roles[n % 6]}.")
        for n in range(10_000)
    ]
    found = await build_persona_set(documents, embedder=Drawn())
    assert (
        found.statistics["perspectives"] == len(found.map) == 10_000 - int(found.statistics["repetitions_merged"] or 0)
    )
    assert {group.name for group in found.groups} == set(roles)
    assert sum(group.size for group in found.groups) > 9_000
    assert found.statistics["noise_share"] == 0
