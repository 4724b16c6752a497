"""Filling in any reply schema: fields that the project's prompts ask for by name, others by their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llm.model import Request
from llm.simulated.chance import choose, normal, uniform
from llm.simulated.extraction import Stakeholder, stakeholders, topic
from llm.simulated.parameters import SimulatedParameters
from llm.simulated.position import Position, take_position
from llm.simulated.prose import Voice
from llm.simulated.reading import Peer, read_scene

_UNSET: Any = object()
_ANSWERED = ("reasoning", "rationale", "argument", "explanation", "justification", "reasons", "reason")
_KINDS = {bool: ("boolean",), int: ("integer", "number"), float: ("number",), dict: ("object",)}
_GRADE_NAMES = ("level", "score", "value", "grade")


class Replier:
    """One call's reply: what it holds is decided by the schema's names, the scene and the request's seed."""

    def __init__(self, parameters: SimulatedParameters, request: Request) -> None:
        self._parameters, self._request = parameters, request
        self._scene = read_scene(request.messages)
        self._voice = Voice(self._scene, request.seed)
        self._key = (parameters.seed, request.seed, self._scene.item, self._scene.card, self._scene.turn)
        self._abstains = uniform("abstain", *self._key) < parameters.abstention and not self._scene.own_scores
        self.positions: dict[str, Position] = {
            name: take_position(parameters, self._scene, scale, request.seed)
            for name, scale in self._scene.scales.items()
        }
        self._peer = self._answered_peer()
        self._stakeholder: Stakeholder | None = None
        self._sentence: str | None = None
        self._text: str | None = None
        self._kind = self._choose_kind(request.schema.get("properties", {}).get("kind", {}).get("enum") or ["claim"])

    def reply(self) -> Any:
        """The reply as a JSON value."""
        return self._fill(self._request.schema, "reply")

    # Which value a field gets

    def _fill(self, node: Mapping[str, Any], name: str) -> Any:
        value = self._known(node, name)
        if value is not _UNSET:
            fitted = _fit(value, node)
            if fitted is not _UNSET:
                return fitted
        branches = [branch for branch in node.get("anyOf", [node]) if branch.get("type") != "null"]
        return self._by_type(branches[0] if branches else node, name)

    def _known(self, node: Mapping[str, Any], name: str) -> Any:
        """A value for a field that the judge understands, else `_UNSET`."""
        if name in self.positions and not _is_object(node):
            return self._grade(self.positions[name], node)
        for known in (self._known_judgement, self._known_debate, self._known_extraction):
            value = known(name, node)
            if value is not _UNSET:
                return value
        return _UNSET

    def _known_judgement(self, name: str, node: Mapping[str, Any]) -> Any:
        if name in _ANSWERED:
            return self._words()
        if name == "certainty":
            return self._certainty()
        if name.startswith("abstain"):
            reason = "The material does not let me judge this." if self._abstains else None
            return self._abstains if _takes(node, "boolean") else reason
        if name in ("synthesis", "summary", "text") and self.positions:
            return self._voice.synthesis()
        if name == "evidence" and _is_array(node) and self._scene.phase != "extract":
            return self._evidence(_items(node))
        if name == "scores" and _is_array(node):
            return self._score_list(_items(node))
        return _UNSET

    def _known_debate(self, name: str, node: Mapping[str, Any]) -> Any:
        if name == "kind":
            return self._kind
        if name == "reply_to":
            peer = self._followed() if self._kind == "concession" else self._peer
            return peer.turn if peer and self._kind not in ("claim", "pass") else None
        if name in ("speaker", "next_speaker") and self._scene.speakers:
            return self._voice.next_speaker()
        if name == "changed_because":
            moved = [p for p in self.positions.values() if p.before is not None and p.before != p.now]
            return moved[0].cause if moved else "nothing"
        return _UNSET

    def _known_extraction(self, name: str, node: Mapping[str, Any]) -> Any:
        texts = self._scene.texts("document", "passage")
        if not texts:
            return _UNSET
        if name in ("stakeholders", "perspectives") and _is_array(node) and _is_object(_items(node)):
            return self._extract_list(name, texts, node)
        found = stakeholders(texts)
        who = self._stakeholder or (choose(found, "who", *self._key) if found else None)
        if who is None:
            return _UNSET
        sentence = self._sentence or who.sentences[0]
        values: dict[str, Callable[[], Any]] = {
            "stakeholder": lambda: who.name,
            "name": lambda: who.name,
            "role": lambda: who.name,
            "characteristics": lambda: who.characteristic,
            "characteristic": lambda: who.characteristic,
            "description": lambda: who.characteristic,
            "perspective": lambda: f"how it deals with {topic(sentence)}",
            "dimension": lambda: f"how it deals with {topic(sentence)}",
            "evidence": lambda: self._verbatim(sentence, node),
            "quote": lambda: sentence,
            "excerpts": lambda: self._verbatim(sentence, node),
        }
        return values[name]() if name in values else _UNSET

    def _by_type(self, node: Mapping[str, Any], name: str) -> Any:
        kind = node.get("type")
        if node.get("enum"):
            if all(isinstance(option, int) for option in node["enum"]):
                return self._rating({"minimum": min(node["enum"]), "maximum": max(node["enum"])}, name)
            return choose(node["enum"], name, self._request.seed, *self._key)
        if kind == "object":
            return {field: self._fill(part, field) for field, part in node.get("properties", {}).items()}
        if kind == "array":
            return [self._fill(node["items"], name) for _ in range(max(1, node.get("minItems", 1)))]
        if kind == "boolean":
            return False
        if kind in ("integer", "number"):
            return self._rating(node, name)
        text = self._words() if self.positions else f"A {name.replace('_', ' ')} in the simulated judge's words."
        return _fit(text, node)

    # Judging

    def _grade(self, position: Position, node: Mapping[str, Any]) -> Any:
        if self._abstains and _takes(node, "null"):
            return None
        options = [option for branch in node.get("anyOf", [node]) for option in branch.get("enum") or []]
        if options and all(isinstance(option, str) for option in options):
            return self._named_grade(position, options)
        return position.grade

    def _named_grade(self, position: Position, options: list[str]) -> str:
        """A grade that is asked for by its label, or a pair's preference."""
        if position.label in options:
            return position.label
        middle = (len(position.scale.values) - 1) / 2
        first, second = (next((o for o in options if o.lower().endswith(end)), options[0]) for end in ("a", "b"))
        ties = [option for option in options if option.lower() in ("tie", "equal", "same")]
        if position.now == middle and ties:
            return ties[0]
        return first if position.now >= middle else second

    def _certainty(self) -> int:
        informed = self._parameters.certainty_informed
        clear = sum(p.clarity for p in self.positions.values()) / len(self.positions) if self.positions else 0.5
        noise = normal("certainty", self._request.seed, *self._key)
        return max(1, min(100, round(45 + 50 * informed * clear + 50 * (1 - informed) * 0.5 + 6 * noise)))

    def _words(self) -> str:
        """What it says, put together once: evidence and reasons are of the same words."""
        if self._text is None:
            self._text = self._put_together()
        return self._text

    def _put_together(self) -> str:
        positions = list(self.positions.values())
        if self._scene.phase in ("observe", "coordinate"):
            return self._voice.observation() if self._scene.phase == "observe" else self._voice.choice()
        if self._scene.phase == "debate":
            return self._voice.argument(self._kind, positions, self._peer)
        return self._voice.restatement(positions) if self._scene.own_scores else self._voice.reasoning(positions)

    def _evidence(self, item: Mapping[str, Any]) -> list[Any]:
        self._words()
        quotes = [(place, text) for text, place in self._voice.cited.items()]
        if self._scene.phase == "alone":
            more = (("output", self._voice.quote()), ("source", self._voice.source_quote()))
            known = {place.partition("_")[0] for place, _ in quotes}
            quotes += [(place, text) for place, text in more if text and place not in known]
        if not _is_object(item):
            return [quote for _, quote in quotes]
        return [self._evidence_entry(item, place, quote) for place, quote in quotes]

    def _evidence_entry(self, item: Mapping[str, Any], place: str, quote: str) -> dict[str, Any]:
        entry: dict[str, Any] = {}
        for name, part in item["properties"].items():
            allowed = part.get("enum")
            if allowed:
                near = [option for option in allowed if str(option).startswith(place)]
                entry[name] = near[0] if near else allowed[0]
            elif name == "quote":
                limit = part.get("maxLength")
                entry[name] = quote[:limit] if limit else quote
            else:
                entry[name] = place if name in ("from", "from_", "claimed_from", "where") else self._fill(part, name)
        return entry

    def _score_list(self, item: Mapping[str, Any]) -> Any:
        if not _is_object(item) or "dimension" not in item["properties"]:
            return _UNSET
        entries = []
        for name, position in self.positions.items():
            entry = {field: self._fill(part, field) for field, part in item["properties"].items()}
            entry["dimension"] = name
            entry |= {field: position.grade for field in _GRADE_NAMES if field in entry}
            entries.append(entry)
        return entries

    # Debating

    def _answered_peer(self) -> Peer | None:
        """Whom it answers: the peer that stands farthest from it."""

        def distance(peer: Peer) -> float:
            return sum(_apart(position, peer) for position in self.positions.values())

        return max(self._scene.peers, key=distance, default=None)

    def _followed(self) -> Peer | None:
        """Whose argument moved it, as its words say."""
        moved = [p for p in self.positions.values() if p.before is not None and p.before != p.now]
        return self._voice.followed(moved[0]) if moved else self._peer

    def _choose_kind(self, offered: list[str]) -> str:
        positions, peer = list(self.positions.values()), self._peer
        if any(p.before is not None and p.before != p.now for p in positions):
            wanted = "concession"
        elif peer is None or not peer.argument:
            wanted = "claim"
        elif not any(_apart(position, peer) >= 1 for position in positions):
            wanted = "pass"
        else:
            wanted = "question" if uniform("question", *self._key) < 0.25 else "rebuttal"
        return wanted if wanted in offered else offered[0]

    # Reading documents, rating others

    def _extract_list(self, name: str, texts: list[str], node: Mapping[str, Any]) -> list[Any]:
        item, made, most = _items(node), [], node.get("maxItems") or 4
        if name == "stakeholders" or self._stakeholder is None:
            for who in stakeholders(texts, most):
                self._stakeholder, self._sentence = who, None
                made.append(self._fill(item, name))
            self._stakeholder = None
            return made
        for sentence in self._stakeholder.sentences[:most]:
            self._sentence = sentence
            made.append(self._fill(item, name))
        self._sentence = None
        return made

    def _verbatim(self, sentence: str, node: Mapping[str, Any]) -> Any:
        if not _is_array(node):
            return sentence
        item = _items(node)
        if not _is_object(item):
            return [sentence]
        self._sentence = sentence
        return [self._fill(item, "evidence_entry")]

    def _rating(self, node: Mapping[str, Any], name: str) -> int:
        """A rating of the observer: mostly high, with noise."""
        low, high = node.get("minimum", 1), node.get("maximum", 5)
        drawn = high - abs(normal("rating", name, self._request.seed, *self._key)) * (high - low) / 5
        return int(max(low, min(high, round(drawn))))


