"""Who a sentence lets speak: role phrases, self-descriptions, reported voices, speaker labels."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from clustering.passages import split_sentences
from clustering.voice import IMPERATIVE
from clustering.wording import (
    FUNCTION_WORDS,
    canonical_role,
    head_noun,
    is_everyday_person,
    is_plural,
    names_a_thing,
    names_a_worker,
    names_people,
    singular,
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
    by_name: bool = False
    """Whether the sentence calls them by the name they were introduced with."""


_SPEAKS = (
    r"(?:(?:when|whenever|if|once|while|after|before)\s[^,.;:!?]{3,80},?\s+)?"
    r"(?=[*_]{0,3}(?:(?:I|[Ww]e|[Mm]y|[Oo]ur)\b(?!/)|i\s+(?:want|need|would|should|can|must|have|am)\b))"
)
"""Before the speaker's own clause: "I" or "we", in bold or not, and the "i" of a hurried writer."""
_AS = re.compile(
    r"(?<!\bwell\s)(?<!\bsuch\s)\b[Aa]s\s+(?:an?|the|one of (?:the|our|several)|another|somebody|someone)[*_]{0,3}\s+(?P<role>[^,.;:!?()]{2,100}?)"
    rf"(?:\s*\([^()]{{1,60}}\))?(?:,[^.;:!?]{{2,60}},|,)?\s+(?:\([^()]{{1,40}}\)\s+)?{_SPEAKS}"
)
_AS_BARE = re.compile(
    rf"(?:^|[*_>\s(])As\s+(?P<role>[A-Za-z][^,.;:!?()]{{2,80}}?),\s+(?:\([^()]{{1,40}}\)\s+)?{_SPEAKS}"
)
"""Without an article: "As administrator of edge nodes, I …"."""
_AS_ALONE = re.compile(r"^[*_>\s]*As\s+(?:an?|the)\s+(?P<role>[^,.;:!?()]{2,80})[.:]?[*_\s]*$")
"""A speaker in a sentence of its own: "As a nurse. I want …"."""
_AS_FOR_WHOM = re.compile(
    r"^[*_>\s]*As\s+(?:an?|the)\s+(?P<role>[^,.;:!?()]{2,80}),\s+(?=(?:it|there|one)\s+(?:should|must|would|is|has|needs|takes|can)\b)"
)
"""A speaker for whom something should be so: "As a plugin author, it should take little work …"."""
_SELF = re.compile(
    r"\b(?:I(?:['’]m|['’]ve been|\s+am|\s+was|\s+have\s+been|\s+work(?:ed)?(?:\s+here)?\s+as|\s+have\s+worked\s+as|['’]ve\s+worked\s+as|\s+serve[d]?\s+as|\s+started\s+(?:out\s+)?as)"
    r"|[Ww]e(?:['’]re|\s+are)|[Ss]peaking\s+as|(?:[Mm]y|[Oo]ur)\s+(?:job|role|work|life|position|shifts?|years?)\s+as|(?:[Mm]y|[Oo]ur)\s+(?:job|role)\s+(?:is|here is)(?:\s+to\s+be)?)"
    r"\s+(?:(?:also|now|still|just|only|currently|both)\s+)?(?:(?:an?|the|one\s+of\s+the)\s+)?(?P<role>[^,.;:!?()]{3,80})"
)
_APPOSITION = re.compile(
    r"\b(?:[Ww]e|[Uu]s)(?:\s+(?P<role>[a-z][\w-]*)\b(?!['’])|,\s+(?:the|as)?\s*(?P<apposed>(?:[a-z][\w-]*\s+){0,3}[a-z][\w-]*),)"
)
_COLLECTIVE = re.compile(r"^(?:[Ww]e|[Uu]s)\s+(?P<role>(?P<kind>[a-z][\w-]*)\s+[a-z][\w-]*)(?=\s+(?P<next>[\w'’]+)|,)")
_TAKES_PEOPLE = words_of(
    "advise allow ask assist assume believe blame bring call charge consider contact employ enable encourage examine exclude expect feel"
    " find follow force get give hate have hear help hire inform interview invite join keep know lead leave let like lose love make"
    " manage meet need notice notify offer pay prefer protect provide put recruit remind replace represent require respect see send serve"
    " show support take teach tell thank think train treat trust understand urge use value want warn watch welcome are were have had do"
)
"""Verbs that go with people: "we help users decide" is about users, "we crane drivers sit" is by drivers."""
_MEANWHILE = re.compile(
    r"^I\b[^,.;:!?]{3,50}?\s+as\s+(?:an?|the)\s+(?P<role>(?:[\w’'-]+\s+){0,3}?[\w’'-]+)"
    r"(?=\s*(?:[,.;:!?]|$|(?:for|in|at|on|since|with|through|before|and|here|there)\b))"
)
"""I have sat as a family judge for a decade."""
_LIKE_ME = re.compile(
    r"\b(?:an?|the)\s+(?P<role>(?:[a-z][\w-]*\s+){0,2}[a-z][\w-]*)\s+(?:like\s+me|like\s+myself|in\s+me)\b"
)
_BEING = re.compile(r"^Being\s+(?:an?|the)\s+(?P<role>[^,.;:!?()]{3,60})")
_FRAGMENT = re.compile(
    r"^(?P<role>(?:[A-Za-z][\w-]*\s+){0,3}[A-Za-z][\w-]*)\s+(?:here|by (?:day|night|training|trade|profession))\b"
)
_NOUN_PHRASE = r"(?:[A-Za-z][\w’'-]*\s+){0,4}?[A-Za-z][\w’'-]*"
SAYING = (
    r"(?:told|tell|said|say|says|complain(?:s|ed)?|report(?:s|ed)?(?=\s+(?:that|to\s+us|being|having))|explain(?:s|ed)?|asked?|asks|mention(?:s|ed)?|argue[sd]?"
    r"|insist(?:s|ed)?|worr(?:y|ies|ied)|fear(?:s|ed)?|hope[sd]?|want(?:s|ed)?|wish(?:es|ed)?|would\s+like|prefer(?:s|red)?"
    r"|struggle[sd]?|hate[sd]?|love[sd]?|care[sd]?\s+about|feel(?:s)?|felt|believe[sd]?|think(?:s)?|thought|do\s+not\s+want|don['’]t\s+want"
    r"|need(?:s|ed)?(?=\s)(?!\s+not\b)|(?:have|had)\s+to|(?:are|were|get)\s+(?:\w+ly\s+|often\s+)?(?:confused|surprised|forced|frustrated|unable|annoyed|afraid|worried|unhappy|stuck|tired|reluctant)|(?:cannot|can['’]t)\s+(?:easily|reliably|tell|trust|rely|know|see|find|afford)|expect(?:s|ed)?|rel(?:y|ies|ied)\s+on|must\s+be\s+able|should\s+be\s+able|may\s+(?:want|wish|prefer|need)|might\s+(?:want|wish|prefer|need)"
    r"|(?:often|always|sometimes|usually|really|also|typically|frequently|still)\s+(?:want|need|ask|complain|prefer|struggle|worry|find|expect)s?|find(?:s)?\s+it|have\s+(?:complained|asked|told|reported|requested|expressed))"
)
_REPORTED = re.compile(rf"(?P<role>(?<!\w)(?<!\w['’-]){_NOUN_PHRASE})\s+(?:who\s+)?{SAYING}\b")
"""From the start of a word, hyphens and all: from each of its parts, a long one would be read once per part."""
_ACCORDING = re.compile(
    rf"\b(?:[Aa]ccording to|[Ff]eedback from|[Cc]omplaints from|[Rr]equests? from|[Hh]eard from)\s+(?P<role>{_NOUN_PHRASE})\b(?=[\s,.])"
)
_STORY_OF = re.compile(
    r"(?:['’]s?)?\s+(?:user\s+)?(?:stor(?:y|ies)|perspectives?|views?|feedback|voices?|needs)\b.*$", re.IGNORECASE
)
_LABEL = re.compile(r"^[ \t>*_-]*(?P<role>[A-Z][^:.!?\n]{2,60}?)[*_]*\s*:[*_]*\s+(?=\S)")
_SINGULAR_NEXT = re.compile(r"\s*(?:I|[Mm]y)\b")
_DISCOURSE = words_of(
    "result step consequence rule example side matter whole start compromise reminder bonus way case point alternative precaution resort experiment test favour favor child kid last first second matter-of-fact note aside workaround minimum maximum default general whole"
)
_TOOLS_TOO = words_of(
    "driver provider consumer manager controller client observer runner owner publisher keeper reporter worker host agent reader writer producer listener broker guard client responder impersonator caller installer generator editor builder"
)
"""Nouns for people that are also nouns for machines: only a verb that machines lack makes them speak."""
_MACHINE_VERB = re.compile(
    r"\b(?:needs?|needed|expects?|expected|reports?|reported|relies|rely|relied|should|must|asks?|asked|prefers?|finds?|requests?)\b[^.]{0,12}$"
)


