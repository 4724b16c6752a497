"""Keywords and names for groups: class-based TF-IDF over what their members say."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

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
