"""Quotes are checked in code."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.material import Place
from agents.quoting import QUOTE_CHARACTERS_MIN, fold, verify_quote

PLACES = (
    Place("output", "The clinic opens at eight,\nand patients call “first”. Everybody is asked twice a year."),
    Place("source:0", "The clinic opens at eight, and patients must call before they come to the desk."),
    Place("turn:alone/nurse-1", "I miss the opening hours on Saturdays."),
)


@pytest.mark.parametrize(
    ("quote", "claimed", "status", "found"),
    [
        ("The clinic opens at eight,", "output", "exact", "output"),
        ("The clinic opens at eight,", "source", "exact", "source:0"),
        ("patients must call before", "output", "exact", "source:0"),
        ('the CLINIC opens at eight, and patients call "first"', "output", "normalised", "output"),
        ("opens at eight, and patients must call befor they come to the desk", "source", "fuzzy", "source:0"),
        ("I miss the opening hours", "transcript", "exact", "turn:alone/nurse-1"),
        ("The clinic closes at noon on every Friday", "output", "unverified", None),
        ("eight", "output", "unverified", None),
        ("", "output", "unverified", None),
    ],
)
def test_statuses(quote, claimed, status, found):
    evidence = verify_quote(quote, claimed, PLACES)
    assert (evidence.status, evidence.found_in) == (status, found)


def test_a_negation_is_no_slip_of_the_pen():
    said = "The readings of the last two weeks were lost when the old server was replaced in the spring."
    for denied in ("were not lost", "were never lost", "weren't lost"):
        other = said.replace("were lost", denied)
        for quote, text in [(said, other), (other, said)]:
            place = Place("source:0", f"We wrote it down. {text} Nobody asked.")
            assert verify_quote(quote, "source", [place]).status == "unverified"
            slip = verify_quote(text.replace("replaced", "replacd"), "source", [place])
            assert slip.status == "fuzzy", "the same denial, and a slip of the pen"


@given(st.text(min_size=40, max_size=200), st.integers(0, 20), st.integers(QUOTE_CHARACTERS_MIN, 30))
@settings(max_examples=30)
def test_any_slice_of_a_text_is_found_where_it_stands(text, start, length):
    quote = text[start : start + length]
    evidence = verify_quote(quote, "output", [Place("output", text)])
    if len(quote.strip()) < QUOTE_CHARACTERS_MIN:
        assert evidence.status == "unverified"
    else:
        assert evidence.status == "exact"
        assert text[evidence.start : evidence.end] == quote.strip()


@given(st.text(max_size=200))
@settings(max_examples=30)
def test_folding_is_stable_and_points_back(text):
    folded = fold(text)
    assert len(folded.text) == len(folded.origins)
    assert all(0 <= origin < len(text) for origin in folded.origins)
    assert list(folded.origins) == sorted(folded.origins)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L"]), min_size=20, max_size=60))
@settings(max_examples=30)
def test_case_and_spacing_do_not_matter(word):
    text = f"Before it. {word[:10]} {word[10:]} after it."
    evidence = verify_quote(f"{word[:10].upper()}   {word[10:].upper()}", "output", [Place("output", text)])
    assert evidence.status in ("exact", "normalised")
    assert text[evidence.start : evidence.end].lower() == f"{word[:10]} {word[10:]}".lower()
