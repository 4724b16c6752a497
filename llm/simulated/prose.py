"""The simulated judge's words: put together from the persona's card, the item and what was said, quotes verbatim."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from llm.simulated import phrases
from llm.simulated.chance import choose, uniform
from llm.simulated.features import words
from llm.simulated.grounds import shown
from llm.simulated.position import Position
from llm.simulated.reading import Peer, Scene
from llm.simulated.reasons import Reasons, begins, height

_LONGEST = 660
"""Characters of a contribution: what goes beyond is left out whole sentences at a time."""
_CLAUSE = re.compile(r"(?:whether|how|what|if|where|who|why|which)\b", re.IGNORECASE)
_REASONED_MAX = 2
"""Dimensions that a judgement gives reasons for; the others are only graded."""


class Voice:
    """One persona speaking about one item in one call."""

    def __init__(self, scene: Scene, request_seed: int) -> None:
        self._scene = scene
        self._key = (request_seed, scene.item, scene.card, scene.phase, scene.turn)
        self._reasons = Reasons(scene, self._key)

    @property
    def cited(self) -> Mapping[str, str]:
        """Sentences of the item that were quoted so far, with where they stand."""
        return self._reasons.cited

    def quote(self) -> str | None:
        """A sentence of the judged text that it picks on."""
        claim = self._reasons.claim()
        return claim.text if claim else None

    def source_quote(self) -> str | None:
        """The sentence of the material that is nearest to it."""
        claim = self._reasons.claim()
        return claim.near.text if claim and claim.near else None

    def reasoning(self, positions: list[Position]) -> str:
        """A judgement in this persona's words: what it looks for, then grades with their reasons."""
        told = sorted(positions, key=lambda p: -abs(height(p) - 0.5))[:_REASONED_MAX]
        parts = [self._opening(), self._saying()]
        parts += [self._graded(position, number) for number, position in enumerate(told)]
        rest = [position for position in positions if position not in told]
        parts.append(f"For the rest: {self._grades(rest)}." if rest else "")
        return _fitted(parts) or "I have nothing to say about it."

    def restatement(self, positions: list[Position]) -> str:
        """What it holds to and what it changes after it has heard the others."""
        moved = _moved(positions)
        if moved:
            return _fitted([*self._change(moved), self._moves(moved), self._kept(positions, moved)])
        reason = self._reasons.of(self._clearest(positions))
        return _fitted(
            [self._hold(positions, reason), self._pick("keeping", phrases.KEEPING, grades=self._grades(positions))]
        )

    def argument(self, kind: str, positions: list[Position], peer: Peer | None) -> str:
        """What it says in the debate; `peer` is whom it answers."""
        if kind == "pass":
            return self._pick("pass", phrases.PASSING, name=_name(peer) if peer else "everybody")
        if kind == "concession":
            return self.restatement(positions)
        if peer is None or kind == "claim" or not positions:
            reason = self._reasons.of(self._clearest(positions)) if positions else ""
            claim = self._pick("claim", phrases.CLAIMING, reason=reason) if reason else ""
            return _fitted([claim, f"Hence {self._grades(positions)}." if positions else ""])
        return self._question(positions, peer) if kind == "question" else self._rebuttal(positions, peer)

    def _rebuttal(self, positions: list[Position], peer: Peer) -> str:
        at = max(positions, key=lambda p: _apart(p, peer))
        theirs = peer.scores.get(at.scale.name)
        said = {"name": _name(peer), "dimension": _spoken(at.scale.name), "grade": self._grade(at)}
        if theirs is None:
            answer = f"{said['name']}, you give no grade for {said['dimension']}; I give {said['grade']}."
            return _fitted([answer, self._because(at, good=None)])
        said["theirs"] = self._graded_by(at, theirs)
        quoted = self._reasons.quoted_by(peer, said["dimension"])
        if quoted:
            opening = self._pick("answer", phrases.ANSWERING, name=said["name"], theirs=quoted)
        else:
            opening = self._pick("doubt", phrases.DOUBTING, **said)
        counter = self._because(at, good=at.grade > theirs, answered=quoted)
        return _fitted([opening, counter, self._pick("stay", phrases.STAYING, **said)])

    def _question(self, positions: list[Position], peer: Peer) -> str:
        at = max(positions, key=lambda p: _apart(p, peer))
        theirs, name, dimension = peer.scores.get(at.scale.name), _name(peer), _spoken(at.scale.name)
        reason = "" if theirs is None else self._reasons.of(at, good=at.grade > theirs)
        if theirs is None or not reason:
            return f"{name}, what makes you sure about {dimension}?"
        graded = self._graded_by(at, theirs)
        return self._pick("ask", phrases.QUESTIONS, name=name, theirs=graded, dimension=dimension, reason=reason)

    def _change(self, moved: list[Position]) -> list[str]:
        """Why it moves: whom it follows, where most stand, or what it reads again."""
        first = moved[0]
        argued = [peer for peer in self._scene.peers if peer.argument]
        dimension, up = _spoken(first.scale.name), first.now > (first.before or 0)
        if argued:
            peer = self.followed(first) or argued[-1]
            quoted = self._reasons.quoted_by(peer, dimension)
            if quoted:
                opening = self._pick("concede", phrases.CONCEDING, name=_name(peer), theirs=quoted)
            else:
                opening = self._pick("follow", phrases.FOLLOWING, name=_name(peer), dimension=dimension)
            return [opening, _sentence(self._reasons.of(first, good=up, answered=quoted))]
        if self._scene.peers:
            way = ("nearer to A" if up else "nearer to B") if self._reasons.is_pair else ("higher" if up else "lower")
            return [self._pick("conform", phrases.CONFORMING, way=way, dimension=dimension)]
        way = "hasty" if self._reasons.is_pair else ("strict" if up else "generous")
        doubt = self._pick("doubt me", phrases.DOUBTING_MYSELF, way=way, dimension=dimension)
        return [doubt, _sentence(self._reasons.of(first, good=up))]

    def _moves(self, moved: list[Position]) -> str:
        told = ", ".join(f"{_spoken(p.scale.name)} from {self._old(p)} to {self._grade(p)}" for p in moved)
        return self._pick("move", phrases.MOVING, moves=told)

    def _kept(self, positions: list[Position], moved: list[Position]) -> str:
        rest = [p for p in positions if p not in moved]
        return f"The rest stands: {self._grades(rest)}." if rest else ""

    def _hold(self, positions: list[Position], reason: str) -> str:
        if not reason:
            return ""
        others = [peer for peer in self._scene.peers if peer.argument and any(_apart(p, peer) for p in positions)]
        if others:
            peer = max(others, key=lambda one: sum(_apart(p, one) for p in positions))
            quoted = self._reasons.quoted_by(peer)
            if quoted and begins(quoted) not in reason:
                return self._pick("hold", phrases.HOLDING, name=_name(peer), theirs=quoted, reason=reason)
        lines = phrases.UNMOVED if self._scene.peers else phrases.REREAD
        return self._pick("unmoved", lines, reason=reason, who=self._who or "people I speak for")

    def _graded(self, position: Position, number: int) -> str:
        """One grade with its reason."""
        dimension, reason = _spoken(position.scale.name), self._reasons.of(position, number)
        label = "" if self._reasons.is_pair or position.label == str(position.grade) else f" ({position.label})"
        grade = f"{self._grade(position)}{label}"
        if not reason:
            return f"For {dimension} I give {grade}."
        said = {"dimension": dimension, "Dimension": dimension[:1].upper() + dimension[1:]}
        every = phrases.COMPARED if self._reasons.is_pair else phrases.GRADED
        lines = [line for line in every if number == 0 or line != choose(every, "graded", 0, *self._key)]
        return choose(lines, "graded", number, *self._key).format(grade=grade, reason=reason, **said)

    def _because(self, position: Position, good: bool | None, answered: str | None = None) -> str:
        reason = self._reasons.of(position, good=good, answered=answered)
        return self._pick("but", phrases.BUT, reason=reason) if reason else ""

    def synthesis(self) -> str:
        """A neutral summary of where the personas stand, and what they point to."""
        stands = [self._stand(scale.name) for scale in self._scene.scales.values()]
        told = _fitted(stands) or "The personas judged without giving grades."
        pointed = next(
            (
                f"{_name(one)} points to “{quote}”."
                for one in self._scene.peers
                if (quote := self._reasons.quoted_by(one))
            ),
            "",
        )
        return _fitted([told, pointed, "The scores were counted in code; this text sets none of them."])

    def _stand(self, dimension: str) -> str:
        """How far the personas agree on one dimension."""
        scale = self._scene.scales[dimension]
        known = [
            (score, _name(peer)) for peer in self._scene.peers if (score := peer.scores.get(dimension)) is not None
        ]
        if not known:
            return ""
        (low, lowest), (high, highest) = min(known), max(known)
        low_grade, high_grade = (self._shown(scale.labels, scale.values, grade) for grade in (low, high))
        if low == high:
            return f"On {_spoken(dimension)} all who gave a grade give {low_grade}."
        return f"On {_spoken(dimension)} they stand between {low_grade} ({lowest}) and {high_grade} ({highest})."

    def observation(self) -> str:
        """What an observer says about the last contribution."""
        said = self._scene.peers[-1].argument if self._scene.peers else ""
        own, card = set(words(said)), set(words(self._scene.card))
        share = len(own & card) / len(own) if own else 0.0
        kept = "takes up words of its own card" if share > 0.1 else "could come from almost anyone"
        return f"The contribution begins “{shown(said, 80)}” and {kept}."

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

    def followed(self, moved: Position) -> Peer | None:
        """The last to argue among those who stand where it moves to; None where nobody argued."""
        argued = [peer for peer in self._scene.peers if peer.argument]
        up, old = moved.now > (moved.before or 0), moved.scale.values[moved.before or 0]
        gaps = {peer.id: 0 if (score := peer.scores.get(moved.scale.name)) is None else score - old for peer in argued}
        ahead = [peer for peer in argued if gaps[peer.id] * (1 if up else -1) > 0]
        return next(reversed(ahead or argued), None)

    def _opening(self) -> str:
        fields = self._scene.card_fields
        what = shown(fields.get("Looks at") or fields.get("Specialty") or "is it right, and of use?", 160)
        who = self._who
        if not who:
            return f"What I look for: “{what}”."
        is_clause = _CLAUSE.match(what) and not what.endswith(("?", "…"))
        what = what[:1].lower() + what[1:] if is_clause else what
        return self._pick("opening", phrases.ASKING if is_clause else phrases.OPENINGS, who=who, what=what)

    @property
    def _who(self) -> str:
        """Whom it speaks for; empty where its card does not say."""
        return re.sub(r"^(?:an?|the) ", "", self._scene.card_fields.get("Stakeholder", ""), flags=re.IGNORECASE)

    def _saying(self) -> str:
        quotes = self._scene.card_quotes
        if not quotes or uniform("saying", *self._key) < 0.4:
            return ""
        said = shown(choose(quotes, "card", *self._key), 140)
        return f"In our own words: “{said}{'' if said.endswith(('!', '?', '…')) else '.'}”"

    def _grades(self, positions: Sequence[Position]) -> str:
        return ", ".join(f"{_spoken(p.scale.name)} {self._grade(p)}" for p in positions)

    def _grade(self, position: Position) -> str:
        return self._graded_by(position, position.grade)

    def _old(self, position: Position) -> str:
        return self._graded_by(position, position.scale.values[position.before or 0])

    def _graded_by(self, position: Position, grade: float) -> str:
        return self._shown(position.scale.labels, position.scale.values, grade)

    def _shown(self, labels: Sequence[str], values: Sequence[int], grade: float) -> str:
        """A grade as it is spoken of: of a pair A, B or a tie."""
        if not self._reasons.is_pair or grade not in values:
            return f"{grade:g}"
        label = labels[values.index(int(grade))]
        return "a tie" if label == "tie" else label.upper()

    def _clearest(self, positions: list[Position]) -> Position:
        """What it has most to say about."""
        return max(positions, key=lambda p: (abs(height(p) - 0.5), uniform("clearest", p.scale.name, *self._key)))

    def _pick(self, drawn: str, lines: Sequence[str], **said: str) -> str:
        return _sentence(choose(lines, drawn, *self._key).format(**said))


def _moved(positions: Sequence[Position]) -> list[Position]:
    return [p for p in positions if p.before is not None and p.before != p.now]


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


def _sentence(text: str) -> str:
    """With a capital, and a full stop where it has no end."""
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".?!" else f"{text}."


def _fitted(parts: Sequence[str]) -> str:
    """The parts as one text; where it is too long, those in the middle go first."""
    kept = [part for part in parts if part]
    while len(kept) > 2 and len(" ".join(kept)) > _LONGEST:
        kept.pop(len(kept) // 2)
    return " ".join(kept)
