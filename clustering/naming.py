"""Keywords and names for groups: class-based TF-IDF over what their members say."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from clustering.wording import FUNCTION_WORDS, singular, words_of

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
