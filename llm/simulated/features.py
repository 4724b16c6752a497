"""Measured features of a text: what the simulated judge takes for quality."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

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


Aspect = Literal["support", "coverage", "fluency", "relevance", "substance"]


class _Look(NamedTuple):
    """What a dimension whose name or question holds such a word looks at."""

    aspect: Aspect
    pattern: re.Pattern[str]
    weigh: Callable[[Features], float]


_LOOKS: Sequence[_Look] = (
    _Look(
        "support",
        re.compile(r"faith|support|factual|accura|consist|ground|true|correct|knowledge"),
        lambda f: 0.8 * f.support + 0.2 * f.coverage,
    ),
    _Look(
        "coverage",
        re.compile(r"cover|complet|inform|content|detail|omit|missing"),
        lambda f: 0.7 * f.coverage + 0.3 * f.substance,
    ),
    _Look(
        "fluency",
        re.compile(r"fluen|clear|clar|coheren|natural|read|understand|concis|plain|maintain"),
        lambda f: 0.8 * f.fluency + 0.2 * f.relevance,
    ),
    _Look(
        "relevance",
        re.compile(r"relevan|answer|instruct|context|topic|respons"),
        lambda f: 0.7 * f.relevance + 0.3 * f.support,
    ),
    _Look(
        "substance",
        re.compile(r"interest|engag|help|useful|action"),
        lambda f: 0.6 * f.substance + 0.4 * f.relevance,
    ),
)


def quality(features: Features, name: str, question: str) -> float:
    """How good a text is in a dimension, -1 to 1: by the dimension's name, else its question, else all features."""
    look = _look(name, question.lower())
    return look.weigh(features) if look else sum(features) / len(features)


def aspect(name: str, question: str) -> Aspect:
    """What a dimension is about, by its name, else its question; substance where its words do not tell."""
    if "coheren" in name:
        return "relevance"  # measured as fluency is, and spoken of as what it asks for: an answer that hangs together
    look = _look(name, question.lower())
    return look.aspect if look else "substance"


@lru_cache(maxsize=512)
def _look(*texts: str) -> _Look | None:
    """What the first of the texts that tells looks at."""
    for text in texts:
        for look in _LOOKS:
            if look.pattern.search(text):
                return look
    return None


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
