"""What people do, by the nouns they are called: "cluster operator" and "cluster administrator" are one trade."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from clustering.wording import FUNCTION_WORDS, head_noun

_ONE_TRADE = (
    ("administrator", "operator"),
    ("developer", "programmer"),
    ("doctor", "physician"),
    ("teacher", "instructor"),
    ("lawyer", "attorney", "solicitor"),
)
"""Nouns that may name one trade. Whether they do, the documents say: where a depot has operators and administrators,
"operator" is used for who runs a thing; where only cranes have operators, they administer nothing."""


def trades(roles: Sequence[str]) -> list[str]:
    """The head noun of every role; for synonyms that share a qualifier anywhere in the roles, the first of them.

    Decided once for all roles: deciding role by role splits "platform operator" from "cluster operator" again.
    """
    qualified: defaultdict[str, set[str]] = defaultdict(set)
    for role in roles:
        qualified[head_noun(role)] |= qualifiers(role)
    called = {other: first for first, *others in _ONE_TRADE for other in others if qualified[first] & qualified[other]}
    heads = [head_noun(role) for role in roles]
    return [called.get(head, head) for head in heads]


def qualifiers(role: str) -> set[str]:
    """The words of a role that are neither its noun nor function words."""
    return set(role.split()) - {head_noun(role)} - FUNCTION_WORDS
