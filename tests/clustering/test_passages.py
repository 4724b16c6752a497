"""Passages are whole sentences whose offsets slice back to the exact text, whatever the text."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from clustering import Document, extract_perspectives, split_passages

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