_IF = re.compile(r"\b(?:if|when|whenever|whether|unless|though|although|until|suppose|imagine)\s+$", re.IGNORECASE)
"""Before "I am a …" a condition: "if we are sophisticated programmers" describes nobody."""
_ANYBODY = words_of(
    "person people anyone folk team public member party community industry group representative head lead"
)
"""Nouns that say no more than that somebody speaks."""
_REMARK = re.compile(r"\s+to\s+(?:thank|emphasi[sz]e|note|mention|point|acknowledge|stress|see\s+how)\b")
_ARTICLE = re.compile(r"\b(?:an?|the|our|each|every|one|another)\s+$", re.IGNORECASE)
_ONLY_OBJECT = re.compile(
    r"\b(?:do|does|did|what|as|than|if|unless|whether)\s+(?:(?:the|an?|most|many|some)\s+)?$", re.IGNORECASE
)
"""Before a noun for people: "as users expect", "what do users want?" and "if the user wishes" tell nothing of their
needs."""


_AFFECTS = re.compile(
    r"\b(?:(?:hard(?:er)?|difficult|eas(?:y|ier)|painful|frustrating|confusing|surprising|annoying|inconvenient|useful|helpful|valuable"
    r"|important|impossible|tedious|cumbersome|unfriendly|burdensome|awkward|problematic|dangerous|risky|bad|worse|better|convenient|intuitive|burden"
    r"|barrier|hurdle|problem|pain|challenge|nuisance|surprise|confusion|frustration|inconvenience)\s+(?:for|to|on|among)"
    r"|(?:confus|surpris|frustrat|annoy|burden|inconvenienc|disappoint|mislead|punish|hurt|forc)(?:es?|s|ed|ing|e)?)"
    r"\s+(?:(?:the|many|most|some|our|all|new|other|both|those)\s+)*(?=(?P<role>(?:[A-Za-z][\w’'-]*\s+){0,2}?[A-Za-z][\w’'-]*s)\b)"
)
"""What is hard, useful or a burden for somebody: their need, told by others."""


