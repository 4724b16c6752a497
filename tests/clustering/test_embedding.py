"""A text's vector depends on the text alone: not on its neighbours, the cache or the order; nor, see test_quality.py,
on the process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clustering import Document, Embedder, build_persona_set, open_embedder

STORIES = [
    f"As a {role}, I want {wish}."
    for role, wish in [
        ("ward nurse", "the drug chart at the bedside and a handover without three screens, every night"),
        ("ward nurse", "sleep"),
        ("patient", "to read my own results before somebody else explains them to me in a hurry"),
        ("patient", "to tell my story once"),
        ("bus driver", "two minutes at the terminus"),
        ("bus driver", "a stop that I can see from far away, also in the rain and in the dark of a winter morning"),
    ]
]
DOCUMENT = Document(id="stories", text="\n\n".join(STORIES))


def test_neighbours_and_order_change_no_bit(embedder: Embedder) -> None:
    whole = open_embedder().embed(STORIES)
    assert np.array_equal(whole, open_embedder().embed(STORIES[::-1])[::-1])
    assert np.array_equal(whole[3:4], open_embedder().embed(STORIES[3:4]))
    assert np.array_equal(whole, embedder.embed([*["a much longer text than the others " * 9], *STORIES])[1:])


async def test_the_same_set_with_a_cold_half_warm_and_warm_cache(tmp_path: Path) -> None:
    cold = (await build_persona_set([DOCUMENT], embedder=open_embedder())).content_hash
    half = open_embedder(cache=tmp_path / "vectors.sqlite")
    half.embed([*STORIES[::2], "patient", "a text of somebody else"])
    assert (await build_persona_set([DOCUMENT], embedder=half)).content_hash == cold
    warm = open_embedder(cache=tmp_path / "vectors.sqlite")
    assert (await build_persona_set([DOCUMENT], embedder=warm)).content_hash == cold
