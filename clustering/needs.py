"""What a stakeholder cares about, in one clause of their own: "I need the list sorted by risk" is what they look at.

A wish, need or worry is put into the third person where that changes nothing but the verb; a clause that goes on
about "me" or "our" is quoted instead, since rewriting it would be inventing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clustering.document import Span
from clustering.naming import tokens
from clustering.passages import split_sentences
from clustering.perspectives import Perspective
from clustering.voice import FIRST_PERSON, leans_on_context, names_code, voice
from clustering.wording import names_people, singular

CLAUSE_CHARACTERS_MAX = 140
"""A persona's perspective is one line in every prompt that it speaks in."""
CLAUSE_CHARACTERS_MIN = 16
"""Shorter clauses ("it") say nothing alone."""
EXCERPTS_CONSIDERED = 6
RANK_COST = 0.15
SHORTENED_CHARACTERS_MIN = 50
"""A sentence that does not fit a line is quoted up to the end of a clause, no shorter than this."""
SHARED_GAIN = 0.8
"""What a clause gains whose words all occur in other documents of the stakeholder too: a need, not a detail of one."""
DETAIL_COST = 0.35
"""What a clause loses that holds a number or an identifier: it is about one case."""
LEANING_COST = 0.8
"""What a clause loses that only its neighbours explain: "In such cases, I want …"."""

_ASKS = ("Wants", "Needs", "Would", "Insists", "Prefers")
_REMARKS = re.compile(
    r"to (?:put|mention|note|point out|add|clarify|say|emphasi[sz]e|highlight|call out)\b", re.IGNORECASE
)
_POINTS_BACK = re.compile(
    r"(?:it|this|that|them|these|those|one|so|to do (?:so|it|this|that))\b(?!\s+\w+s\b)", re.IGNORECASE
)
_DETAIL = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|hundreds?|thousands?)\b|\b(?-i:[A-Z][a-z]+[A-Z])\w*",
    re.IGNORECASE,
)
_ADVERB = r"(?:(?:also|really|just|only|often|always|still|simply|mostly|therefore)\s+)?"
_THIRD = (
    (r"(?:do\s+not|don['’]t)\s+(?:want|wish)", "Does not want"),
    (r"wants?", "Wants"), (r"need(?!\s+not\b)", "Needs"), (r"needs", "Needs"), (r"would\s+like", "Would like"),
    (r"(?:would|['’]d)\s+rather", "Would rather"), (r"would\s+love", "Would love"), (r"wish", "Wishes"),
    (r"prefers?", "Prefers"), (r"insists?", "Insists"), (r"hopes?", "Hopes"), (r"worry", "Worries"), (r"fears?", "Fears"),
    (r"(?:am|are|['’]m|['’]re)(?=\s+(?:worried|afraid|concerned|tired|frustrated)\b)", "Is"),
    (r"cares?(?=\s+about\b)", "Cares"), (r"trust", "Trusts"),
)  # fmt: skip
_WISHES = tuple(
    (re.compile(rf"(?P<subject>\b(?:[Ii]|[Ww]e)(?=\s|['’])(?:\s+[a-z]+s\b)?|\b[\w-]+s)\s*\b{_ADVERB}(?P<verb>{verb})\s+"), third)
    for verb, third in _THIRD
)  # fmt: skip
_END = re.compile(r",?\s+(?:and|but)\s+(?=(?:want|need|do|don['’]t|am|have)\b)|[;:](?:\s|$)|\s[–—-]\s|\s\(|\n\s*\n")
_SHORTER = re.compile(
    r",?\s+(?:so\s+that|so|because|since|in\s+order\s+to|when|if|but|even\s+if|which|although)\s+|,\s+(?:and|or)?\s*"
)
_OUTER = " \t\n\"'“”‘’*_>.,"
_MARKUP = re.compile(r"(?<!\w)[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}(?!\w)|\[([^\]]+)\]\([^)]*\)")


class Need(NamedTuple):
    """One clause on what a stakeholder cares about, and where it stands in the document."""

    text: str
    span: Span


def leading_need(
    ranked: Sequence[Perspective], spread: Mapping[str, int] | None = None, *, in_part: bool = False
) -> Need | None:
    """The first clear need or opinion among a persona's statements, most representative first.

    spread: in how many documents of the stakeholder each word occurs (`document_spread`); what is said in the words of
    several goes before what only one is about. in_part: whether a sentence that is too long for a line is quoted up to
    the end of a clause. None where nothing fits a line.
    """
    best: tuple[float, Need] | None = None
    for rank, one in enumerate(ranked[:EXCERPTS_CONSIDERED]):
        for score, need in _needs(one, in_part=in_part):
            score += _generality(need.text, spread or {}) - RANK_COST * rank
            if best is None or score > best[0]:
                best = (score, need)
    return best[1] if best else None


def document_spread(told: Iterable[Perspective]) -> Counter[str]:
    """In how many documents each content word of some statements occurs."""
    used = {(singular(word), one.span.document_id) for one in told for word in tokens(one.concern)}
    return Counter(word for word, _ in used)


