"""People whom a text introduces by name and then tells about: "Mary is a ward nurse. She wants …"."""

from __future__ import annotations

import re

from clustering.mentions import SAYING, Frame, Mention, names_machines_too
from clustering.wording import FUNCTION_WORDS, canonical_role, is_everyday_person, names_people

_NAME = r"(?<![\w.'’-])(?P<name>[A-Z][a-zà-ÿ]+)"
_ROLE = r"(?:an?|the|our)\s+(?P<role>[^,.;:!?()]{3,80})"
_INTRODUCED = (
    re.compile(rf"{_NAME}\s+(?:is|works\s+as)\s+{_ROLE}"),
    re.compile(rf"{_NAME},\s+{_ROLE},"),
)
_ROLE_ENDS = re.compile(r"\s+(?:who|that|which|and|or|at|in|of|with|for|from|on|by|but|to|working|running)\b")
_CALLED = re.compile(r"(?<!\w)(?:[A-Z]\w+|[Ss]?[Hh]e)(?!\w)")
_TOLD = re.compile(rf"(?:,[^,.;:!?]{{3,80}},)?\s+(?:\w+ly\s+|also\s+|now\s+|then\s+)?(?:{SAYING}|has\s+to)\b")
_SOMEBODY = {"he", "she"}


class Cast:
    """Who is who in a document, as far as it has been read."""

    def __init__(self) -> None:
        self._roles: dict[str, str] = {}
        self._last = ""

    def told(self, sentence: str) -> Mention | None:
        """The introduced person whose wish the sentence tells, in the frame of what is reported; None for nobody.

        "He" and "she" are the person named last. People are remembered from the sentence on that introduces them.
        """
        for pattern in _INTRODUCED:
            for found in pattern.finditer(sentence):
                role = _role_of(found["name"], found["role"])
                if role:
                    self._roles[found["name"]] = role
        if not self._roles:
            return None
        called = [one for one in _CALLED.finditer(sentence) if one[0] in self._roles or one[0].lower() in _SOMEBODY]
        named = [one for one in called if one[0] in self._roles]
        wish = next((one for one in called if _TOLD.match(sentence, one.end())), None)
        who = self._roles.get(wish[0], self._last) if wish else ""
        self._last = self._roles[named[-1][0]] if named else self._last
        if wish and wish[0].lower() in _SOMEBODY:
            who = self._roles[named[0][0]] if named and named[0].start() < wish.start() else who
        return Mention(who, Frame.REPORTED, wish.start(), by_name=True) if wish and who else None


def _role_of(name: str, phrase: str) -> str | None:
    """The role that a name is introduced with; None where what is introduced is no person ("Atlas is a user interface")."""
    noun = _ROLE_ENDS.split(phrase)[0].split()[-1]
    role = canonical_role(phrase)
    if role is None or name.lower() in FUNCTION_WORDS or names_people(name):
        return None
    return role if is_everyday_person(noun) and not names_machines_too(role) else None
