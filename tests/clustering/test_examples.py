"""The panel that the examples give: what a newcomer sees first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clustering import Document, Embedder, PersonaOptions, PersonaSet, build_persona_set, read_documents

DOCUMENTS = Path(__file__).parents[2] / "examples" / "documents"
SPEAKER_OF_DOCUMENT = {
    "01": "patient", "02": "nurse", "03": "family-doctor", "04": "carer", "05": "data-protection-officer",
    "06": "practice-manager", "07": "pharmacist", "08": "engineer",
}  # fmt: skip


@pytest.fixture(scope="module")
def documents() -> tuple[Document, ...]:
    return read_documents(DOCUMENTS).documents


async def panel(documents: tuple[Document, ...], embedder: Embedder) -> PersonaSet:
    return await build_persona_set(documents, embedder=embedder)


async def test_the_panel_holds_the_eight_stakeholders(documents: tuple[Document, ...], embedder: Embedder) -> None:
    found = await panel(documents, embedder)
    assert {group.id for group in found.groups} == set(SPEAKER_OF_DOCUMENT.values())
    assert {persona.name for persona in found.personas} == {
        "Patient", "Nurse", "Family doctor", "Carer", "Data protection officer", "Practice manager", "Pharmacist", "Engineer",
    }  # fmt: skip


async def test_everybody_speaks_their_own_words(documents: tuple[Document, ...], embedder: Embedder) -> None:
    texts = {document.id: document.text for document in documents}
    for persona in (await panel(documents, embedder)).personas:
        for excerpt in persona.excerpts:
            assert excerpt.span
            assert texts[excerpt.span.document_id][excerpt.span.start : excerpt.span.end] == excerpt.quote
            assert not re.match(r'["“”]', excerpt.quote)
            expected = SPEAKER_OF_DOCUMENT.get(excerpt.span.document_id[:2])
            assert expected in (None, persona.group_id)
            named = re.match(r"As an? (\w+),", excerpt.quote)  # in the documents where several speak
            assert expected or named is None or named[1] in persona.background


async def test_perspectives_are_the_speakers_own_clauses(documents: tuple[Document, ...], embedder: Embedder) -> None:
    texts = {document.id: document.text for document in documents}
    personas = {persona.group_id: persona for persona in (await panel(documents, embedder)).personas}
    assert personas["nurse"].perspective == "Needs the list sorted by risk, not by time"
    for persona in personas.values():
        origin = persona.provenance["perspective"]
        assert origin.kind == "document"
        source = " ".join(texts[origin.spans[0].document_id][origin.spans[0].start : origin.spans[0].end].split())
        assert persona.perspective.strip("“”").split(" ", 1)[1] in source


async def test_a_voice_heard_once_is_counted_and_placed_only_when_asked(embedder: Embedder) -> None:
    text = "As a nurse, I want a chair.\n\nAs a nurse, I need my break.\n\nAs a beekeeper, I want fewer pesticides."
    documents = [Document(id="d", text=text)]
    found = await build_persona_set(documents, embedder=embedder)
    assert [persona.stakeholder for persona in found.personas] == ["nurse"]
    assert (found.statistics["single_voices"], found.warnings) == (1, ("single_voices_unplaced",))
    asked = await build_persona_set(documents, embedder=embedder, options=PersonaOptions(single_voices=True))
    assert {persona.stakeholder for persona in asked.personas} == {"nurse", "beekeeper"}
    assert asked.warnings == ()
