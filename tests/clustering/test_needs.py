"""A stakeholder's own clause becomes the perspective; what would have to be rewritten is quoted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustering import Document, Perspective, Span, extract_perspectives
from clustering.composing import split_dimensions
from clustering.excerpts import choose_excerpts
from clustering.mentions import find_mention
from clustering.naming import subject_of, telling_apart
from clustering.narration import spoken_part
from clustering.needs import CLAUSE_CHARACTERS_MAX, document_spread, leading_need, without_markup


def said(quote: str, voice: float = 0.5) -> Perspective:
    span = Span(document_id="d", start=7, end=7 + len(quote))
    return Perspective(stakeholder="nurse", concern=quote, quote=quote, span=span, origin="self", voice=voice)


@pytest.mark.parametrize(
    ("quote", "perspective"),
    [
        ("I worry about page three. I need the list sorted by risk, not by time.", "Needs the list sorted by risk, not by time"),
        ("As a **nurse**, I want `the chart` at the bedside.", "Wants the chart at the bedside"),
        ("We would like alarms that can be set for each patient.", "Would like alarms that can be set for each patient"),
        ("I do not want advice that sounds certain.", "Does not want advice that sounds certain"),
        ("We are worried about the people who own no telephone.", "Is worried about the people who own no telephone"),
        ("Cluster operators want to see each upgrade before it starts.", "Wants to see each upgrade before it starts"),
        ("I want to know who reads my words.", "“I want to know who reads my words”"),
        ("I want it to go on.", "“I want it to go on”"),
        ("Nobody gave us time for this.", "“Nobody gave us time for this”"),
    ],
)  # fmt: skip
def test_a_wish_turns_into_the_third_person_or_stays_as_it_was_said(quote: str, perspective: str) -> None:
    need = leading_need([said(quote)])
    assert need is not None
    assert need.text == perspective


def test_a_long_wish_ends_where_a_clause_ends() -> None:
    need = leading_need(
        [said("I want a second pair of eyes on every limit, because " + "we are tired and " * 12 + "so on.")]
    )
    assert need is not None
    assert need.text == "Wants a second pair of eyes on every limit"


def test_the_representative_statement_leads_unless_a_later_one_asks_for_something() -> None:
    first, second = said("The afternoon is hard for us.", 0.6), said("I need two minutes at the end of the line.")
    need = leading_need([first, second])
    assert need is not None
    assert need.text == "Needs two minutes at the end of the line"
    assert leading_need([]) is None


def test_what_several_documents_need_goes_before_the_detail_of_one() -> None:
    detail = said("As a nurse, I want support for just three kinds of syringe pump.")
    need = said("As a nurse, I want to see the list before the round.")
    others = [said("The list is late and the round starts."), said("Nobody sees the list.")]
    told = [
        one.model_copy(update={"span": one.span.model_copy(update={"document_id": str(number)})})
        for number, one in enumerate([detail, need, *others])
    ]
    found = leading_need(told[:2], document_spread(told))
    assert found is not None
    assert found.text == "Wants to see the list before the round"


def test_a_sentence_too_long_for_a_line_is_quoted_up_to_a_clause_only_when_asked() -> None:
    quote = (
        "Having to keep four rotas for wards that differ only in name forces nurses into double entry, "
        "and the lists that we print in the evening are out of date before the night shift has read them"
    )
    assert leading_need([said(quote)]) is None
    need = leading_need([said(quote)], in_part=True)
    assert need is not None
    assert (
        need.text == "“Having to keep four rotas for wards that differ only in name forces nurses into double entry …”"
    )


def test_what_we_wish_is_not_the_wish_of_those_we_tell_about() -> None:
    told = said("We prefer short forms because nurses fill them in at night.").model_copy(update={"origin": "reported"})
    need = leading_need([told])
    assert need is not None
    assert not need.text.startswith("Prefers")


@given(
    st.lists(
        st.sampled_from(
            [
                "I",
                "We",
                "need",
                "want",
                "would",
                "rather",
                "like",
                "it",
                "my",
                ",",
                ".",
                ";",
                "so",
                "that",
                "because",
                "**",
                "“",
                "”",
                "\n",
                "nurses",
                "the",
                "list",
                "of",
                "risks",
            ]
        )
    )
)
def test_whatever_is_said_the_clause_is_one_line_of_its_own_statement(words: list[str]) -> None:
    quote = " ".join(words) or "x"
    need = leading_need([said(quote)])
    if need is not None:
        assert len(need.text) <= CLAUSE_CHARACTERS_MAX + 2
        assert "\n" not in need.text
        assert 7 <= need.span.start < need.span.end <= 7 + len(quote)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ('"As a nurse, I can now finish the list before ten," one nurse wrote.', "As a nurse, I can now finish the list before ten"),
        ('"We patients live with it," said Ingrid. "I stopped one tablet because I fainted."', "I stopped one tablet because I fainted."),
        ('From the sister of a patient: "I care for two people and I work."', "I care for two people and I work."),
        ("Rosa spoke first. “I want to know that somebody looks.", "I want to know that somebody looks."),
        ('A summary that says "blood pressure fell" is worse to us than none.', 'A summary that says "blood pressure fell" is worse to us than none.'),
        ("I say what I mean.", "I say what I mean."),
    ],
)  # fmt: skip
def test_the_narrator_is_left_out_and_the_speaker_kept(text: str, spoken: str) -> None:
    left, right = spoken_part(text)
    assert text[left:right] == spoken


@given(st.text(alphabet='I we said "“”«», .\n', max_size=80))
def test_the_spoken_part_lies_in_the_text_and_is_never_lost(text: str) -> None:
    left, right = spoken_part(text)
    assert 0 <= left <= right <= len(text)
    assert bool(text[left:right].strip()) or not any(letter.isalpha() for letter in text)


def test_quotes_slice_back_after_the_narrator_is_cut() -> None:
    text = '# Hearing\n\nThe room was full.\n\n"As a nurse, I am for it if we get the hours," said Mr Lindqvist.\n\nHe left.\n'
    found = extract_perspectives(Document(id="d", text=text))
    assert [one.quote for one in found] == ["As a nurse, I am for it if we get the hours"]
    assert text[found[0].span.start : found[0].span.end] == found[0].quote
    assert found[0].concern == "I am for it if we get the hours"


@pytest.mark.parametrize(
    ("sentence", "role"),
    [
        ("We welders know which seams will crack.", "welder"),
        ("I work here as a tailor.", "tailor"),
        ("We always order too late.", None),
        ("We process every order twice.", None),
    ],
)
def test_who_speaks_is_heard_without_a_list_of_trades(sentence: str, role: str | None) -> None:
    mention = find_mention(sentence)
    assert (mention.role if mention else None) == role


def test_a_card_shows_needs_that_stand_alone_before_procedure() -> None:
    quotes = [
        "I set `spec.policy` on the job, so that 8 workers can run.",
        "As a reader I want a map of the house.",
        "However, we may require a second key for it.",
        "We need more light on the stairs.",
        "I am afraid of the lift.",
    ]
    given = [said(quote) for quote in quotes]
    given = [one.model_copy(update={"span": one.span.model_copy(update={"start": 5, "end": 9})}) for one in given]
    assert choose_excerpts([0, 1, 2, 3, 4], given) == [1, 3, 4]
    assert choose_excerpts([0, 1, 2], given) == [1, 0, 2], "too few: the rest fills up, last"


def test_a_quote_is_read_without_markup_and_an_identifier_keeps_its_underscores() -> None:
    assert without_markup("As a **nurse** I want\n> `node_name` and _rest_.") == "As a nurse I want node_name and rest."


def test_personas_of_one_group_are_told_apart_by_what_their_documents_share() -> None:
    first = [("a", "We need light on the stairs"), ("b", "Light in the stairs is out"), ("b", "I want to paint")]
    second = [("c", "The lift stops"), ("d", "We need a lift that works"), ("d", "I want to paint")]
    assert telling_apart([first, second], ["tenant"]) == [("light", "stairs"), ("lift",)]
    assert telling_apart([first]) == [()]


def test_a_subject_of_a_single_document_makes_no_persona() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 0, 1, 1, 1, 2, 2, 2]]
    sources = ["a", "b", "c", "d", "e", "f", "g", "g", "g"]
    parts = split_dimensions(range(9), vectors, 3, sources)
    assert len(parts) == 2
    assert not any(set(part) <= {6, 7, 8} for part in parts)


@pytest.mark.parametrize(
    ("clause", "subject"),
    [
        ("Wants the reported attachment capacity on nodes to reflect the actual one", "attachment capacity"),
        ("Wants a native way to specify bind options in the pod spec", "bind options"),
        ("Wants to create and publish a one-off patch that fixes a bug", "one-off patch"),
        ("Wants to apply instance specific configuration to nodes", "instance configuration"),
        ("Wants to review patches submitted by other people", "patches"),
        ("Wants to integrate a logging agent that aggregates the logs", "logging agent"),
        ("Wants support for just three types of time zone", "time zone"),
        ("“I want to be able to easily triage my group's backlog of open issues”", "group's backlog"),
        ("Wants to make it easy for a cluster administrator", None),
        ("“Nobody gave us time for this”", None),
    ],
)
def test_a_wish_says_what_it_is_about(clause: str, subject: str | None) -> None:
    assert subject_of(clause) == subject
