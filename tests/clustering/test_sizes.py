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
from clustering.clusters import NOISE, Clusters, cluster_vectors, nearest_vectors, sample_clusters
from clustering.embedding import Vectors

pytestmark = pytest.mark.xdist_group("umap")


def blobs(count: int, kinds: int = 4, seed: int = 0) -> tuple[Vectors, np.ndarray]:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(kinds, 32))
    labels = np.arange(count) % kinds
    rows = centers[labels] + 0.15 * rng.normal(size=(count, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize(("count", "clusters"), [(0, 0), (1, 1), (2, 2), (5, 4), (15, 4), (100, 4), (650, 4)])
def test_every_size_has_its_answer(count: int, clusters: int) -> None:
    vectors, truth = blobs(count)
    found = cluster_vectors(vectors, seed=1)
    assert found.labels.shape == (count,)
    assert found.count == clusters
    if count >= 15:
        from sklearn.metrics import adjusted_rand_score

        assert adjusted_rand_score(truth, found.labels) > 0.9
    assert ((found.membership >= 0) & (found.membership <= 1)).all()


@pytest.fixture
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustering.clusters.CONSENSUS_MAX", 100)
    monkeypatch.setattr("clustering.clusters.SAMPLE_MAX", 200)


@pytest.mark.parametrize(("count", "sampled"), [(200, False), (201, True), (450, True)])
@pytest.mark.usefixtures("small_sample")
def test_beyond_the_sample_the_rest_finds_its_cluster(count: int, sampled: bool) -> None:
    from sklearn.metrics import adjusted_rand_score

    vectors, truth = blobs(count)
    found = cluster_vectors(vectors, seed=1)
    assert ("sample" in found.parameters) == sampled
    assert found.labels.shape == found.membership.shape == (count,)
    assert adjusted_rand_score(truth, found.labels) > 0.9
    assert ((found.membership >= 0) & (found.membership <= 1)).all()
    assert (found.membership[found.labels != NOISE] > 0).all()
    again = cluster_vectors(vectors, seed=1)
    assert (again.labels == found.labels).all()
    assert (again.membership == found.membership).all()


@pytest.mark.usefixtures("small_sample")
def test_most_of_the_nearest_sampled_ones_decide_noise_included(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _ = blobs(260, kinds=2)
    own = Clusters(np.zeros(0), np.zeros(0), (None,), {})

    def dense(sampled: Vectors, seed: int, size_min: int | None) -> Clusters:
        """Whatever points like the first vector is cluster 0, at half strength; all else is noise."""
        labels = np.where(sampled @ vectors[0] > 0.7, 0, NOISE)
        return replace(own, labels=labels, membership=np.where(labels == 0, 0.5, 0.0))

    monkeypatch.setattr("clustering.clusters._dense", dense)
    found = sample_clusters(vectors, 1, None)
    expected = np.where(vectors @ vectors[0] > 0.7, 0, NOISE)
    assert (found.labels == expected).all()
    assert (found.membership == np.where(expected == 0, 0.5, 0.0)).all()


def test_a_vector_is_at_no_distance_from_itself() -> None:
    """Rounding would make it UMAP's nearest neighbour of itself, and the vectors around it equally far."""
    vectors, _ = blobs(300)
    nearest, distances = nearest_vectors(vectors, vectors, 5)
    cosine = 1.0 - vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    assert (nearest[:, 0] == np.arange(300)).all()
    assert (distances[:, 0] == 0).all()
    assert np.allclose(distances, np.sort(cosine, axis=1)[:, :5], atol=1e-6)


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
