"""Adherence, and its drift."""

from __future__ import annotations

import pytest

from agents import Arm, DebateProtocol, drift, hear, observe
from agents.observing import QUESTIONS, Observation, ObservationReply, adherence
from llm import open_model


def seen(step, role):
    rating = ObservationReply(
        reasons="",
        role=role,
        **dict.fromkeys(
            ("expected_action", "justification", "linguistic_habits", "consistency", "toxicity_control"), 3
        ),
    )
    return Observation(f"t{step}", "nurse-1", step, (rating,), 1)


def test_drift_by_hand():
    found = drift([seen(0, 3), seen(1, 3), seen(2, 1), seen(3, 1)], "nurse-1")
    assert found.slope == pytest.approx(-0.8)
    assert found.onset == 2
    # residuals -0.2, 0.6, -0.6, 0.2 about a mean step of 1.5: t(2) 4.3027 x sqrt(0.8 / 2 / 5)
    assert (found.slope_low, found.slope_high) == pytest.approx((-0.8 - 1.21699, -0.8 + 1.21699), abs=1e-4)
    assert drift([seen(0, 3), seen(1, 2)], "nurse-1")[1:3] == (None, None), "two points leave nothing to tell noise by"
    assert drift([seen(0, 3)], "nurse-1") == (None, None, None, None)
    assert drift([], "nurse-1") == (None, None, None, None)
    assert drift([seen(0, 2), Observation("t1", "nurse-1", 1, (), 3)], "nurse-1").slope is None, "unparseable is not 0"


def test_adherence_by_hand():
    seat = [seen(0, 3), seen(1, 2), seen(2, 1), Observation("t3", "nurse-1", 3, (), 1)]
    found = adherence(seat, "nurse-1")
    assert list(found) == ["role", *QUESTIONS]
    # mean 2, standard deviation 1 over three contributions: t(2) 4.3027 / sqrt(3) = 2.48, more than the scale holds
    assert found["role"] == pytest.approx((2, 0, 3, 3, 4))
    near = adherence([seen(0, 2), seen(1, 2), seen(2, 2), seen(3, 1)], "nurse-1")["role"]
    # mean 1.75, standard deviation 0.5 over four: t(3) 3.1824 / 4
    assert near == pytest.approx((1.75, 1.75 - 0.79561, 1.75 + 0.79561, 4, 4), abs=1e-4)
    assert adherence(seat[:1], "nurse-1")["role"] == (3, None, None, 1, 1)
    assert adherence(seat, "nobody")["role"] == (None, None, None, 0, 0)


async def test_an_observer_sees_the_words_and_not_the_grades(summary, panel, rubric, ruled):
    protocol, model = DebateProtocol(arms=(Arm.DEBATE,)), open_model("simulated")
    result = await hear(summary, panel, rubric, protocol, models=[model], repeat=0, seed=1)
    observer = ruled(lambda question: {"role": question.request.seed % 4})
    told = []
    observed = await observe(
        summary, panel, rubric, protocol, result.transcript, models=[model], observer=observer, times=3, repeat=0,
        seed=1, progress=lambda *done: told.append(done),
    )  # fmt: skip
    spoken = [turn for turn in result.transcript.turns if turn.persona_id]
    assert [part.turn_id for part in observed] == [turn.id for turn in spoken]
    assert told == [(done, len(spoken)) for done in range(1, len(spoken) + 1)]
    assert all(part.n_asked == len(part.ratings) == 3 for part in observed)
    assert len({request.seed for request in observer.requests}) == len(observer.requests) == 3 * len(spoken)
    assert all('"scores": {}' in request.messages[-1].content for request in observer.requests)
    assert [part.step for part in observed if part.seat_id == "nurse-1"][:2] == [0, 1]