def names_machines_too(role: str) -> bool:
    """Whether a role's noun is also one for machines or programs: `driver`, `client`, `installer`."""
    return head_noun(role) in _TOOLS_TOO


def affects_somebody(text: str) -> bool:
    """Whether a text tells what is hard, useful or a burden for some kind of people."""
    return any(_affected(text[left:right]) for left, right in split_sentences(text, 0, len(text)))


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
        role = canonical_role(part) if spoken else _heading_role(part.strip())
        if (
            role
            and len(role.split()) <= 5
            and _heads_a_person(role)
            and is_everyday_person(head_noun(role))
            and (spoken or not names_machines_too(role))
        ):
            return role
    return None


def _heading_role(part: str) -> str | None:
    """The role that a heading consists of: "Cluster operators", "Ward nurse's story"; None for "User stories", whose
    stories are by anybody, for tasks ("Add user …", "Dropping official …") and for things ("User interface")."""
    name = _STORY_OF.sub("", part)
    first = name.split()[0].lower() if name.split() else ""
    if first in FUNCTION_WORDS - {"the", "a", "an", "our", "for"} or IMPERATIVE.match(name) or first.endswith("ing"):
        return None
    role = canonical_role(name)
    if role is None or role in _ANYBODY or (name != part and role == "user"):
        return None
    return role if head_noun(role) == singular(name.split()[-1]) else None


def speaker_label(block: str) -> Mention | None:
    """The speaker of a transcript line: `Ward nurse: We lose an hour …`."""
    found = _LABEL.match(block)
    role = label_role(found["role"]) if found else None
    return Mention(role, Frame.LABEL, found.end()) if found and role else None


