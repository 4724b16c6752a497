"""Sentences in which somebody states their own demographics, and whether a quote states a given value.

General English only. Every pattern asks for the first person and the present; what is supposed, denied, felt or said by
another ("if I am 54", "my mother says I am 54") is left out. The value is always a slice of the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from clustering.wording import FUNCTION_WORDS, names_a_thing, names_a_worker, singular, words_of

Attribute = Literal["age", "gender", "place", "occupation", "experience", "education", "family", "language"]
ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)


class Value(NamedTuple):
    """A value in the sentence's own words, `sentence[start:end]`."""

    attribute: Attribute
    start: int
    end: int


_UNIT = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_NUMBER = rf"(?:\d{{1,3}}|(?:{_TENS})(?:[\s-](?:{_UNIT}))?|{_TEENS}|{_UNIT})"
_DECADE = r"(?:(?:early|mid|late)[\s-])?(?:twenties|thirties|forties|fifties|sixties|seventies|eighties|nineties|\d0s)"
_I_AM = r"\bI(?:\s+am|['’]m)(?:\s+(?:now|currently|also|already|myself))?"
_STOP = r"(?=\s*(?:[,.;:!?)–—\"”]|$)(?!\d)|\s+(?:and|but|now|with|who|so|or|living|working|from|in|at|of|on|by|then)\b)"
_GENDER = r"(?:woman|man|girl|boy|lady|gentleman|female|male|non-?binary)"
_NAME = r"[A-ZÀ-ÖØ-Þ][\w'’-]*"
_PLACE = rf"(?:the\s+)?{_NAME}(?:[\s-]+(?:(?:upon|under|on|of|de|la|le|am|the)[\s-]+)*{_NAME}){{0,4}}(?:,\s+{_NAME}(?:\s+{_NAME})*)?"
_KIND_OF_PLACE = rf"(?:an?|the)\s+(?:[a-z-]+\s+){{0,3}}?(?:village|town|city|suburbs?|countryside|island|capital)(?:\s+(?:in|near|outside|of)\s+{_PLACE})?"
_SPAN_OF_TIME = (
    rf"(?:(?:over|more\s+than|about|around|nearly|almost)\s+)?(?:{_NUMBER}|several|many)\s+(?:years|decades|months)"
)
_NOT_A_STAY = r"(?!\s+(?:all\s+day|every\s+day|most\s+(?:of\s+the\s+)?days?|day\s+in))"

