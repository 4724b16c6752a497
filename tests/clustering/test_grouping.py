"""Roles are compared by trade: whose product it is does not matter, and a need stays with who has it."""

from __future__ import annotations

import asyncio

from clustering import Document, Embedder, build_persona_set, extract_perspectives
from clustering.composing import speaker_and_need
from clustering.grouping import describe_roles, without_domain_words
from clustering.trades import trades
from clustering.wording import proper_names

PROPOSAL = """# Larkspur 12: Landing pads

## User Stories

#### As a depot administrator, I need to close one landing pad

The field is set to `false`.

#### As a courier, I want a pad near the gate

It is far today.
"""


def test_a_heading_that_somebody_says_is_a_story() -> None:
    found = extract_perspectives(Document(id="d", text=PROPOSAL))
    assert [one.stakeholder for one in found] == ["depot administrator", "courier"]
    assert all(PROPOSAL[one.span.start : one.span.end] == one.quote for one in found)


def test_names_are_words_that_are_written_with_a_capital_inside_of_sentences() -> None:
    texts = [
        "As a Larkspur user, I want Larkspur to wait for the user.",
        "When Depot North is closed the depot is dark, and the depot waits.",
        "**Alarm** rules are for the Alarm team and our SRE and SRE alike; an alarm is an alarm.",
    ]
    assert proper_names(texts) == {"larkspur"}


def test_the_name_of_a_product_tells_no_role_from_another() -> None:
    roles = ["larkspur user", "larkspur administrator", "larkspur consultant", "user of larkspur", "depot user"]
    assert without_domain_words(roles, frozenset({"larkspur"})) == [
        "user", "administrator", "larkspur consultant", "user", "depot user"
    ]  # fmt: skip


def test_a_need_is_not_put_into_anothers_mouth() -> None:
    long = "As a tester of the planner, I read what the others have merged, and what they have not, " + "and so on " * 9
    asks = "As a keeper of the planner, I want a test for each protocol."
    documents = [Document(id=str(number), text=text) for number, text in enumerate((long, asks))]
    shown = [one for document in documents for one in extract_perspectives(document)]
    assert [one.stakeholder for one in shown] == ["tester of the planner", "keeper of the planner"]
    stakeholder, need = speaker_and_need("tester of the planner", shown, {})
    assert (stakeholder, need.text if need else "") == ("keeper of the planner", "Wants a test for each protocol")
    stakeholder, _ = speaker_and_need("planner folk", shown, {})
    assert stakeholder == "planner folk", "a name that nobody has stands for all"


def test_opposites_stay_apart_in_a_small_set_too(embedder: Embedder) -> None:
    texts = [
        "As a core developer, I want to review patches.",
        "As a core developer, I want to undo a change.",
        "As a non-core developer, I want to publish a patch.",
        "As a non-core developer, I want to keep a branch.",
    ]
    documents = [Document(id=str(number), text=text) for number, text in enumerate(texts)]
    found = asyncio.run(build_persona_set(documents, embedder=embedder))
    assert {group.name for group in found.groups} == {"core developer", "non-core developer"}


def test_who_operates_a_thing_administers_it_and_a_crane_has_no_administrator() -> None:
    roles = ["depot administrator", "depot operator", "operator", "depot user", "vet physician"]
    assert trades(roles) == ["administrator", "administrator", "administrator", "user", "physician"]
    assert trades(["office administrator", "crane operator"]) == ["administrator", "operator"]


def test_what_people_do_counts_for_more_than_where(embedder: Embedder) -> None:
    """By their names alone, a depot's users were nearer to its administrators than to users."""
    where = [f"{place} {does}" for place in ("depot", "harbour") for does in ("user", "administrator", "operator")]
    others = ["courier", "cook", "tram driver", "baker", "florist", "surveyor", "locksmith", "nurse", "teacher"]
    roles = [*where, "user", *others, "lawyer", "farmer", "tailor", "singer", "judge"]
    said = embedder.embed([f"I want a key, says number {number}." for number in range(len(roles))])
    rows = describe_roles(roles, trades(roles), [[place] for place in range(len(roles))], said, embedder)
    near = {role: rows[place] for place, role in enumerate(roles)}
    assert near["depot user"] @ near["user"] > near["depot user"] @ near["depot administrator"]
    assert near["depot operator"] @ near["depot administrator"] > 0.2 + near["depot operator"] @ near["depot user"]
