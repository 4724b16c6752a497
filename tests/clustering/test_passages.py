"""Passages are whole sentences whose offsets slice back to the exact text, whatever the text."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustering import Document, extract_perspectives, split_passages
from clustering.passages import STRETCH_CHARACTERS_MAX, split_sentences

PIECES = st.sampled_from(
    ["# Head\n", "Dr. Smith said no. He left. ", "\n\n", "- item one\n", "```\ncode()\n```\n", "مرحبا بالعالم. كيف حالك؟ ", "你好。我很好。",
     "As a nurse, I want time. ", "| a | b |\n", "Title\n=====\n", "<!-- hidden -->\n", "\u2028", "\x0c", "\r", "e\u0301 ", "😀 "]
) | st.text(max_size=30)  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join), st.integers(20, 300))
def test_every_passage_and_quote_slices_back(text: str, characters_max: int) -> None:
    document = Document(id="d", text=text)
    passages = split_passages(document, characters_max=characters_max)
    for passage in passages:
        assert text[passage.start : passage.end] == passage.text
        assert passage.text.strip() == passage.text != ""
    assert all(first.end <= second.start for first, second in itertools.pairwise(passages))
    for one in extract_perspectives(document):
        assert text[one.span.start : one.span.end] == one.quote


def test_headings_are_context_and_code_is_left_out() -> None:
    text = "# Ward\n\n## Night\n\nWe need light.\n\n```sh\nrun me\n```\n\n- [Link](x)\n\n# End\n\nGood night."
    passages = split_passages(Document(id="d", text=text))
    assert [(one.text, one.headings) for one in passages] == [
        ("We need light.", ("Ward", "Night")),
        ("Good night.", ("End",)),
    ]


def test_sentences_stay_whole() -> None:
    text = "Mr. Smith arrived at 5 p.m. and left. Nobody saw him. Everybody was asleep by then, as always."
    passages = split_passages(Document(id="d", text=text), characters_max=60)
    assert all(one.text.endswith(".") for one in passages)
    assert " ".join(one.text for one in passages) == text


def test_a_paragraph_beyond_all_bounds_is_cut_between_sentences() -> None:
    sentence = "I want a chair in the corridor, Dr. Smith said. "
    text = sentence * (3 * STRETCH_CHARACTERS_MAX // len(sentence))
    spans = split_sentences(text, 0, len(text))
    assert {text[left:right] for left, right in spans} <= {
        sentence.strip(),
        "I want a chair in the corridor, Dr.",
        "Smith said.",
    }
    assert len(spans) >= text.count("chair")
    assert "".join(text[left:right] for left, right in spans).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("unit", ["a-", "[ ", "<a ", "“", "`"])
def test_a_long_run_of_anything_is_read(unit: str) -> None:
    """Each of them once took the square of its length: minutes for a page of these, days for a file."""
    text = "I want " + unit * (60_000 // len(unit))
    for one in extract_perspectives(Document(id="d", text=text)):
        assert text[one.span.start : one.span.end] == one.quote
