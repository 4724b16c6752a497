"""Aggregation, by hand and by its properties."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import Aggregation, DebateProtocol, Dimension, Level, Outcome
from agents.aggregating import FinalScore, settle
from agents.seats import Seat
from clustering import Persona, calibrate_personas, given_persona_set

NUMBERS = count(1)
DIMENSION = Dimension(
    name="clarity",
    question="?",
    levels=tuple(Level(value=value, label=str(value)) for value in range(1, 6)),
    pass_threshold=3,
)


def final(group, score, certainty=50, weight=1.0, outcome=Outcome.DECIDED):
    id_ = f"{group}-{next(NUMBERS)}"
    persona = Persona(id=id_, name=id_, stakeholder=group, group_id=group, perspective="", weight=weight)
    return FinalScore(Seat(id_, persona, None), score, certainty, outcome)


def verdict(finals, how="mean", **options):
    return settle(DIMENSION, finals, DebateProtocol(aggregation=how, **options))


# group a: 1, 2, 5 with certainties 10, 80, 10; group b: 4
FINALS = [final("a", 1.0, 10), final("a", 2.0, 80), final("a", 5.0, 10), final("b", 4.0, 100, weight=3.0)]


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("mean", (8 / 3 + 4) / 2),
        ("median", (2 + 4) / 2),
        ("trimmed", (8 / 3 + 4) / 2),
        ("certainty_weighted", (2.2 * (100 / 3) + 4 * 100) / (100 / 3 + 100)),
        ("raked", (1 + 2 + 5 + 12) / 6),
    ],
)
def test_by_hand(how, value):
    assert verdict(FINALS, how).value == pytest.approx(value)


def test_weights_raked_to_a_population_reach_the_verdict():
    personas = [final(group, None).seat.persona for group in ("a", "a", "b")]
    raked = calibrate_personas(given_persona_set(personas), {}, {"group": {"a": 0.25, "b": 0.75}})
    finals = [
        FinalScore(Seat(one.id, one, None), score, 50, Outcome.DECIDED)
        for one, score in zip(raked.personas, (1.0, 3.0, 5.0), strict=True)
    ]
    assert verdict(finals, "raked").value == pytest.approx(0.25 * 2.0 + 0.75 * 5.0)
    assert verdict(finals).value == pytest.approx((2.0 + 5.0) / 2)


def test_trimming_cuts_one_of_five_at_each_end():
    finals = [final("a", score) for score in (1.0, 1.0, 4.0, 4.0, 5.0)]
    assert verdict(finals, "trimmed").value == 3.0
    assert verdict(finals, "mean").value == 3.0
    assert verdict([final("a", score) for score in (1.0, 3.0, 3.0, 3.0, 5.0, 5.0)], "trimmed").value == 3.5


def test_missing_scores_are_counted_and_never_zero():
    finals = [
        *FINALS,
        final("c", None, None, outcome=Outcome.FAILED),
        final("c", None, None, outcome=Outcome.ABSTAINED),
    ]
    found = verdict(finals)
    assert (found.n_used, found.n_asked) == (4, 6)
    assert found.by_group["c"] is None
    assert found.value == verdict(FINALS).value
    nobody = verdict(finals[4:])
    assert (nobody.value, nobody.passed, nobody.dissent) == (None, None, None)
    assert nobody.outcome in (Outcome.FAILED, Outcome.ABSTAINED)


def test_dissent_is_the_standard_deviation_of_the_final_scores():
    assert verdict(FINALS).dissent == pytest.approx((10 / 3) ** 0.5)
    assert verdict(FINALS[:1]).dissent is None


def test_passing_is_against_the_threshold():
    assert verdict([final("a", 3.0)]).passed is True
    assert verdict([final("a", 2.0)]).passed is False


scores = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5), st.integers(1, 100)), min_size=1, max_size=12)


@given(scores, st.sampled_from(list(Aggregation)), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_verdict_lies_between_its_scores_and_forgets_their_order(drawn, how, random):
    finals = [final(group, float(score), certainty) for group, score, certainty in drawn]
    value = verdict(finals, how).value
    assert min(score for _, score, _ in drawn) - 1e-9 <= value <= max(score for _, score, _ in drawn) + 1e-9
    random.shuffle(finals)
    assert verdict(finals, how).value == pytest.approx(value)


@given(st.integers(1, 5), st.integers(1, 9), st.sampled_from(list(Aggregation)))
@settings(max_examples=30)
def test_one_voice_is_the_verdict(score, voices, how):
    assert verdict([final("abc"[n % 3], float(score)) for n in range(voices)], how).value == pytest.approx(score)