def _generality(text: str, spread: Mapping[str, int]) -> float:
    words = [singular(word) for word in tokens(text)]
    shared = sum(spread.get(word, 0) > 1 for word in words) / len(words) if words else 0.0
    return SHARED_GAIN * shared - DETAIL_COST * bool(_DETAIL.search(text) or names_code(text))


def _needs(one: Perspective, *, in_part: bool) -> Iterable[tuple[float, Need]]:
    for left, right in split_sentences(one.quote, 0, len(one.quote)):
        sentence = one.quote[left:right]
        text, start, end = _wish(sentence, told=one.origin == "reported") or (None, 0, len(sentence))
        score = 2.0 if (text or "").startswith(_ASKS) else 1.7
        score -= 0.5 * (text or "").startswith("Does not")  # what somebody wants says more than what they refuse
        if text is None:
            text = _quoted(sentence[start:end])
            score = (1.2 if start or end < len(sentence) else 0.8 * voice(sentence)) + 0.2 * bool(
                FIRST_PERSON.search(sentence)
            )
        if (left > 0 or one.span.start > 0) and leans_on_context(sentence):
            score -= LEANING_COST
        if text is None and in_part and not (one.origin == "reported" and FIRST_PERSON.search(sentence)):
            text, end = _quoted_in_part(sentence)
        if text:
            begin = one.span.start + left
            yield score, Need(text, one.span.model_copy(update={"start": begin + start, "end": begin + end}))


def _wish(sentence: str, *, told: bool = False) -> tuple[str | None, int, int] | None:
    """A wish in the third person with the bounds of its clause; no text where it must be quoted as it is.

    told: the stakeholder is spoken about, so that what "we" wish is not theirs.
    """
    matches = ((found, third) for pattern, third in _WISHES for found in pattern.finditer(sentence))
    for found, third in sorted(matches, key=lambda pair: (pair[0].start(), -len(pair[1]))):
        if not _speaks_for_itself(found["subject"]) or (told and FIRST_PERSON.match(found["subject"])):
            continue
        start = found.end()
        clause = sentence[start : start + length] if (length := _length(sentence[start:])) else ""
        text = f"{third} {_plain(clause)}"
        if (
            not clause
            or FIRST_PERSON.search(clause)
            or _POINTS_BACK.match(clause)
            or _REMARKS.match(clause)
            or len(text) < CLAUSE_CHARACTERS_MIN
        ):
            return None, found.start(), len(sentence)
        return text, found.start(), start + length
    return None


def _speaks_for_itself(subject: str) -> bool:
    return bool(FIRST_PERSON.match(subject)) or subject == "i" or names_people(subject)


_DANGLING = re.compile(r"[\s,;:]+(?:of|to|and|or|but|the|an?|for|in|on|with|by|at|from|as|that|which)?$", re.IGNORECASE)


def _whole(clause: str) -> str:
    """The clause without what hangs on at its cut end: ", of", ", but:"."""
    while found := _DANGLING.search(clause):
        clause = clause[: found.start()]
    return clause


def _length(rest: str) -> int:
    """How much of a sentence makes one whole clause of at most a line; 0 where nothing does."""
    ended = _END.search(rest)
    length = len(rest[: ended.start()] if ended else rest)
    if len(_plain(rest[:length])) <= CLAUSE_CHARACTERS_MAX - 16 and not FIRST_PERSON.search(rest[:length]):
        return len(_whole(rest[:length].rstrip(_OUTER)))
    cuts = [cut.start() for cut in _SHORTER.finditer(rest, 0, length) if cut.start() >= 24]
    fitting = [cut for cut in cuts if len(_plain(rest[:cut])) <= CLAUSE_CHARACTERS_MAX - 16]
    clean = [cut for cut in fitting if not FIRST_PERSON.search(rest[:cut])]
    return len(_whole(rest[: max(clean, default=0)]))


def _quoted(sentence: str) -> str | None:
    words = _plain(sentence)
    return f"“{words}”" if CLAUSE_CHARACTERS_MIN <= len(words) <= CLAUSE_CHARACTERS_MAX else None


def _quoted_in_part(sentence: str) -> tuple[str | None, int]:
    """The first clauses of a sentence that is too long for a line, with where they end; no text where none fits."""
    cuts = [cut.start() for cut in _SHORTER.finditer(sentence) if cut.start() >= SHORTENED_CHARACTERS_MIN]
    fitting = [cut for cut in cuts if len(_plain(sentence[:cut])) < CLAUSE_CHARACTERS_MAX]
    end = len(_whole(sentence[: max(fitting, default=0)]))
    return (f"“{_plain(sentence[:end])} …”" if end else None), end


def _plain(text: str) -> str:
    """A clause on one line, without its marks of emphasis and outer punctuation."""
    return without_markup(text).strip(_OUTER)


def without_markup(text: str) -> str:
    """A quote as it is read: on one line, without marks of emphasis, quotation and lists. For display only; the quote
    itself stays verbatim, so that its span slices back to it."""
    words = _MARKUP.sub(lambda found: found[1] or "", text).split()
    return " ".join(word for word in words if word not in {">", "-", "*"})
