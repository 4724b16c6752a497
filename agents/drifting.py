"""Drift: how far a judge's contributions move away, one after the other, from how it began.

Lexical drift needs no model but the one that embeds: the distance of each turn's words to the speaker's card, and to what
the same model says of the same item without a persona.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from agents.protocol import DebateProtocol
from agents.speaking import seat_of
from agents.transcript import Phase, Transcript, Turn
from clustering import AnchorKind, Embedder, PersonaSet, render_persona

ONSET_AT = 0.1
"""Growth of a distance, in units of 1 - cosine, that counts as having moved away: a convention, not a test."""


class Drift(NamedTuple):
    """How a figure changes over a judge's contributions."""

    slope: float | None
    """Change per contribution, least squares; None below two contributions."""
    slope_low: float | None
    slope_high: float | None
    """95 % interval of the slope by Student's t over contributions; None below three of them."""
    onset: int | None
    """The first contribution that stands clearly away from the first one; None where there is none."""


class LexicalPoint(NamedTuple):
    """Distances of one turn's words, 1 minus the cosine: 0 for the same direction."""

    turn_id: str
    step: int
    """Which contribution of its speaker in this arm it is, counted from 0, the judgement alone."""
    to_card: float | None
    """None where the speaker was shown no card."""
    to_plain: float | None
    """To what its model said without a persona, the mean over those answers; None where there is none."""


class LexicalDrift(NamedTuple):
    """One seat's words, turn by turn. `onset` is the first turn at least `ONSET_AT` farther away than the first."""

    points: tuple[LexicalPoint, ...]
    to_card: Drift
    to_plain: Drift


def lexical_drift(
    transcript: Transcript,
    persona_set: PersonaSet,
    protocol: DebateProtocol,
    embedder: Embedder,
    plain: Mapping[str, Sequence[str]],
) -> dict[str, LexicalDrift]:
    """By seat: how far its words stand from its card and from its model's words without a persona.

    plain: by model, what it said alone of the same item under the anchor `none`. Asks no model.
    """
    known = {persona.id for persona in persona_set.personas}
    spoken = [(turn, step) for turn, step in steps(transcript) if turn.persona_id in known]
    cards = {} if protocol.anchor is AnchorKind.NONE else _cards(persona_set, protocol)
    texts = list(dict.fromkeys([*cards.values(), *(turn.text for turn, _ in spoken), *_all(plain, spoken)]))
    row = {text: place for place, text in enumerate(texts)}
    vectors = embedder.embed(texts)

    def apart(turn: Turn, others: Sequence[str]) -> float | None:
        if not others:
            return None
        return fmean(max(0.0, 1.0 - float(vectors[row[turn.text]] @ vectors[row[other]])) for other in others)

    found: dict[str, list[LexicalPoint]] = {}
    for turn, step in spoken:
        card = [cards[turn.persona_id]] if turn.persona_id in cards else []
        point = LexicalPoint(turn.id, step, apart(turn, card), apart(turn, plain.get(turn.model, ())))
        found.setdefault(seat_of(turn), []).append(point)
    return {seat: _lexical(points) for seat, points in found.items()}


def _cards(persona_set: PersonaSet, protocol: DebateProtocol) -> dict[str | None, str]:
    return {persona.id: render_persona(persona, protocol.anchor) for persona in persona_set.personas}


def _all(plain: Mapping[str, Sequence[str]], spoken: Sequence[tuple[Turn, int]]) -> list[str]:
    asked = {turn.model for turn, _ in spoken}
    return [text for model, said in plain.items() if model in asked for text in said]


def _lexical(points: Sequence[LexicalPoint]) -> LexicalDrift:
    cards = [(float(one.step), one.to_card) for one in points if one.to_card is not None]
    plain = [(float(one.step), one.to_plain) for one in points if one.to_plain is not None]
    return LexicalDrift(tuple(points), trend(cards, rises=ONSET_AT), trend(plain, rises=ONSET_AT))


def plain_words(transcript: Transcript) -> dict[str, tuple[str, ...]]:
    """By model: what its judges said alone. Of a run under the anchor `none` these are answers without a persona."""
    found: dict[str, list[str]] = {}
    for turn in transcript.turns:
        if turn.phase is Phase.ALONE and turn.text:
            found.setdefault(turn.model, []).append(turn.text)
    return {model: tuple(dict.fromkeys(said)) for model, said in found.items()}


def steps(transcript: Transcript) -> list[tuple[Turn, int]]:
    """The turns with words, each with its number among its seat's contributions of the same arm and order."""
    counts: dict[tuple[str, str | None, str | None], int] = {}
    found = []
    for turn in transcript.turns:
        if turn.persona_id is not None and turn.text:
            alone, key = (seat_of(turn), turn.order, None), (seat_of(turn), turn.order, turn.arm)
            before = counts.get(alone, 0) if turn.arm else 0  # every arm goes on from what was said alone
            found.append((turn, before + counts.get(key, 0)))
            counts[key] = counts.get(key, 0) + 1
    return found


def trend(points: Sequence[tuple[float, float]], *, rises: float) -> Drift:
    """The drift of (step, figure) pairs. rises: by how much a figure is clearly above the first; negative for below."""
    known = sorted(points)
    first = known[0][1] if known else 0.0
    sign = 1 if rises > 0 else -1
    onset = next((int(step) for step, figure in known if sign * (figure - first) >= abs(rises)), None)
    return Drift(_slope(known), *_slope_interval(known), onset)


def _slope(points: Sequence[tuple[float, float]]) -> float | None:
    if len({step for step, _ in points}) < 2:
        return None
    middle, mean = fmean(step for step, _ in points), fmean(figure for _, figure in points)
    spread = sum((step - middle) ** 2 for step, _ in points)
    return sum((step - middle) * (figure - mean) for step, figure in points) / spread


def _slope_interval(points: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    slope, free = _slope(points), len(points) - 2
    if slope is None or free < 1:
        return None, None
    from scipy.stats import t  # heavy

    middle, mean = fmean(step for step, _ in points), fmean(figure for _, figure in points)
    left = sum((figure - mean - slope * (step - middle)) ** 2 for step, figure in points)
    spread = sum((step - middle) ** 2 for step, _ in points)
    half = float(t.ppf(0.975, free)) * (left / free / spread) ** 0.5
    return slope - half, slope + half
