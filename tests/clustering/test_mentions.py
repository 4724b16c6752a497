"""Who a sentence lets speak: people are heard in every frame, and nothing else is."""

from __future__ import annotations

from itertools import islice, product

import pytest

from clustering import Document, extract_perspectives
from clustering.cast import Cast
from clustering.mentions import Frame, affects_somebody, find_mention, label_role
from clustering.wording import canonical_role


@pytest.mark.parametrize(
    ("sentence", "role", "frame"),
    [
        ("As administrator of edge nodes, I want chips with more domains.", "administrator of edge nodes", Frame.ROLE_PHRASE),
        ("As an end user, whenever the key changes we can run the migration.", "end user", Frame.ROLE_PHRASE),
        ("As a clerk, (at any time) I want to add a file.", "clerk", Frame.ROLE_PHRASE),
        ("As a simulation researcher.", "simulation researcher", Frame.ROLE_PHRASE),
        ("As a miner, I want a lamp.", "miner", Frame.ROLE_PHRASE),
        ("As a diabetic, I was served jelly.", "diabetic", Frame.ROLE_PHRASE),
        ("I'm a loader on the night shift.", "loader", Frame.SELF),
        ("We dispatchers are shouted at.", "dispatcher", Frame.SELF),
        ("We crane drivers sit up there for nine hours.", "crane driver", Frame.SELF),
        ("I have sat as a family judge for a decade.", "family judge", Frame.SELF),
        ("For a beginner like me, one run would be a gift.", "beginner", Frame.SELF),
        ("Being an actor means waiting.", "actor", Frame.SELF),
        ("It is confusing for beginners, and slow.", "beginner", Frame.REPORTED),
        ("This puts a burden on library authors who support both.", "library author", Frame.REPORTED),
        ("Developers are forced to use a wide type.", "developer", Frame.REPORTED),
    ],
)  # fmt: skip
def test_people_are_heard(sentence: str, role: str, frame: Frame) -> None:
    mention = find_mention(sentence)
    assert mention is not None
    assert (mention.role, mention.frame) == (role, frame)


@pytest.mark.parametrize(
    "sentence",
    [
        "If we are even more sophisticated programmers, we prefer some order.",
        "As a cleaner alternative, we sketched a method.",
        "As a controller, I watch the queue.",
        "Thanks as well as the various folks I discussed this with.",
        "We are allowing drivers to reuse it.",
        "We help users decide.",
        "We need a way to write it as a programmer might.",
        "It behaves as users expect.",
        "What do users want?",
        "Decorators need to be added here.",
        "End users need not be aware of it.",
        "The authors would like to thank everybody.",
        "The three people need to have a similar vision.",
    ],
)
def test_nothing_else_is_heard(sentence: str) -> None:
    assert find_mention(sentence) is None


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("Cluster operators", "cluster operator"), ("Ward nurse's story", "ward nurse"), ("Story 3: cluster operator", "cluster operator"),
        ("User Stories (Optional)", None), ("Dropping official support", None), ("User interface", None),
        ("Public guarantees", None),
    ],
)  # fmt: skip
def test_a_heading_names_a_speaker_only_where_it_is_one(heading: str, role: str | None) -> None:
    assert label_role(heading, spoken=False) == role


def test_what_is_hard_for_somebody_is_told_apart_from_what_they_do() -> None:
    assert affects_somebody("The magic is surprising to newcomers.")
    assert not affects_somebody("The newcomers open the file.")


PROPOSAL = """PEP: 1
Author: A. Writer

This PEP adds an operator. The PEP authors feel that it is better so.

I believe that a new exception class is worse than what we need.

# Type operators

We want to be able to support every kind of operator that we believe in, and we need it.

# User stories

As a core developer, I want to undo a change that was not ready.

I want to filter the list, because I cannot find anything in it.

We will need to add a field, since we want to be able to find it.

# Rollout

Package maintainers need to rebuild their wheels. It is difficult for package maintainers to rebuild wheels.
"""


