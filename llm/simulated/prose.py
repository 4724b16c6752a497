"""The simulated judge's words: put together from the persona's card and the text that it judges, quotes verbatim."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from llm.simulated.chance import choose, uniform
from llm.simulated.features import words
from llm.simulated.position import Position
from llm.simulated.reading import JUDGED, Peer, Scene, sentences

_OPENINGS = (
    "I speak for the {who}. What I look for: “{what}”.",
    "For the {who} I hold it against one measure: “{what}”.",
    "I read this on behalf of the {who}, with one thing in mind: “{what}”.",
    "Speaking for the {who}, I ask first about this: “{what}”.",
)
"""Grammatical with any noun and any perspective, be it a topic or a whole sentence."""
_BORNE_OUT = (
    "“{quote}” is borne out by what I was given.",
    "It is right to say “{quote}”; the material supports it.",
    "I can follow “{quote}” back to the material.",
)
_UNSUPPORTED = (
    "I cannot find “{quote}” in the material.",
    "“{quote}” goes further than the material does.",
    "Nothing that I was given supports “{quote}”.",
)
_BORNE_OUT_FROM = 0.5
"""Share of a sentence's words that stand in the material."""
_HIGH_FROM, _LOW_TO = 0.8, 0.35
"""Of the way from the lowest grade to the highest, over all dimensions."""
_QUOTED = re.compile(r"“([^”]{12,})”")
_MISSING = (
    "It does not mention {words}, which I would need.",
    "I miss {words}.",
    "There is no word on {words}.",
)


class Quote(NamedTuple):
    """A sentence of the judged text, and how much of it stands in the material."""

    text: str
    support: float


