"""Lexical drift: distances worked by hand, in a space of two axes."""

from __future__ import annotations

import numpy as np
import pytest

from agents import Arm, DebateProtocol, Outcome, Phase, Transcript, Turn, hear, lexical_drift, plain_words
from clustering import AnchorKind, render_persona
from llm import open_model


class Space:
    """Puts each text where the test says; its vectors are of length 1."""

    name = "space"

    def __init__(self, degrees):
        self._degrees = degrees

    def embed(self, texts, progress=None):
        angles = np.deg2rad([self._degrees[text] for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def turn(number, text, *, arm=Arm.DEBATE, phase=Phase.DEBATE, persona="nurse-1"):
    return Turn(
        id=f"t{number}", phase=phase, arm=arm, index=number, persona_id=persona, seat_id=persona, model="m",
        kind="claim", text=text, scores={}, outcome=Outcome.DECIDED,
    )  # fmt: skip


def script(*turns):
    return Transcript(turns=turns, stopped={}, speaking_order=())


SAID = script(
    turn(0, "at the card", arm=None, phase=Phase.ALONE), turn(1, "near it"), turn(2, "", persona="nurse-2"),
    turn(3, "far off"), turn(4, "opposite", phase=Phase.RESTATED), turn(5, "the clerk", persona=None),
)  # fmt: skip


def test_drift_by_hand(panel):
    protocol = DebateProtocol()
    card = render_persona(panel.personas[0], protocol.anchor)
    others = {render_persona(persona, protocol.anchor): 10 for persona in panel.personas}
    space = Space(others | {card: 0, "at the card": 0, "near it": 20, "far off": 60, "opposite": 180, "plain": 90})
    found = lexical_drift(SAID, panel, protocol, space, {"m": ["plain"], "another": ["never embedded"]})
    assert list(found) == ["nurse-1"], "silence and the clerk have no drift"
    own = found["nurse-1"]
    assert [(point.turn_id, point.step) for point in own.points] == [("t0", 0), ("t1", 1), ("t3", 2), ("t4", 3)]
    # 1 - cos of 0, 20, 60 and 180 degrees; of 90, 70, 30 and 90
    assert [point.to_card for point in own.points] == pytest.approx([0, 0.0603074, 0.5, 2])
    assert [point.to_plain for point in own.points] == pytest.approx([1, 0.6579799, 0.1339746, 1])
    # sum of (step - 1.5) x distance over 5: -0.03015 + 0.25 + 3 / 5
    assert own.to_card.slope == pytest.approx((-0.5 * 0.0603074 + 0.5 * 0.5 + 1.5 * 2) / 5)
    assert own.to_card.slope_low < own.to_card.slope < own.to_card.slope_high
    assert own.to_card.onset == 2
    assert own.to_plain.onset is None, "it came nearer to an answer without a persona, and away from it no farther"


def test_what_nobody_said_is_unknown_and_not_zero(panel):
    protocol = DebateProtocol(anchor=AnchorKind.NONE)
    space = Space(dict.fromkeys(("at the card", "near it", "far off", "opposite"), 5))
    (own,) = lexical_drift(SAID, panel, protocol, space, {}).values()
    assert {(point.to_card, point.to_plain) for point in own.points} == {(None, None)}
    assert own.to_card == own.to_plain == (None, None, None, None)


async def test_plain_words_are_what_was_said_alone(summary, panel, rubric):
    protocol = DebateProtocol(anchor=AnchorKind.NONE, turns_max=2)
    result = await hear(summary, panel, rubric, protocol, models=[open_model("simulated")], repeat=0, seed=1)
    (said,) = plain_words(result.transcript).values()
    alone = {turn.text for turn in result.transcript.turns if turn.phase is Phase.ALONE}
    assert set(said) == alone
    assert plain_words(script()) == {}