_PATTERNS: tuple[tuple[Attribute, re.Pattern[str]], ...] = (
    ("age", re.compile(rf"{_I_AM}\s+(?P<value>{_NUMBER})[\s-]+years?(?:[\s-]old|\s+of\s+age)\b")),
    ("age", re.compile(rf"{_I_AM}\s+(?P<bare>{_NUMBER}){_STOP}")),
    ("age", re.compile(rf"(?:{_I_AM}|\b[Aa]s|\b[Bb]eing)\s+an?\s+(?P<value>{_NUMBER})[\s-]years?[\s-]old\b")),
    ("age", re.compile(rf"{_I_AM}\s+an?\s+(?:[\w-]+\s+){{1,4}}aged\s+(?P<value>{_NUMBER}){_STOP}")),
    ("age", re.compile(rf"{_I_AM}\s+in\s+my\s+(?P<value>{_DECADE})\b")),
    ("age", re.compile(rf"\b[Mm]y\s+age\s+is\s+(?P<value>{_NUMBER}){_STOP}")),
    (
        "gender",
        re.compile(
            rf"(?:{_I_AM}|\b[Aa]s|\b[Bb]eing)\s+(?:an?\s+)?(?P<between>(?:[\w-]+\s+){{0,4}}?)(?P<value>{_GENDER}){_STOP}"
        ),
    ),
    (
        "place",
        re.compile(
            r"\b(?:I(?:\s+(?:still|now|currently))?\s+live|I(?:\s+am|['’]m)(?:\s+now)?\s+(?:living|based))\s+in\s+"
            rf"(?P<value>(?>{_KIND_OF_PLACE}|{_PLACE})){_NOT_A_STAY}"
        ),
    ),
    (
        "occupation",
        re.compile(rf"(?:{_I_AM}|\bI\s+work(?:\s+\w+ly)?\s+as)\s+an?\s+(?P<phrase>[\w'’-]+(?:\s+[\w'’-]+){{0,6}})"),
    ),
    (
        "experience",
        re.compile(
            r"\bI(?:\s+have|['’]ve)\s+(?:worked|taught|nursed|practi[sc]ed|been\s+(?:working|teaching|nursing|practi[sc]ing)"
            r"|been\s+(?:an?\s+(?P<worker>[\w-]+(?:\s+[\w-]+){0,2})|in\s+(?:this|the)\s+(?:job|trade|post|profession|field|business)))"
            rf"(?:\s+(?!not\b)[\w'’-]+){{0,8}}?\s+for\s+(?P<value>{_SPAN_OF_TIME})\b"
        ),
    ),
    (
        "experience",
        re.compile(
            rf"(?:\bI\s+have|\bI['’]ve\s+got|\b[Ww]ith\s+my)\s+(?P<value>{_SPAN_OF_TIME})(?:['’]|\s+of)?\s+experience\b"
        ),
    ),
    (
        "education",
        re.compile(
            r"\bI(?:\s+have|\s+hold|['’]ve\s+got)\s+an?\s+(?P<value>(?:PhD|doctorate|diploma|degree|(?:[Mm]aster|[Bb]achelor)(?:['’]s)?(?:\s+degree)?)"
            r"(?:\s+in\s+\w+(?:\s+(?!and\b|but\b|from\b)\w+){0,2})?)" + _STOP
        ),
    ),
    (
        "family",
        re.compile(rf"\bI\s+have\s+(?P<value>(?:{_NUMBER}|a)\s+(?:children|kids|sons?|daughters?|child)){_STOP}"),
    ),
    ("family", re.compile(rf"{_I_AM}\s+(?:a\s+)?(?P<value>married|divorced|widowed|widow|widower){_STOP}")),
    ("language", re.compile(r"\b[Mm]y\s+(?:first|native)\s+language\s+is\s+(?P<value>[A-Z]\w+)")),
    ("language", re.compile(rf"{_I_AM}\s+a\s+native\s+(?P<value>[A-Z]\w+)\s+speaker\b")),
)
_YEARS_OLD = re.compile(
    rf"(?:{_NUMBER})[\s-]years?[\s-]old\s+|(?:young|old|elderly|middle-aged|proud|single|married|busy)\s+",
    re.IGNORECASE,
)
_NO_OCCUPATION = words_of(
    "patient outpatient inpatient user customer parent mother father mum mom dad citizen resident tenant visitor person people"
    " woman man girl boy lady owner member neighbour neighbor friend child son daughter brother sister sibling wife husband spouse"
    " partner widow survivor sufferer stakeholder participant respondent recipient guest passenger rider traveller traveler"
    " consumer client viewer listener newcomer novice amateur fan supporter subscriber victim witness villager commuter renter"
    " viewer pedestrian adult teenager kid infant elder senior human foreigner stranger believer lover hater"
    " professional expert beginner winner loser"
)
"""Nouns for people that name no work."""
_SUPPOSED = re.compile(
    r"\b(?:if|when|whenever|whether|imagine|suppose|supposing|pretend\w*|as\s+though|until|till|before|once|unless|like|feels?|felt"
    r"|thinks?|thought|believes?|believed|assumes?|assumed|says?|said|tells?|told|claims?|wish|guess\w*|jokes?|joked|calls?|not|never)\b"
    r"[^.;:!?]{0,40}$",
    re.IGNORECASE,
)
"""Before "I am …": it is supposed, denied, felt, or said by somebody else."""
_BEFORE_CHARACTERS = 80
"""How far back it is looked for: a word and the 40 characters after it, with room to spare."""
_NOT = re.compile(r"\b(?:not|never|no\s+longer)\b|n['’]t\b")
_OTHERS = re.compile(
    r"\b(?:my|our|his|her|their|your)\s+(?:[\w-]+\s+){0,2}?(?:mother|father|mum|mom|dad|parents?|wife|husband|spouse|partner|sons?|daughters?|child"
    r"|children|kids?|brothers?|sisters?|grand\w+|uncles?|aunts?|cousins?|friends?|neighbou?rs?|colleagues?|boss|managers?|patients?|clients?"
    r"|customers?|users?|students?|pupils?|teachers?|doctors?|nurses?)\b",
    re.IGNORECASE,
)
_AGE_MIN = 14
"""Below, a bare "I am 5" is more likely a count than an age; "5 years old" is taken as it stands."""
_AGE_MAX = 119


