"""The way from documents to a persona set."""

from __future__ import annotations

import pytest

from clustering import Document, Embedder, NoUsableDocumentError, PersonaOptions, build_persona_set

STORIES = {
    "nurse": [
        "keep the drug chart at the bedside",
        "hand over without reading three screens",
        "sleep after a night shift",
    ],
    "patient": ["read my own results", "know who will see me tomorrow", "not repeat my history to everybody"],
}


def story_documents() -> list[Document]:
    text = "\n\n".join(f"As a {role}, I want to {wish}." for role, wishes in STORIES.items() for wish in wishes)
    return [Document(id="stories", text=text)]


async def test_stories_become_personas_whose_quotes_slice_back(hashed: Embedder) -> None:
    documents = story_documents()
    stages: list[tuple[str, int, int]] = []
    persona_set = await build_persona_set(
        documents, embedder=hashed, progress=lambda stage, done, total: stages.append((stage, done, total))
    )
    assert {group.name for group in persona_set.groups} == {"nurse", "patient"}
    for persona in persona_set.personas:
        assert persona.excerpts
        for excerpt in persona.excerpts:
            assert excerpt.span is not None
            assert documents[0].text[excerpt.span.start : excerpt.span.end] == excerpt.quote
    assert [stage for stage, _, _ in stages] == sorted(
        (stage for stage, _, _ in stages), key=["extracting", "embedding", "grouping", "composing"].index
    )


@pytest.mark.parametrize("asked", [1, 2])
async def test_no_more_personas_than_were_asked_for(hashed: Embedder, asked: int) -> None:
    options = PersonaOptions(personas=asked)
    persona_set = await build_persona_set(story_documents(), embedder=hashed, options=options)
    assert len(persona_set.personas) == asked


async def test_the_same_seed_gives_the_same_set(hashed: Embedder) -> None:
    first = await build_persona_set(story_documents(), embedder=hashed, options=PersonaOptions(seed=3))
    second = await build_persona_set(story_documents(), embedder=hashed, options=PersonaOptions(seed=3))
    assert first.content_hash == second.content_hash


async def test_no_documents_and_silent_documents_are_refused_with_the_next_step(hashed: Embedder) -> None:
    with pytest.raises(NoUsableDocumentError, match="no documents were given"):
        await build_persona_set([], embedder=hashed)
    with pytest.raises(NoUsableDocumentError, match="nobody speaks"):
        await build_persona_set([Document(id="a", text="Turn the valve. Close the lid.")], embedder=hashed)
