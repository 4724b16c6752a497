"""What the simulated judge plants in a hearing, the measures find again: conformity, persuasion, spontaneous changes."""

from __future__ import annotations

import numpy as np
import pytest

from agents import Arm, DebateProtocol, Dimension, Level, Phase, Rubric, RunResult, TextItem, hear
from clustering import Persona, given_persona_set
from llm import open_model
from stability.measures.clustered import Clustered
from stability.measures.positions import PositionChanges, position_changes

CONFORMITY, SPONTANEOUS = 0.5, 0.2
ITEMS, PERSONAS, RUNS = 30, 4, 2
ARMS = (Arm.SELF_REFLECTION, Arm.STANCE, Arm.DEBATE)
SPEC = (
    f"simulated:conformity={CONFORMITY},spontaneous={SPONTANEOUS},signal=0.2,persona_sd=1,interaction_sd=1,run_sd=0.7"
)


def _rubric() -> Rubric:
    levels = tuple(Level(value=grade, label=f"grade {grade}", anchor=f"It is worth {grade}.") for grade in range(1, 12))
    worth = Dimension(name="worth", question="What is it worth?", levels=levels, pass_threshold=6)
    return Rubric(name="Worth", dimensions=(worth,))


async def _hear_all() -> list[RunResult]:
    personas = [
        Persona(
            id=f"p{place}", name=f"Person {place}", stakeholder=f"group {place}", group_id="all", perspective="worth"
        )
        for place in range(PERSONAS)
    ]
    model, people, rubric = open_model(SPEC), given_persona_set(personas), _rubric()
    protocol = DebateProtocol(arms=ARMS, synthesis=False, turns_max=1)
    return [
        await hear(
            TextItem(id=f"i{place}", instruction="Say it.", output=f"It was said in {place} words of no great weight."),
            people,
            rubric,
            protocol,
            models=[model],
            repeat=run,
            seed=5,
        )
        for place in range(ITEMS)
        for run in range(RUNS)
    ]


def _scores(results: list[RunResult], phase: Phase, arm: Arm | None) -> np.ndarray:
    block = np.full((ITEMS, PERSONAS, RUNS), np.nan)
    for result in results:
        for turn in result.transcript.turns:
            if turn.phase == phase and turn.arm == arm and turn.persona_id is not None:
                score = turn.scores.get("worth")
                block[int(result.run.item_id[1:]), int(turn.persona_id[1:]), result.run.repeat] = (
                    np.nan if score is None else score
                )
    return block


@pytest.fixture(scope="module")
def changes() -> PositionChanges:
    import asyncio

    results = asyncio.run(_hear_all())
    restated = {arm.value: _scores(results, Phase.RESTATED, arm) for arm in ARMS}
    return position_changes(_scores(results, Phase.ALONE, None), restated, np.arange(ITEMS))


def _holds(estimate: Clustered | None, planted: float) -> bool:
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.high - estimate.low < 0.4, "an interval that holds everything says nothing"
    return estimate.low <= planted <= estimate.high


def test_planted_conformity_is_recovered(changes: PositionChanges) -> None:
    assert changes.arms["stance"].changed.n_used == ITEMS * PERSONAS * RUNS
    assert _holds(changes.conformity_pull, CONFORMITY)
    assert _holds(changes.arms["self_reflection"].pull, 0.0)


def test_planted_spontaneous_changes_are_recovered(changes: PositionChanges) -> None:
    assert _holds(changes.spontaneous, SPONTANEOUS)


def test_who_moves_towards_peers_moves_towards_the_majority(changes: PositionChanges) -> None:
    stance, reflection = changes.arms["stance"], changes.arms["self_reflection"]
    assert stance.towards_majority.value is not None
    assert reflection.towards_majority.value is not None
    assert stance.towards_majority.value > 0.7 > reflection.towards_majority.value
    assert changes.conformity is not None
    assert changes.conformity.low is not None
    assert changes.conformity.low > 0