def _role_phrase(sentence: str) -> Mention | None:
    for pattern in (_AS, _AS_BARE, _AS_ALONE, _AS_FOR_WHOM):
        for found in pattern.finditer(sentence):
            role = canonical_role(found["role"])
            if (
                role
                and head_noun(role) not in _DISCOURSE
                and (names_people(head_noun(role)) or (pattern is _AS and _is_someone(role, sentence, found)))
            ):
                return Mention(role, Frame.ROLE_PHRASE, found.end())
    return None


def _is_someone(role: str, sentence: str, found: re.Match[str]) -> bool:
    """ "As a diabetic, I …": whoever says "I" is somebody, unless the noun is one for machines ("as a controller, I")."""
    return bool(_SINGULAR_NEXT.match(sentence, found.end())) and not names_a_thing(head_noun(role))


def _self(sentence: str) -> Mention | None:
    for pattern in (_SELF, _FRAGMENT, _COLLECTIVE, _APPOSITION, _MEANWHILE, _LIKE_ME, _BEING):
        for found in pattern.finditer(sentence):
            phrase = found["role"] or (found["apposed"] if pattern is _APPOSITION else "")
            role = canonical_role(phrase)
            if role and _is_person_here(role, phrase, found):
                return Mention(_singular_head(role), Frame.SELF, found.start())
    return None


def _reported(sentence: str) -> Mention | None:
    for pattern in (_REPORTED, _ACCORDING):
        for found in pattern.finditer(sentence):
            words = found["role"].split()
            phrase = _last_phrase(words)
            before = sentence[: found.end("role") - len(phrase)]
            if not names_people(words[-1]) or not (is_plural(words[-1]) or _ARTICLE.search(before)):
                continue
            if _REMARK.match(sentence, found.end()) or _ONLY_OBJECT.search(before):
                continue
            role = canonical_role(phrase)
            if (
                role
                and _heads_a_person(role)
                and role not in _ANYBODY
                and not (head_noun(role) in _ANYBODY and role.split()[0].endswith("ing"))  # "handling people who …"
                and all(len(word) > 1 for word in role.split())  # "N responders" counts, it names nobody
                and not (head_noun(role) in _TOOLS_TOO and _MACHINE_VERB.search(found[0]))
            ):
                return Mention(role, Frame.REPORTED, found.start())
    return _affected(sentence)


def _affected(sentence: str) -> Mention | None:
    for found in _AFFECTS.finditer(sentence):
        role = canonical_role(found["role"])
        if role and _heads_a_person(role) and role not in _ANYBODY and not names_machines_too(role):
            return Mention(role, Frame.REPORTED, found.start())
    return None


def _is_person_here(role: str, phrase: str, found: re.Match[str]) -> bool:
    """Whether the words of a frame name a person: what else could stand there differs from frame to frame."""
    head, last = role.split(" of ")[0].split()[-1], phrase.split()[-1]
    if set(role.split(" of ")[0].split()) & FUNCTION_WORDS:
        return False
    if found.re is _SELF:
        return not _IF.search(found.string[: found.start()]) and _describes_itself(role, head, found)
    if found.re is _APPOSITION:
        return is_plural(last) and names_a_worker(head)  # no verb after "we" ends in -s: "we welders" are people
    if found.re is _COLLECTIVE:
        many = is_plural(last) or last.lower() in {"staff", "people", "folk", "crew"}
        return many and names_people(head) and found["kind"] not in _TAKES_PEOPLE and found["next"] != "to"
    if found.re is _MEANWHILE:
        return is_everyday_person(head)
    return names_people(head) and role not in _ANYBODY and (found.re is not _FRAGMENT or is_everyday_person(head))


def _describes_itself(role: str, head: str, found: re.Match[str]) -> bool:
    """After an article any agent noun is a person ("I'm a loader"); without one ("we are closer") an everyday one."""
    if re.search(r"\b(?:an?|the|as)\s+$", found.string[: found.start("role")]):
        return names_a_worker(head)
    return is_everyday_person(head) and not role.split()[0].endswith("ing")  # "we are allowing drivers to …"


def _singular_head(role: str) -> str:
    words = role.split()
    return " ".join([*words[:-1], singular(words[-1])]) if names_a_worker(words[-1]) else role


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
