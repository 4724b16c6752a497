"""The simulated judge's words: put together from the persona's card and the text that it judges, quotes verbatim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from llm.simulated.chance import choose, uniform
from llm.simulated.features import words
from llm.simulated.position import Position
from llm.simulated.reading import Peer, Scene, sentences

_OPENINGS = (
    "As {who} I look at {what}.",
    "I read this as {who}, and what counts for me is {what}.",
    "Someone in my place, {who}, asks first about {what}.",
    "My question, as {who}, is {what}.",
)
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
_TALK = (
    "has a point",
    "convince",
    "I stay",
    "I change",
    "My grades",
    "So I give",
    "you give",
    "does your",
    "my question",
)
"""Sentences of an argument that are not its substance."""
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
        parts = [self._opening(), self._saying(), self._finding(), self._omission()]
        parts.append(f"So I give {grades}." if grades else "")
        return " ".join(filter(None, parts))

    def restatement(self, positions: list[Position]) -> str:
        """What it holds to and what it changes after it has heard the others."""
        moved = [p for p in positions if p.before is not None and p.before != p.now]
        if not moved:
            grades = ", ".join(f"{_spoken(p.scale.name)} {p.grade}" for p in positions)
            return f"I have weighed it again and stay with {grades}. {self._finding()}"
        changes = ", ".join(f"{_spoken(p.scale.name)} from {self._old(p)} to {p.grade}" for p in moved)
        up = sum(p.now - (p.before or 0) for p in moved) > 0
        why = self._heard(moved[0]) if self._scene.peers else "Reading my own reasons again, I was not exact enough."
        return f"{why} I change {changes}. {self._finding(up)}".strip()

    def argument(self, kind: str, positions: list[Position], peer: Peer | None) -> str:
        """What it says in the debate; `peer` is whom it answers."""
        if kind == "pass":
            return "I have nothing to add."
        if peer is None or kind == "claim":
            return f"{self._opening()} {self._finding()} {self._grades(positions)}"
        name = spoken_name(peer.id)
        apart = max(positions, key=lambda p: abs(p.grade - float(peer.scores.get(p.scale.name) or p.grade)))
        theirs, dimension = peer.scores.get(apart.scale.name), _spoken(apart.scale.name)
        if kind == "concession":
            return self.restatement(positions)
        if kind == "question":
            quote = self.source_quote() or self.quote() or dimension
            return f"{name}, how does your {_number(theirs)} for {dimension} fit with “{_cut(quote).rstrip('.')}”?"
        praise = apart.grade > (theirs or 0)
        omission = "" if praise else f"{self._omission()} "
        return (
            f"{name}, your {_number(theirs)} for {dimension} does not convince me. "
            f"{self._finding(praise)} {omission}I stay at {apart.grade}."
        ).replace("  ", " ")

    def synthesis(self) -> str:
        """A neutral summary of what the personas said."""
        heard = [f"{spoken_name(p.id)} said: {_cut(p.argument, 160)}" for p in self._scene.peers if p.argument]
        told = " ".join(heard[:4]) if heard else "The personas judged without arguing."
        return f"{told} {self._finding()} The scores were counted in code; this text sets none of them."

    def observation(self) -> str:
        """What an observer says about the last contribution."""
        said = self._scene.peers[-1].argument if self._scene.peers else ""
        own, card = set(words(said)), set(words(self._scene.card))
        share = len(own & card) / len(own) if own else 0.0
        kept = "takes up words of its own card" if share > 0.1 else "could come from almost anyone"
        return f"The contribution begins “{_cut(said, 80)}” and {kept}."

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
        return f"{spoken_name(self.next_speaker())} stands farthest from the others." if self._scene.speakers else ""

    def _opening(self) -> str:
        fields = self._scene.card_fields
        who = fields.get("Stakeholder") or fields.get("Name") or self._scene.persona_id.replace("-", " ") or "a judge"
        who = who if who.lower().startswith(("a ", "an ", "the ")) else f"one of the {who}"
        what = (fields.get("Looks at") or fields.get("Specialty") or "whether it is right and of use").rstrip(".")
        return choose(_OPENINGS, "opening", *self._key).format(who=who, what=what[:1].lower() + what[1:])

    def _saying(self) -> str:
        quotes = self._scene.card_quotes
        if not quotes or uniform("saying", *self._key) < 0.4:
            return ""
        return f"As we say: “{_cut(choose(quotes, 'card', *self._key), 140)}”"

    def _finding(self, praise: bool | None = None) -> str:
        """What speaks for the judged text or against it, as `praise` says; either where it says nothing."""
        quotes = self._quotes()
        if praise is not None:
            quotes = [quote for quote in quotes if (quote.support >= _BORNE_OUT_FROM) is praise]
        if not quotes:
            return ""
        quote = self._picked(quotes)
        lines = _BORNE_OUT if quote.support >= _BORNE_OUT_FROM else _UNSUPPORTED
        return choose(lines, "finding", *self._key).format(quote=_cut(quote.text).rstrip("."))

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
        up, old = moved.now > (moved.before or 0), self._old(moved)
        ahead = [peer for peer in argued if ((peer.scores.get(moved.scale.name) or old) - old) * (1 if up else -1) > 0]
        peer = (ahead or argued)[-1]
        substance = [part for part in sentences([peer.argument]) if not any(talk in part for talk in _TALK)]
        if not substance:
            return f"{spoken_name(peer.id)} has a point."
        return f"{spoken_name(peer.id)} has a point: {_cut(choose(substance, 'heard', *self._key), 160)}"

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
        for sentence in sentences(judged) or [text.strip() for text in judged if text.strip()]:
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


def _number(grade: float | None) -> str:
    return "no grade" if grade is None else f"{grade:g}"


def _cut(text: str, characters: int = 110) -> str:
    """The beginning of a text, in whole words, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= characters else text[:characters].rsplit(" ", 1)[0] + " ..."
