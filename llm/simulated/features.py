"""Measured features of a text: what the simulated judge takes for quality."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from llm.simulated.reading import sentences

_WORD = re.compile(r"[^\W\d_]{3,}|\d+")
_STOP = frozenset(
    [
        "about",
        "after",
        "all",
        "also",
        "and",
        "any",
        "are",
        "because",
        "been",
        "but",
        "can",
        "could",
        "did",
        "does",
        "for",
        "from",
        "get",
        "got",
        "had",
        "has",
        "have",
        "her",
        "him",
        "his",
        "how",
        "into",
        "its",
        "just",
        "know",
        "like",
        "more",
        "most",
        "much",
        "not",
        "now",
        "one",
        "only",
        "other",
        "our",
        "out",
        "over",
        "really",
        "she",
        "should",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "think",
        "this",
        "those",
        "too",
        "very",
        "was",
        "way",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "will",
        "with",
        "would",
        "yeah",
        "yes",
        "you",
        "your",
    ]
)


class Features(NamedTuple):
    """Each from -1 (poor) to 1 (good)."""

    coverage: float
    """Share of the source's most frequent words that the output holds."""
    support: float
    """Share of the output's words, sentence by sentence, that the source holds."""
    fluency: float
    """Falls with repeated three-word runs."""
    relevance: float
    """Share of the words asked about that the output takes up."""
    substance: float
    """Grows with the number of different words."""


_LOOKS_AT: Sequence[tuple[str, Callable[[Features], float]]] = (
    (
        r"faith|support|factual|accura|consist|ground|true|correct|knowledge",
        lambda f: 0.8 * f.support + 0.2 * f.coverage,
    ),
    (r"cover|complet|inform|content|detail|omit|missing", lambda f: 0.7 * f.coverage + 0.3 * f.substance),
    (
        r"fluen|clear|clar|coheren|natural|read|understand|concis|plain|maintain",
        lambda f: 0.8 * f.fluency + 0.2 * f.relevance,
    ),
    (r"relevan|answer|instruct|context|topic|respons", lambda f: 0.7 * f.relevance + 0.3 * f.support),
    (r"interest|engag|help|useful|action", lambda f: 0.6 * f.substance + 0.4 * f.relevance),
)


def quality(features: Features, name: str, question: str) -> float:
    """How good a text is in a dimension, -1 to 1: by the dimension's name, else its question, else all features."""
    for text in (name, question.lower()):
        for pattern, weigh in _LOOKS_AT:
            if re.search(pattern, text):
                return weigh(features)
    return sum(features) / len(features)


@lru_cache(maxsize=4096)
def measure(output: str, source: str, asked: str) -> Features:
    """Features of `output` next to its source and to what it answers; each may be empty, and then says nothing."""
    wanted = [word for word, _ in Counter(words(source)).most_common(12)]
    said, given, question = set(words(output)), set(words(source)), set(words(asked))
    shares = [len(set(own) & given) / len(set(own)) for part in sentences([output]) if (own := words(part))]
    runs = [tuple(run) for run in zip(*(_WORD.findall(output.lower())[start:] for start in range(3)), strict=False)]
    repeated = 1 - len(set(runs)) / len(runs) if runs else 0.0
    return Features(
        coverage=_between(sum(word in said for word in wanted) / len(wanted), 0.0, 0.7) if wanted else 0.0,
        support=_between(sum(shares) / len(shares), 0.15, 0.85) if shares and given else 0.0,
        fluency=_between(-repeated, -0.3, 0.0),
        relevance=_between(len(said & question) / len(question), 0.0, 0.35) if question else 0.0,
        substance=_between(len(said), 0, 32),
    )


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """Content words in lower case, in order, clipped to a common stem of seven letters."""
    return tuple(word[:7] for word in _WORD.findall(text.lower()) if word not in _STOP)


def _between(value: float, low: float, high: float) -> float:
    """`value` on a scale where low is -1 and high is 1, held inside it."""
    return max(-1.0, min(1.0, 2 * (value - low) / (high - low) - 1))
