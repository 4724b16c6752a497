"""Reasons for a grade, each with quotes of the item; what was quoted is remembered, to be cited and not said again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

from llm.simulated import phrases
from llm.simulated.chance import choose, uniform
from llm.simulated.features import Aspect, aspect
from llm.simulated.grounds import SUPPORTED_FROM, Passage, grounds_of, shown
from llm.simulated.position import Position
from llm.simulated.reading import Peer, Scene

_RECOGNISED = 24
"""Characters of a quote's beginning by which it is known again."""
_QUOTED = re.compile(r"“([^”]{12,})”")
_SENTENCES = re.compile(r"(?<=[.?!])\s+(?=[A-Z“])")
_MIDDLE = 0.5
"""Of the way from the lowest grade to the highest: above it a judge speaks of what is good, below of what is not."""
_SHARED_MIN, _COMPARED_MAX = 3, 60
"""Words that two passages begin alike, from which on only what comes after is shown; characters of that."""
_ANSWERED_MAX = 48
"""Characters of a quote that is answered: everybody has just heard it."""


class Reasons:
    """What one persona can bring forward in one call."""

    def __init__(self, scene: Scene, key: tuple[object, ...]) -> None:
        self._scene, self._key = scene, key
        self._grounds = grounds_of(scene)
        self.is_pair = bool(scene.texts("output_a"))
        self.cited: dict[str, str] = {}
        """Sentences that were quoted so far, with where they stand."""

    def claim(self) -> Passage | None:
        """A sentence of the judged text that it picks on."""
        return self._fresh(self._grounds.claims, "quote")

    def of(self, position: Position, number: int = 0, *, good: bool | None = None, answered: str | None = None) -> str:
        """A clause that speaks for a grade, with quotes; empty where the item gives none.

        number: of the reasons in one contribution. good: whether it is to speak for the judged text; None as the grade
        has it, which in the middle of the scale says both. answered: a quote that is just answered, and so only pointed at.
        """
        if self.is_pair:
            return self._preference(position)
        about, stands = aspect(position.scale.name, position.scale.question), height(position)
        if good is None and stands == _MIDDLE:
            return self._mixed(about, position, number, answered)
        praise = stands > _MIDDLE if good is None else good
        known = self._offered(about, praise, number, answered)
        lines = [line for line in (phrases.PRAISE if praise else phrases.FAULT)[about] if needs(line) <= known.keys()]
        line = choose(lines, "reason", number, praise, about, *self._key) if lines else ""
        return self._filled(line, known, answered)

    def _mixed(self, about: Aspect, position: Position, number: int, answered: str | None) -> str:
        """What speaks for a grade in the middle: of what is half true that it is, of all else what is good and what is not."""
        known = self._offered(about, False, number, answered)
        if about == "support" and "near" in known:
            return self._filled(choose(phrases.HALF, "half", number, *self._key), known, answered)
        both = [self.of(position, number, good=way, answered=answered) for way in (True, False)]
        return ", but ".join(part for part in both if part)

    def _offered(self, about: Aspect, praise: bool, number: int, answered: str | None) -> dict[str, Passage]:
        """What a phrase may be filled with."""
        claims, telling = self._grounds.claims, [one for one in self._grounds.claims if not one.text.endswith("?")]
        if about == "support":
            claims = [one for one in telling if (one.support >= SUPPORTED_FROM) is praise] or telling or claims  # type: ignore[assignment]
        quote = self._fresh(claims, about, number, praise, answered=answered)
        found = {
            "quote": quote,
            "near": quote.near if quote else None,
            "kept": self._fresh(self._grounds.kept, "kept", number, answered=answered),
            "missed": self._fresh(self._grounds.missed, "missed", number, answered=answered),
            "asked": self._grounds.asked,
        }
        return {name: part for name, part in found.items() if part is not None}

    def quoted_by(self, peer: Peer, dimension: str = "") -> str | None:
        """A passage of the item that a peer has quoted, the beginning of it; where it can be told, about a dimension."""
        said = [part for part in _SENTENCES.split(peer.argument) if dimension.lower() in part.lower()]
        about = _QUOTED.findall(" ".join(said)) or _QUOTED.findall(peer.argument)
        quotes = [quote for quote in about if begins(quote) in self._grounds.whole]
        asked = self._grounds.asked
        telling = [quote for quote in quotes if asked is None or begins(quote) != begins(asked.shown)] or quotes
        return shown(choose(telling, "heard", *self._key), _ANSWERED_MAX) if quotes else None

    def _preference(self, position: Position) -> str:
        """What makes one output of a pair better than the other."""
        first, second = (
            [claim for claim in self._grounds.claims if claim.place == place] for place in ("output_a", "output_b")
        )
        if not first or not second:
            return ""
        middle = len(position.scale.values) // 2
        better, worse = (first, second) if position.now >= middle else (second, first)
        about = aspect(position.scale.name, position.scale.question)
        best = max(better, key=lambda claim: (claim.support, self._drawn(claim)))
        last = min(worse, key=lambda claim: (claim.support, self._drawn(claim)))
        lines = phrases.EVEN if position.now == middle else phrases.PREFERENCE[about]
        self.cited |= {best.text: best.place, last.text: last.place}
        return choose(lines, "preference", about, *self._key).format(
            better=_apart(best, last),
            worse=_apart(last, best),
            this=best.place[-1].upper(),
            that=last.place[-1].upper(),
        )

    def _drawn(self, claim: Passage) -> float:
        return uniform("claim", claim.text, *self._key)

    def _filled(self, line: str, known: Mapping[str, Passage], answered: str | None = None) -> str:
        """The line with its quotes, which count as cited from now on; what was just answered is only pointed at."""
        said: dict[str, str] = {}
        for name in sorted(needs(line)):
            passage = known[name]
            if name == "quote" and answered is not None and begins(passage.shown) == begins(answered):
                line = line.replace("“{quote}”", "that")
                continue
            said[name] = (
                passage.short if begins(passage.shown) in self._heard or passage.text in self.cited else passage.shown
            )
            self.cited[passage.text] = passage.place
        return line.format(**said)

    def _fresh(self, options: Sequence[Passage], *of: object, answered: str | None = None) -> Passage | None:
        """One of `options`: rather one that it has not quoted before, and never, if it can, what it answers."""
        if not options:
            return None
        others = [one for one in options if answered is None or begins(one.shown) != begins(answered)] or list(options)
        new = [one for one in others if one.text not in self.cited and begins(one.shown) not in self._said]
        return choose(new or others, *of, *self._key)

    @cached_property
    def _said(self) -> str:
        return " ".join(self._scene.own_words.split())

    @cached_property
    def _heard(self) -> str:
        return " ".join([self._said, *(peer.argument for peer in self._scene.peers)])


def _apart(one: Passage, other: Passage) -> str:
    """A passage as it is shown, from where it begins to differ from the other: what they share tells nothing."""
    mine, theirs = one.text.split(), other.text.split()
    same = next((place for place, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1]), len(mine))
    start = same if _SHARED_MIN <= same < len(mine) - 1 else 0
    return ("…" if start else "") + shown(" ".join(mine[start:]), _COMPARED_MAX)


@lru_cache(maxsize=256)
def needs(line: str) -> frozenset[str]:
    """The names of what a phrase has to be filled with."""
    return frozenset(re.findall(r"\{(\w+)\}", line))


def height(position: Position) -> float:
    """How high a grade is, 0 to 1."""
    return position.now / max(1, len(position.scale.values) - 1)


def begins(quote: str) -> str:
    """By what a quote is known again, cut off or not."""
    return quote.strip("… ")[:_RECOGNISED]