def find_stated(sentence: str) -> Iterator[Value]:
    """What the speaker of a sentence states of themselves, at most one value per attribute."""
    seen: set[Attribute] = set()
    for attribute, pattern in _PATTERNS:
        for found in pattern.finditer(sentence):
            before = sentence[max(0, found.start() - _BEFORE_CHARACTERS) : found.start()]
            if attribute in seen or _SUPPOSED.search(before):
                continue
            place = _place(attribute, found)
            if place is not None:
                seen.add(attribute)
                yield Value(attribute, *place)


def _place(attribute: Attribute, found: re.Match[str]) -> tuple[int, int] | None:
    """Where the value stands; None where the words around it speak against it."""
    groups = found.groupdict()
    if groups.get("phrase") is not None:
        return _occupation(found["phrase"], found.start("phrase"))
    if groups.get("worker") is not None and _occupation(found["worker"], 0) is None:
        return None
    if groups.get("bare") is not None:
        number = found["bare"]
        return found.span("bare") if not number.isdigit() or _AGE_MIN <= int(number) <= _AGE_MAX else None
    if attribute == "gender":
        between = found["between"].split()
        if any(word.lower() in FUNCTION_WORDS or names_a_worker(word) for word in between):
            return None
    value = found["value"]
    if attribute == "age" and value.isdigit() and int(value) > _AGE_MAX:
        return None
    return found.span("value")


def _occupation(phrase: str, offset: int) -> tuple[int, int] | None:
    """`54-year-old ward nurse with two …` to where `ward nurse` stands."""
    start = 0
    while told := _YEARS_OLD.match(phrase, start):
        start = told.end()
    end = start
    for word in re.finditer(r"[\w'’-]+", phrase[start:]):
        if word[0].lower() in FUNCTION_WORDS or (
            word[0].endswith("ing") and end > start and names_a_worker(phrase[start:end].split()[-1])
        ):
            break
        end = start + word.end()
    words = phrase[start:end].split()
    if not words or not names_a_worker(words[-1]) or names_a_thing(words[-1]) or singular(words[-1]) in _NO_OCCUPATION:
        return None
    return offset + start, offset + end


_CUES: dict[Attribute, str] = {
    "age": rf"VALUE[\s-]+years?[\s-]+(?:old|of\s+age)|\bage[ds]?(?:\s+of|\s+is)?\s+VALUE|(?:\bam|\bis|['’]m|['’]s)\s+VALUE{_STOP}"
    rf"|,\s+VALUE(?:,|\s*\))|\(VALUE\)|\bin\s+(?:my|her|his|their)\s+VALUE",
    "experience": r"\bexperience\b|\b(?:for|since|over)\s+(?:[\w-]+\s+){0,2}VALUE|VALUE\s+(?:as|in)\b",
}
_SHAPES: dict[Attribute, re.Pattern[str]] = {
    "age": re.compile(rf"^(?:{_NUMBER}|{_DECADE})$", re.IGNORECASE),
    "gender": re.compile(rf"^(?:[\w-]+\s+)?{_GENDER}$", re.IGNORECASE),
    "experience": re.compile(r"\b(?:years?|decades?|months?|\d{4})\b", re.IGNORECASE),
}


def supports(words: str, attribute: Attribute, value: str) -> tuple[int, int] | None:
    """Where a quote states the value, in the quote's own words; None where it does not, or speaks of another.

    For what a model reports: the third person counts as well ("Ann Lee, 54, ward nurse"), the same doubts leave it out.
    """
    value = " ".join(value.split())
    if attribute == "age":
        value = re.sub(r"[\s-]+years?(?:[\s-]+old)?$", "", value, flags=re.IGNORECASE)
    shape = _SHAPES.get(attribute)
    if not value or not re.search(r"\w", value) or (shape and not shape.search(value)):
        return None
    literal = r"(?<!\w)" + r"\s+".join(re.escape(part) for part in value.split()) + r"(?!\w)"
    found = re.search(literal, words, re.IGNORECASE)
    cue = _CUES.get(attribute)
    if found is None or (cue and not re.search(cue.replace("VALUE", literal), words, re.IGNORECASE)):
        return None
    before = words[: found.end()]
    if _NOT.search(before) or _OTHERS.search(words) or _SUPPOSED.search(before[: found.start()]):
        return None
    return found.span()
