"""What every document repeats is counted once."""

from __future__ import annotations

from clustering import Document, Embedder, Perspective, Span, build_persona_set
from clustering.duplicates import without_repetitions


def said(text: str, number: int = 0, role: str | None = "nurse") -> Perspective:
    span = Span(document_id=str(number), start=0, end=len(text))
    return Perspective(stakeholder=role, concern=text, quote=text, span=span, origin="self", voice=0.5)


BOILERPLATE = "We would like every reader to send their comments on this report to the council before May."


def test_boilerplate_merges_and_the_first_stays() -> None:
    rows = [said(BOILERPLATE.replace("May", month), n) for n, month in enumerate(["May", "June", "July", "may"])]
    rows.insert(2, said("I want a chair in the corridor, because my legs are tired.", 9))
    assert [one.span.document_id for one in without_repetitions(rows)] == ["0", "9"]


def test_the_same_words_of_two_stakeholders_are_two_statements() -> None:
    rows = [said(BOILERPLATE, 1), said(BOILERPLATE, 2, "patient"), said(BOILERPLATE, 3, None)]
    assert without_repetitions(rows) == rows


def test_unlike_statements_all_stay() -> None:
    rows = [
        said(f"I want {thing} number {n} on my own ward.", n) for n in range(50) for thing in ("a chair", "two beds")
    ]
    distinct_rows = [said(f"I {verb} the {noun} of the {place}.") for verb in ("fear", "trust", "miss")
                     for noun in ("silence", "paperwork") for place in ("corridor", "basement", "garden")]  # fmt: skip
    assert without_repetitions(distinct_rows) == distinct_rows
    assert len(without_repetitions(rows)) < len(rows)
    assert without_repetitions([]) == []


async def test_boilerplate_in_every_document_does_not_outweigh_what_people_say(hashed: Embedder) -> None:
    own = ["I need a chair.", "I want to sleep.", "I am afraid of the lift.", "I like the garden in June."]
    documents = [
        Document(id=str(n), text=f"As a nurse, {text}\n\nAs a reader, {BOILERPLATE}") for n, text in enumerate(own)
    ]
    found = await build_persona_set(documents, embedder=hashed)
    assert found.statistics["repetitions_merged"] == 3
    assert {persona.stakeholder for persona in found.personas} == {"nurse"}
