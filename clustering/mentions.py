"""Who a sentence lets speak: role phrases, self-descriptions, reported voices, speaker labels."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from clustering.voice import IMPERATIVE
from clustering.wording import (
    FUNCTION_WORDS,
    canonical_role,
    head_noun,
    is_everyday_person,
    is_plural,
    names_people,
    words_of,
)


class Frame(StrEnum):
    """The sentence frame that names the speaker, strongest first."""

    ROLE_PHRASE = "role_phrase"
    """As a ward nurse, I …"""
    SELF = "self"
    """I am a ward nurse. We nurses …"""
    LABEL = "label"
    """Ward nurse: … ; a heading or a field of the record that names the speaker."""
    REPORTED = "reported"
    """Ward nurses told us that …; nurses need …"""


class Mention(NamedTuple):
    """A stakeholder named in a sentence."""

    role: str
    """Canonical form."""
    frame: Frame
    end: int
    """Where what they say begins in the sentence."""


_AS = re.compile(
    r"\b[Aa]s\s+(?:an?|the|one of (?:the|our|several)|another|somebody|someone)\s+(?P<role>[^,.;:!?()]{2,100}?)"
    r"(?:\s*\([^()]{1,60}\))?(?:,[^.;:!?]{2,60},|,)?\s+(?=(?:I|[Ww]e|[Mm]y|[Oo]ur)\b(?!/))"
)
_SELF = re.compile(
    r"\b(?:I(?:['’]m|['’]ve been|\s+am|\s+was|\s+have\s+been|\s+work(?:ed)?(?:\s+here)?\s+as|\s+have\s+worked\s+as|\s+serve[d]?\s+as|\s+started\s+(?:out\s+)?as)"
    r"|[Ww]e(?:['’]re|\s+are)|[Ss]peaking\s+as|(?:[Mm]y|[Oo]ur)\s+(?:job|role|work|life|position|shifts?|years?)\s+as|(?:[Mm]y|[Oo]ur)\s+(?:job|role)\s+(?:is|here is)(?:\s+to\s+be)?)"
    r"\s+(?:(?:also|now|still|just|only|currently|both)\s+)?(?:(?:an?|the|one\s+of\s+the)\s+)?(?P<role>[^,.;:!?()]{3,80})"
)
_APPOSITION = re.compile(
    r"\b(?:[Ww]e|[Uu]s)(?:\s+(?P<role>[a-z][\w-]*)\b(?!['’])|,\s+(?:the|as)?\s*(?P<apposed>(?:[a-z][\w-]*\s+){0,3}[a-z][\w-]*),)"
)
_COLLECTIVE = re.compile(
    r"^(?:[Ww]e|[Uu]s)\s+(?P<role>[a-z][\w-]*\s+[a-z][\w-]*s)\s+(?=(?:are|were|have|had|do|did|can|cannot|will|would|should|must|may"
    r"|want|need|know|see|feel|think|hear|get|often|never|always|only|also)\b)"
)
_FRAGMENT = re.compile(
    r"^(?P<role>(?:[A-Za-z][\w-]*\s+){0,3}[A-Za-z][\w-]*)\s+(?:here|by (?:day|night|training|trade|profession))\b"
)
_NOUN_PHRASE = r"(?:[A-Za-z][\w’'-]*\s+){0,4}?[A-Za-z][\w’'-]*"
_SAYING = (
    r"(?:told|tell|said|say|says|complain(?:s|ed)?|report(?:s|ed)?(?=\s+(?:that|to\s+us|being|having))|explain(?:s|ed)?|asked?|asks|mention(?:s|ed)?|argue[sd]?"
    r"|insist(?:s|ed)?|worr(?:y|ies|ied)|fear(?:s|ed)?|hope[sd]?|want(?:s|ed)?|wish(?:es|ed)?|would\s+like|prefer(?:s|red)?"
    r"|struggle[sd]?|hate[sd]?|love[sd]?|care[sd]?\s+about|feel(?:s)?|felt|believe[sd]?|think(?:s)?|thought|do\s+not\s+want|don['’]t\s+want"
    r"|need(?:s|ed)?(?=\s)|expect(?:s|ed)?|rel(?:y|ies|ied)\s+on|must\s+be\s+able|should\s+be\s+able|may\s+(?:want|wish|prefer|need)|might\s+(?:want|wish|prefer|need)"
    r"|(?:often|always|sometimes|usually|really|also|typically|frequently|still)\s+(?:want|need|ask|complain|prefer|struggle|worry|find|expect)s?|find(?:s)?\s+it|have\s+(?:complained|asked|told|reported|requested|expressed))"
)
_REPORTED = re.compile(rf"(?P<role>\b{_NOUN_PHRASE})\s+{_SAYING}\b")
_ACCORDING = re.compile(
    rf"\b(?:[Aa]ccording to|[Ff]eedback from|[Cc]omplaints from|[Rr]equests? from|[Hh]eard from)\s+(?P<role>{_NOUN_PHRASE})\b(?=[\s,.])"
)
_LABEL = re.compile(r"^[ \t>*_-]*(?P<role>[A-Z][^:.!?\n]{2,60}?)[*_]*\s*:[*_]*\s+(?=\S)")
_SINGULAR_NEXT = re.compile(r"\s*(?:I|[Mm]y)\b")
_DISCOURSE = words_of(
    "result step consequence rule example side matter whole start compromise reminder bonus way case point alternative precaution resort experiment test favour favor child kid last first second matter-of-fact note aside workaround minimum maximum default general whole"
)
_TOOLS_TOO = words_of(
    "driver provider consumer manager controller client observer runner owner publisher keeper reporter worker host agent reader writer producer listener broker guard client responder impersonator"
)
"""Nouns for people that are also nouns for machines: only a verb that machines lack makes them speak."""
_MACHINE_VERB = re.compile(
    r"\b(?:needs?|needed|expects?|expected|reports?|reported|relies|rely|relied|should|must|asks?|asked|prefers?|finds?|requests?)\b[^.]{0,12}$"
)


def find_mention(sentence: str) -> Mention | None:
    """The stakeholder that a sentence lets speak, by its strongest frame; None where it names nobody."""
    return _role_phrase(sentence) or _self(sentence) or _reported(sentence)


def label_role(text: str, *, spoken: bool = True) -> str | None:
    """A role in a heading, title or speaker field: `Interview with a ward nurse`, `Maria Silva, head of nursing`.

    spoken: whether the text stands where a speaker's name belongs; a heading may also name a machine.
    """
    text = re.sub(
        r"^(?:an?\s+)?(?:interview|conversation|notes?|journal|diary|letter|statement|story|voice|views?|feedback|testimony|memo|email|post)\s+(?:with|from|of|by|for)\s+",
        "",
        text.strip(),
        flags=re.IGNORECASE,
    )
    for part in re.split(r"[,;:()–—|]|\s-\s", text):
        first = part.split()[0].lower() if part.split() else ""
        if not spoken and (
            first in FUNCTION_WORDS - {"the", "a", "an", "our", "for"} or IMPERATIVE.match(part.strip())
        ):
            continue  # "Add user …" is a task, not a speaker
        role = canonical_role(part)
        if (
            role
            and len(role.split()) <= 5
            and _heads_a_person(role)
            and is_everyday_person(head_noun(role))
            and (spoken or head_noun(role) not in _TOOLS_TOO)
        ):
            return role
    return None


def speaker_label(block: str) -> Mention | None:
    """The speaker of a transcript line: `Ward nurse: We lose an hour …`."""
    found = _LABEL.match(block)
    role = label_role(found["role"]) if found else None
    return Mention(role, Frame.LABEL, found.end()) if found and role else None


def _role_phrase(sentence: str) -> Mention | None:
    for found in _AS.finditer(sentence):
        role = canonical_role(found["role"])
        if (
            role
            and head_noun(role) not in _DISCOURSE
            and (names_people(head_noun(role)) or _SINGULAR_NEXT.match(sentence, found.end()))
        ):
            return Mention(role, Frame.ROLE_PHRASE, found.end())
    return None


def _self(sentence: str) -> Mention | None:
    for pattern in (_SELF, _FRAGMENT, _COLLECTIVE, _APPOSITION):
        for found in pattern.finditer(sentence):
            role = canonical_role(found["role"] or found["apposed"] if pattern is _APPOSITION else found["role"])
            if role and _is_person_here(role, found) and (pattern is not _APPOSITION or _plural_in(found)):
                return Mention(role, Frame.SELF, found.start())
    return None


def _reported(sentence: str) -> Mention | None:
    for pattern in (_REPORTED, _ACCORDING):
        for found in pattern.finditer(sentence):
            words = found["role"].split()
            if not names_people(words[-1]) or not (is_plural(words[-1]) or _has_article(sentence, found)):
                continue
            role = canonical_role(_last_phrase(words))
            if (
                role
                and _heads_a_person(role)
                and all(len(word) > 1 for word in role.split())  # "N responders" counts, it names nobody
                and not (head_noun(role) in _TOOLS_TOO and _MACHINE_VERB.search(found[0]))
            ):
                return Mention(role, Frame.REPORTED, found.start())
    return None


def _is_person_here(role: str, found: re.Match[str]) -> bool:
    """After an article any agent noun is a person; without one ("we are closer") only an everyday one."""
    article = re.search(r"\b(?:an?|the|as)\s+$", found.string[: found.start("role")]) if found["role"] else None
    if _follows_we(found):
        return _heads_a_person(role)  # no verb after "we" ends in -s: "we welders" can only be people
    return _heads_a_person(role) and (is_everyday_person(head_noun(role)) or article is not None)


def _follows_we(found: re.Match[str]) -> bool:
    return found.re is _APPOSITION and _plural_in(found)


def _plural_in(found: re.Match[str]) -> bool:
    return is_plural((found["role"] or found["apposed"]).split()[-1])


def _last_phrase(words: list[str]) -> str:
    """The noun phrase that ends here: the head and at most two qualifiers, none of them a function word."""
    phrase = [words[-1]]
    for word in reversed(words[:-1]):
        if len(phrase) == 3 or word.lower() in FUNCTION_WORDS or word.lower().endswith("ly"):
            break
        phrase.insert(0, word)
    return " ".join(phrase)


def _heads_a_person(role: str) -> bool:
    """Whether a role is a plain noun phrase about a person: no "worried about the person", no "from a neighbour"."""
    if set(role.split(" of ")[0].split()) & FUNCTION_WORDS:
        return False
    return names_people(role.split(" of ")[0].split()[-1])


def _has_article(sentence: str, found: re.Match[str]) -> bool:
    return bool(re.match(r"(?:an?|the|our|each|every|one|another)\s", found["role"], re.IGNORECASE))