class Voice:
    """One persona speaking about one item in one call."""

    def __init__(self, scene: Scene, request_seed: int) -> None:
        self._scene = scene
        self._key = (request_seed, scene.item, scene.card, scene.phase, scene.turn)

    def quote(self) -> str | None:
        """The sentence of the judged text that it picks on."""
        quotes = self._quotes()
        return self._picked(quotes).text if quotes else None

    def source_quote(self) -> str | None:
        """The sentence of the material that shares most words with the quote from the judged text."""
        quote = set(words(self.quote() or ""))
        material = sentences(self._scene.texts("source", "knowledge", "instruction"))
        return max(material, key=lambda sentence: len(quote & set(words(sentence))), default=None)

    def reasoning(self, positions: list[Position]) -> str:
        """A judgement in this persona's words, ending with its grades."""
        grades = ", ".join(f"{_spoken(p.scale.name)} {p.grade} ({p.label})" for p in positions)
        parts = [self._opening(), self._saying(), self._grounds(positions)]
        parts.append(f"So I give {grades}." if grades else "")
        return _joined(*parts)

    def restatement(self, positions: list[Position]) -> str:
        """What it holds to and what it changes after it has heard the others."""
        moved = [p for p in positions if p.before is not None and p.before != p.now]
        if not moved:
            grades = ", ".join(f"{_spoken(p.scale.name)} {p.grade}" for p in positions)
            return _joined(f"I have weighed it again and stay with {grades}.", self._grounds(positions))
        changes = ", ".join(f"{_spoken(p.scale.name)} from {self._old(p)} to {p.grade}" for p in moved)
        up = sum(p.now - (p.before or 0) for p in moved) > 0
        why = self._heard(moved[0]) if self._scene.peers else "Reading my own reasons again, I was not exact enough."
        return _joined(why, f"I change {changes}.", self._finding(up))

    def argument(self, kind: str, positions: list[Position], peer: Peer | None) -> str:
        """What it says in the debate; `peer` is whom it answers."""
        if kind == "pass":
            return "I have nothing to add."
        if peer is None or kind == "claim":
            return _joined(self._finding(), self._omission(), self._grades(positions))
        if kind == "concession":
            return self.restatement(positions)
        name = _name(peer)
        apart = max(positions, key=lambda p: _apart(p, peer))
        theirs, dimension = peer.scores.get(apart.scale.name), _spoken(apart.scale.name)
        if theirs is None:
            return _joined(f"{name}, you give no grade for {dimension}; I give {apart.grade}.", self._finding())
        if kind == "question":
            quote = self.source_quote() or self.quote() or dimension
            return f"{name}, how does your {theirs:g} for {dimension} fit with “{_quotable(quote)}”?"
        praise = apart.grade > theirs
        why = self._finding(praise) or ("" if praise else self._omission())
        doubt = f"{name}, your {theirs:g} for {dimension} does not convince me."
        return _joined(doubt, why, f"I stay at {apart.grade}.")

    def synthesis(self) -> str:
        """A neutral summary of where the personas stand."""
        stands = [self._stand(scale.name) for scale in self._scene.scales.values()]
        told = _joined(*stands) or "The personas judged without giving grades."
        return _joined(told, self._finding(), "The scores were counted in code; this text sets none of them.")

    def _stand(self, dimension: str) -> str:
        """How far the personas agree on one dimension."""
        known = [
            (score, _name(peer)) for peer in self._scene.peers if (score := peer.scores.get(dimension)) is not None
        ]
        if not known:
            return ""
        (low, lowest), (high, highest) = min(known), max(known)
        if low == high:
            return f"On {_spoken(dimension)} all who gave a grade give {low:g}."
        return f"On {_spoken(dimension)} they stand between {low:g} ({lowest}) and {high:g} ({highest})."

    def observation(self) -> str:
        """What an observer says about the last contribution."""
        said = self._scene.peers[-1].argument if self._scene.peers else ""
        own, card = set(words(said)), set(words(self._scene.card))
        share = len(own & card) / len(own) if own else 0.0
        kept = "takes up words of its own card" if share > 0.1 else "could come from almost anyone"
        return f"The contribution begins “{_quotable(said, 80)}” and {kept}."

    def next_speaker(self) -> str:
        """Who stands farthest from the others' mean; among equals, drawn."""
        speakers, stands = self._scene.speakers, {peer.id: peer.scores for peer in self._scene.peers}

        def distance(name: str) -> float:
            mine = stands.get(name, {})
            gaps = [abs(score - _mean(stands, key)) for key, score in mine.items() if score is not None]
            return sum(gaps)

        return max(speakers, key=lambda name: (distance(name), uniform("next", name, *self._key)))

    def choice(self) -> str:
        """Why the coordinator chose the next speaker."""
        names = {peer.id: _name(peer) for peer in self._scene.peers}
        if not self._scene.speakers:
            return ""
        chosen = self.next_speaker()
        return f"{names.get(chosen, spoken_name(chosen))} stands farthest from the others."

    def _opening(self) -> str:
        fields = self._scene.card_fields
        what = _quotable(fields.get("Looks at") or fields.get("Specialty") or "is it right, and of use?", 160)
        who = fields.get("Stakeholder")
        if not who:
            return f"What I look for: “{what}”."
        who = re.sub(r"^(?:an?|the) ", "", who, flags=re.IGNORECASE)
        return choose(_OPENINGS, "opening", *self._key).format(who=who, what=what)

    def _saying(self) -> str:
        quotes = self._scene.card_quotes
        if not quotes or uniform("saying", *self._key) < 0.4:
            return ""
        return f"In our own words: “{_quotable(choose(quotes, 'card', *self._key), 140)}.”"

    def _finding(self, praise: bool | None = None) -> str:
        """What speaks for the judged text or against it, as `praise` says; either where it says nothing."""
        quotes = self._quotes()
        if praise is not None:
            quotes = [quote for quote in quotes if (quote.support >= _BORNE_OUT_FROM) is praise]
        if not quotes:
            return ""
        quote = self._picked(quotes)
        lines = _BORNE_OUT if quote.support >= _BORNE_OUT_FROM else _UNSUPPORTED
        return choose(lines, "finding", *self._key).format(quote=_quotable(quote.text))

    def _grounds(self, positions: list[Position]) -> str:
        """Reasons that fit the grades: praise for high ones, faults for low ones, both between."""
        if not positions or self._scene.texts("output_a"):
            return _joined(self._finding(), self._omission())
        share = sum(p.now / max(1, len(p.scale.values) - 1) for p in positions) / len(positions)
        praise, fault = self._finding(True), self._finding(False)
        if share >= _HIGH_FROM:
            return praise or self._finding()
        fault = _joined(fault, self._omission())
        if share <= _LOW_TO or not praise:
            return fault or self._finding()
        return (
            f"{praise} Against it: {fault[0].lower() if fault[:2] != 'I ' else fault[0]}{fault[1:]}"
            if fault
            else praise
        )

    def _omission(self) -> str:
        said = {word for text in self._scene.texts("output", "output_a", "output_b") for word in words(text)}
        full = {word[:7].lower(): word.lower() for text in self._material() for word in text.split() if word.isalpha()}
        frequent = Counter(word for text in self._material() for word in words(text)).most_common(12)
        missing = [full[word] for word, _ in frequent if word not in said and word in full]
        if not missing or uniform("omission", *self._key) < 0.3:
            return ""
        start = int(uniform("missing", *self._key) * max(1, len(missing) - 1))
        listed = " and ".join(f"“{word}”" for word in missing[start : start + 2])
        return choose(_MISSING, "miss", *self._key).format(words=listed)

    def _grades(self, positions: list[Position]) -> str:
        return "My grades: " + ", ".join(f"{_spoken(p.scale.name)} {p.grade}" for p in positions) + "."

    def _heard(self, moved: Position) -> str:
        """Whom it follows: the last to argue among those who stand where it moves to."""
        argued = [peer for peer in self._scene.peers if peer.argument]
        if not argued:
            return "Seeing where the others stand makes me look again."
        peer = self.followed(moved) or argued[-1]
        judged = " ".join(" ".join(self._scene.texts(*JUDGED)).split())
        quotes = [quote for quote in _QUOTED.findall(peer.argument) if quote.rstrip("…").strip() in judged]
        if not quotes:
            return f"I take the point that {_name(peer)} makes."
        return f"{_name(peer)} has a point about “{choose(quotes, 'heard', *self._key)}”."

    def followed(self, moved: Position) -> Peer | None:
        """The last to argue among those who stand where it moves to; None where nobody argued."""
        argued = [peer for peer in self._scene.peers if peer.argument]
        up, old = moved.now > (moved.before or 0), self._old(moved)
        gaps = {peer.id: 0 if (score := peer.scores.get(moved.scale.name)) is None else score - old for peer in argued}
        ahead = [peer for peer in argued if gaps[peer.id] * (1 if up else -1) > 0]
        return next(reversed(ahead or argued), None)

    def _old(self, position: Position) -> int:
        return position.scale.values[position.before or 0]

    def _material(self) -> list[str]:
        return self._scene.texts("source", "knowledge", "instruction")

    def _picked(self, quotes: list[Quote]) -> Quote:
        return choose(quotes, "quote", *self._key)

    def _quotes(self) -> list[Quote]:
        judged = self._scene.texts("output", "output_a", "output_b") or self._scene.texts("dialogue")
        given = {word for text in self._material() for word in words(text)}
        found = []
        told = [sentence for sentence in sentences(judged) if not sentence.endswith("?")]
        for sentence in told or sentences(judged) or [text.strip() for text in judged if text.strip()]:
            own = set(words(sentence))
            found.append(Quote(sentence, len(own & given) / len(own) if own and given else 0.6))
        return found


def _mean(stands: dict[str, Mapping[str, float | None]], dimension: str) -> float:
    known = [score for scores in stands.values() if (score := scores.get(dimension)) is not None]
    return sum(known) / len(known) if known else 0.0


def spoken_name(persona_id: str) -> str:
    """`cluster-operator-1` as `Cluster operator 1`."""
    return persona_id.replace("-", " ").replace("_", " ").capitalize()


def _spoken(dimension: str) -> str:
    return dimension.replace("_", " ")


def _name(peer: Peer) -> str:
    return peer.name or spoken_name(peer.id)


def _apart(position: Position, peer: Peer) -> float:
    theirs = peer.scores.get(position.scale.name)
    return 0.0 if theirs is None else abs(position.grade - theirs)


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _quotable(text: str, characters: int = 110) -> str:
    """The beginning of a text in whole words, on one line, to be set between quotation marks in a sentence."""
    text = " ".join(text.split()).translate(_INNER)
    if len(text) > characters:
        return text[:characters].rsplit(" ", 1)[0].rstrip(",;:.") + "…"
    return text.rstrip(".")


_INNER = str.maketrans("“”", "‘’")