def _apart(position: Position, peer: Peer) -> float:
    """Grades between a position and a peer's; 0 where the peer has none."""
    theirs = peer.scores.get(position.scale.name)
    return 0.0 if theirs is None else abs(position.grade - float(theirs))


def _fit(value: Any, node: Mapping[str, Any]) -> Any:
    """`value` where the schema node takes it (text is shortened to fit), else `_UNSET`."""
    for branch in node.get("anyOf", [node]):
        kind = branch.get("type")
        if value is None:
            if kind == "null":
                return None
        elif "enum" in branch:
            if value in branch["enum"]:
                return value
        elif isinstance(value, str) and kind == "string":
            return _shorten(value, branch.get("maxLength"), branch.get("minLength", 0))
        elif isinstance(value, list) and kind == "array":
            return value[: branch.get("maxItems") or len(value)] if len(value) >= branch.get("minItems", 0) else _UNSET
        elif kind in _KINDS.get(type(value), ()):
            return value
    return "" if value is None and _takes(node, "string") and "enum" not in node else _UNSET


def _shorten(text: str, most: int | None, least: int) -> str:
    if most is not None and len(text) > most:
        text = text[:most].rsplit(" ", 1)[0] if most > 40 else text[:most]
    return text.ljust(least, ".")


def _takes(node: Mapping[str, Any], kind: str) -> bool:
    return any(branch.get("type") == kind for branch in node.get("anyOf", [node]))


def _is_object(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "object"


def _is_array(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "array"


def _items(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return node.get("items") or {}
