"""Keywords and names for groups: class-based TF-IDF over what their members say."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from clustering.mentions import names_machines_too
from clustering.wording import FUNCTION_WORDS, names_people, singular, words_of

_TOKEN = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
_EMPTY = FUNCTION_WORDS | words_of(
    """
    want wants wanted need needs needed would like able way thing things something anything everything nothing lot one
    get gets getting got go goes going take takes know knows see come comes think say said says put keep also back day
    time times people person without don't doesn't can't isn't i'm i've i'd it's that's there's let us able make sure
    ensure example new must cannot easily order instead set first two three still even currently case use used user
    story kind bit good better please thank thanks really much many always never every each etc e.g i.e
    """
)


def tokens(text: str) -> list[str]:
    """Content words of a text in lower case."""
    words = [word.lower().replace("’", "'") for word in _TOKEN.findall(text)]
    return [word for word in words if word not in _EMPTY and len(word) > 2]


def keywords(classes: Sequence[Sequence[str]], count: int = 6) -> list[tuple[str, ...]]:
    """The words that tell each class of texts from the others, best first (class-based TF-IDF, Grootendorst 2022).

    Words in a single text of a class count only where the class has no other; empty classes have none.
    """
    surface: dict[str, Counter[str]] = {}
    for text in (text for texts in classes for text in texts):
        for word in tokens(text):
            surface.setdefault(singular(word), Counter())[word] += 1
    counts = [Counter(singular(word) for text in texts for word in tokens(text)) for texts in classes]
    spread: list[Counter[str]] = [Counter() for _ in classes]
    for place, texts in zip(spread, classes, strict=True):
        for text in texts:
            place.update({singular(word) for word in tokens(text)})
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    mean = sum(total.values()) / max(1, len(classes))
    found = []
    for words, texts_with, texts in zip(counts, spread, classes, strict=True):
        size = max(1, sum(words.values()))
        least = 2 if len(texts) >= 4 else 1
        scores = {
            word: n / size * math.log(1 + mean / total[word]) for word, n in words.items() if texts_with[word] >= least
        }
        best = sorted(scores, key=lambda word: (-scores[word], word))[:count]
        found.append(tuple(surface[word].most_common(1)[0][0] for word in best))
    return found


_WISH = re.compile(
    r"\b(?:wants?|needs?|like|rather|love|wish(?:es)?|prefers?|insists?|hopes?|expects?|afraid|worr(?:y|ies|ied)|fears?|cares?|trusts?)\b"
)
_WORD_OR_MARK = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?|[^\w\s]")
_LEADS_ON = (FUNCTION_WORDS - {"time"}) | words_of(
    "able want wants need needs like easily simply safely quickly directly automatically both please see native prior three four five"
)
_HOLLOW = words_of(
    "types kinds way ways ability possibility option set number kind type lot bit part case thing things mechanism means support"
    " feature behavior behaviour something anything everything able sure more less much many other same own different"
    " group one ones time work able good better new amount level list"
)
"""Nouns that only lead on to what is meant: "a way to …", "the number of …"."""
SUBJECT_WORDS_MAX = 3


def subject_of(clause: str) -> str | None:
    """What a wish is about, as a noun phrase: `Wants the reported attachment capacity on nodes to …` to `attachment
    capacity`; None where the first words name nothing.

    A verb after "to" or "and" is passed over, and so are hollow nouns ("a way to") and participles.
    """
    words = _WORD_OR_MARK.findall(clause.strip("“” "))
    start = next((place + 1 for place, word in enumerate(words) if _WISH.fullmatch(word.lower())), None)
    if start is None:
        return None
    phrase: list[str] = []
    verb_next = after_verb = False
    for word in words[start:]:
        lower = word.lower()
        if phrase and lower in {"specific", "particular"}:
            continue  # "instance specific configuration"
        if verb_next and lower not in _LEADS_ON and lower.isalpha():
            verb_next, after_verb = False, True
            continue
        ends = lower in _LEADS_ON or not lower[0].isalpha() or lower.endswith("ly")
        if ends or (lower.endswith("ed") and _names_something(phrase)):
            is_verb = len(phrase) == 1 and lower in {"a", "an", "the"}  # "wants run a service"
            if _names_something(phrase) and not is_verb:
                break
            verb_next = (
                lower == "to" or (after_verb and lower == "and") or (verb_next and lower not in {"a", "an", "the"})
            )
            phrase = []
        else:
            phrase.append(word)
        after_verb = False
    while len(phrase) > 2 and phrase[0].lower().endswith("ed"):
        phrase = phrase[1:]
    if not _names_something(phrase) or len(phrase) > SUBJECT_WORDS_MAX or _is_about_people(phrase[-1]):
        return None
    return " ".join(phrase)


def _is_about_people(noun: str) -> bool:
    """A wish about people is told by what is wished for them; "a logging agent" is none."""
    return names_people(noun) and not names_machines_too(noun)


def _names_something(phrase: Sequence[str]) -> bool:
    """Whether a phrase ends in a noun that means something alone."""
    last = phrase[-1].lower() if phrase else ""
    return len(last) > 2 and last not in _HOLLOW and last not in _EMPTY and not last.endswith(("ed", "ing"))


def telling_apart(
    parts: Sequence[Sequence[tuple[str, str]]], names: Iterable[str] = (), count: int = 2
) -> list[tuple[str, ...]]:
    """For each part of one group, the nouns that its documents share and its siblings' documents do not.

    parts: (document, text) pairs. names: what the group is called; its words tell nothing apart. Empty for a single part, and where nothing tells it apart; no word stands for two
    parts. What mostly follows "to" is a verb and names no subject; nor do people's names, who are the group itself.
    """
    if len(parts) < 2:
        return [() for _ in parts]
    everything = [text for texts in parts for _, text in texts]
    surface: dict[str, Counter[str]] = {}
    for word in (word for text in everything for word in tokens(text)):
        surface.setdefault(singular(word), Counter())[word] += 1
    verbs = _verbs(everything) | {singular(word) for name in names for word in name.split()}
    shares = [_document_shares(texts) for texts in parts]
    tails: list[tuple[str, ...]] = []
    taken: set[str] = set()
    for place, own in enumerate(shares):
        others = shares[:place] + shares[place + 1 :]
        single = {} if _gains(own, others, verbs | taken) else _text_shares(parts[place])
        gain = _gains(single or own, others, verbs | taken)
        best = sorted(gain, key=lambda word: (-gain[word], word))[:count]
        taken.update(best)
        tails.append(tuple(surface[word].most_common(1)[0][0] for word in best))
    return tails


def _gains(own: dict[str, float], others: Sequence[dict[str, float]], left_out: set[str]) -> dict[str, float]:
    """By how much a part uses a word more than any sibling; only words that name a subject, only gains."""
    gains = {
        word: share - max(other.get(word, 0.0) for other in others)
        for word, share in own.items()
        if not (word in left_out or names_people(word) or word.endswith(("ly", "ing", "ed")))
    }
    return {word: gain for word, gain in gains.items() if gain > 0}


def _text_shares(texts: Sequence[tuple[str, str]]) -> dict[str, float]:
    return _document_shares([(str(number), text) for number, (_, text) in enumerate(texts)])


def _document_shares(texts: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Share of documents that use a word, for words of two documents at least (of one, where there is only one)."""
    used: dict[str, set[str]] = {}
    for document, text in texts:
        for word in tokens(text):
            used.setdefault(singular(word), set()).add(document)
    documents = len({document for document, _ in texts})
    return {word: len(where) / documents for word, where in used.items() if len(where) >= min(2, documents)}


def _verbs(texts: Sequence[str]) -> set[str]:
    """Words that follow "to" or a modal verb in at least a third of their places."""
    after, total = Counter[str](), Counter[str]()
    for text in texts:
        words = [word.lower() for word in _TOKEN.findall(text)]
        total.update(singular(word) for word in words)
        after.update(
            singular(word) for before, word in pairwise(words) if before in {"to", "can", "will", "should", "and"}
        )
    return {word for word, count in after.items() if count * 3 >= total[word]}
