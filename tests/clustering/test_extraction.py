"""Perspectives by model: a model that lies puts no word into anybody's mouth."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustering import (
    Document,
    Embedder,
    ExtractionError,
    NoUsableDocumentError,
    build_persona_set,
    estimate_extraction,
)
from clustering.extraction import extract_with_model, extraction_prompt, split_sections
from llm import MemoryLedger, Reply, Request, Usage

TEXT = """# Ward report

The night nurses want the drug chart at the bedside, because the trolley is never where they need it.

Patients told us that they “wait without knowing” for hours. They would rather hear bad news than none.

Run the backup script at noon and rotate the logs.
"""
DOCUMENT = Document(id="report", text=TEXT)


class ScriptedModel:
    """Answers with what it was told to, and counts."""

    spec = "test:scripted"
    context_tokens = None

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.calls = 0

    async def complete(self, request: Request) -> Reply:
        self.calls += 1
        return Reply(text=json.dumps(self.answer), model="scripted", usage=Usage(10, 10), finish="stop")

    async def aclose(self) -> None:
        pass


def answer_with(*quotes: str, name: str = "night nurse", characteristics: str = "Works at night.") -> dict[str, object]:
    perspective = {"evidence": list(quotes[:4]), "perspective": "whether the chart is at hand"}
    return {"stakeholders": [{"name": name, "characteristics": characteristics, "perspectives": [perspective]}]}


async def test_true_quotes_are_kept_in_the_documents_own_wording(hashed: Embedder) -> None:
    model = ScriptedModel(
        answer_with(
            "want the drug chart at the bedside",
            'they "wait without  knowing" for hours',
            "They would rather hear bad newz than none",
        )
    )
    found = await extract_with_model([DOCUMENT], model)
    assert [one.match for one in found.perspectives] == ["exact", "normalised", "fuzzy"]
    assert all(TEXT[one.span.start : one.span.end] == one.quote for one in found.perspectives)
    persona_set = await build_persona_set([DOCUMENT], model=model, embedder=hashed)
    assert "Works at night." in persona_set.personas[0].background
    assert persona_set.personas[0].provenance["background"].kind == "inferred"
    assert persona_set.method == "model"
    assert persona_set.personas[0].stakeholder == "night nurse"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    quotes=st.lists(
        st.text(min_size=0, max_size=120) | st.sampled_from(["Nurses hate patients and say so.", TEXT[20:70]]),
        max_size=4,
    ),
    name=st.text(max_size=40),
    marks=st.sampled_from(['""', "“”", "''", "‘’", "«»", "„“"]),
)
async def test_no_invented_quote_reaches_a_persona(quotes: list[str], name: str, marks: str, hashed: Embedder) -> None:
    lie = f"Said {marks[0]}we despise them{marks[1]} twice."
    model = ScriptedModel(answer_with(TEXT[20:70], *quotes, name=name, characteristics=lie))
    try:
        persona_set = await build_persona_set([DOCUMENT], model=model, embedder=hashed)
    except NoUsableDocumentError:
        return
    for persona in persona_set.personas:
        assert "despise" not in persona.model_dump_json()
        for excerpt in persona.excerpts:
            assert excerpt.span
            assert excerpt.quote == TEXT[excerpt.span.start : excerpt.span.end]
            assert excerpt.quote.strip()


@pytest.mark.parametrize(("name", "kind"), [("dragon tamer", "inferred"), ("night nurse", "document")])
async def test_a_stakeholder_that_no_document_names_is_the_models_own(name: str, kind: str, hashed: Embedder) -> None:
    answer = answer_with("The night nurses want the drug chart at the bedside", name=name, characteristics="")
    found = await build_persona_set([DOCUMENT], model=ScriptedModel(answer), embedder=hashed)
    (persona,) = found.personas
    assert persona.stakeholder == name
    assert persona.provenance["stakeholder"].kind == kind
    assert persona.provenance["background"].kind == kind


async def test_inventions_are_counted(hashed: Embedder) -> None:
    found = await extract_with_model([DOCUMENT], ScriptedModel(answer_with("We nurses despise every patient we meet.")))
    assert (found.perspectives, found.quotes_dropped, found.stakeholders_dropped) == ([], 1, 1)


async def test_a_resumed_extraction_pays_for_nothing_twice() -> None:
    ledger, model = MemoryLedger(), ScriptedModel(answer_with("want the drug chart at the bedside"))
    first = await extract_with_model([DOCUMENT], model, ledger=ledger)
    calls = model.calls
    second = await extract_with_model([DOCUMENT], model, ledger=ledger)
    assert model.calls == calls == 1
    assert first.perspectives == second.perspectives


async def test_a_model_that_answers_nothing_usable_is_an_error_with_the_next_step() -> None:
    with pytest.raises(ExtractionError, match=r"test:scripted.*without a model"):
        await extract_with_model([DOCUMENT], ScriptedModel({"nonsense": 1}))


def test_sections_hold_the_whole_prose_within_their_budget() -> None:
    text = "\n\n".join(f"Paragraph {number} says that we care about number {number}." for number in range(200))
    sections = split_sections(Document(id="long", text=text), tokens_max=100)
    assert len(sections) > 5
    assert all(section.end - section.start <= 400 for section in sections)
    assert sum(text[section.start : section.end].count("Paragraph") for section in sections) == 200


@given(
    words=st.lists(
        st.sampled_from(["word", "I want.", "As a nurse, I want tea.", "x" * 700, "\n", "\n\n"]), min_size=1
    ),
    repeats=st.integers(1, 40),
)
def test_no_section_is_over_its_budget_and_no_word_is_lost(words: list[str], repeats: int) -> None:
    text = " ".join(words * repeats)
    sections = split_sections(Document(id="long", text=text), tokens_max=100)
    assert all(0 < section.end - section.start <= 400 for section in sections)
    assert all(one.end <= after.start for one, after in itertools.pairwise(sections))
    inside = "".join(text[one.start : one.end] for one in sections)
    assert inside.count("word") == text.count("word")
    assert inside.count("x") == text.count("x")


def test_the_estimate_counts_calls_and_leaves_unknown_prices_unknown() -> None:
    estimate = estimate_extraction([DOCUMENT], "openai:no-such-model-anywhere")
    assert estimate.calls == 1
    assert estimate.input_tokens > 100
    assert estimate.cost_usd is None


def test_the_prompt_is_the_one_that_was_reviewed() -> None:
    prompt = extraction_prompt()
    assert (prompt.id, prompt.version, prompt.variables) == ("extract", 1, ("document", "task"))
    rendered = prompt.render(document="DOCUMENT {{ task }}", task="TASK")
    assert [message.role for message in rendered] == ["system", "user"]
    assert rendered[1].content == "DOCUMENT {{ task }}\n\nTASK"
    assert prompt.sha256 == "da44c71d12194b9e3a8f47801b6d3c6c1cee274ec8bebfb44aef366cf592e035"