def test_in_a_proposal_whoever_is_not_named_is_its_author() -> None:
    found = extract_perspectives(Document(id="p", text=PROPOSAL))
    heard = {(one.stakeholder, one.quote.split(",")[0].rstrip(".")) for one in found if one.origin != "authors"}
    assert ("core developer", "As a core developer") in heard
    assert ("core developer", "I want to filter the list") in heard
    assert {role for role, _ in heard} == {"core developer", "package maintainer"}
    assert not any("need to rebuild their wheels" in quote for _, quote in heard), "what must be done is nobody's wish"
    written = {one.quote for one in found if one.origin == "authors"}
    assert any("new exception class" in quote for quote in written)
    assert any("every kind of operator" in quote for quote in written)


@pytest.mark.parametrize(
    ("sentence", "role"),
    [
        ("**As a** lift mechanic\n**I want** the plans of the shaft", "lift mechanic"),
        ("As a night porter, i want the keys in one place.", "night porter"),
        ("As an existing tenant, it should take no more than a call.", "tenant"),
        ("Consider a system administrator who would like to see each request.", "system administrator"),
        ("Tenants who want to paint must ask the owner.", "tenant"),
        ("If tenants want to paint, they can ask the owner.", None),
        ("As an exception, it should be allowed.", None),
        ("Handling people who want to paint takes a day.", None),
    ],
)
def test_the_forms_in_which_proposals_let_people_speak(sentence: str, role: str | None) -> None:
    mention = find_mention(sentence)
    assert (mention.role if mention else None) == role


TALES = """# Wards

## User stories

Mary, a ward nurse, wants to keep the lamp on. She needs it when the shift begins.

Alice is a night porter and has three keys. The third is old. Alice would like to carry only one of them.

Atlas is a user interface. Atlas wants a port. This is a porter station; it needs care. Later is a nurse shift.
"""


def test_people_introduced_by_name_are_heard_where_it_goes_on_about_them() -> None:
    text = TALES + "The corridor is long. " * 20
    found = extract_perspectives(Document(id="d", text=text))
    assert [(one.stakeholder, one.quote) for one in found] == [
        ("ward nurse", "Mary, a ward nurse, wants to keep the lamp on."),
        ("ward nurse", "She needs it when the shift begins."),
        ("night porter", "Alice would like to carry only one of them."),
    ]
    assert all(text[one.span.start : one.span.end] == one.quote for one in found)


def test_a_long_cast_takes_no_longer_by_the_person() -> None:
    """Looking for all of them in every sentence would take hours here, and the tests' timeout ends it."""
    cast = Cast()
    letters = "bcdfghjklmnpqstvwxz"  # "Zqaaer" would be somebody who does something, and no name
    names = ["Zq" + "".join(four) for four in islice(product(letters, repeat=4), 40_000)]
    for name in names:
        assert cast.told(f"{name} is a nurse.") is None
    told = [cast.told(f"{name} wants a lamp.") for name in names]
    assert [one.role if one else None for one in told] == ["nurse"] * len(names)


@pytest.mark.parametrize(("heading", "heard"), [("User stories", ["depot administrator"]), ("Design", [])])
def test_in_a_proposal_what_somebody_wants_is_a_story_only_among_stories(heading: str, heard: list[str]) -> None:
    head = "# Depot 3\n\nThis proposal adds a gate. The proposal is small; this proposal is late.\n\n"
    text = f"{head}## {heading}\n\nA depot admin wants to control costs while couriers come and go.\n\n" + "Gate. " * 80
    found = extract_perspectives(Document(id="d", text=text))
    assert [one.stakeholder for one in found] == heard


def test_a_stroke_between_abbreviations_joins_them() -> None:
    assert canonical_role("a CI/CD platform administrator") == "ci/cd platform administrator"
    assert canonical_role("developer/operator") == "developer"
    assert canonical_role("SRE/DevOps engineer") == "sre"
