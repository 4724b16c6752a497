"""From items through hearings to the report: what the simulated judge was told to do is what the report says it did."""

from __future__ import annotations

import asyncio
import statistics

import pytest

from agents import Arm, DebateProtocol, Dimension, Level, Rubric, RunResult, TextItem, hear
from clustering import Persona, PersonaSet, given_persona_set
from llm import Call, LatentTruth, MemoryLedger, SimulatedParameters, open_model, simulated_truth
from stability import DimensionReport, Estimate, ratings_from_results, stability_report

ITEMS, PERSONAS, REPEATS = 30, 4, 4
PLANTED = SimulatedParameters(
    signal=0, item_sd=2, persona_sd=1.5, interaction_sd=1, run_sd=1.5, conformity=0.4, spontaneous=0.1
)
NULL = SimulatedParameters(signal=0, item_sd=2, persona_sd=0, interaction_sd=0, run_sd=1.5)
RUBRIC = Rubric(
    name="Worth",
    dimensions=(
        Dimension(
            name="worth",
            question="What is it worth?",
            levels=tuple(Level(value=grade, label=f"grade {grade}") for grade in range(21)),
            pass_threshold=10,
        ),
    ),
)
JUDGED = [
    TextItem(id=f"i{place}", instruction="Say what it cost.", output=f"It cost {place} crowns.")
    for place in range(ITEMS)
]


class Truths(MemoryLedger):
    """A ledger that reads off every first judgement what was planted for its item and persona."""

    def __init__(self, planted: SimulatedParameters) -> None:
        super().__init__()
        self._planted = planted
        self.seen: dict[str, LatentTruth] = {}

    async def record(self, call: Call) -> None:
        await super().record(call)
        if call.purpose == "judging":
            self.seen[str(call.messages)] = simulated_truth(self._planted, call.messages)["worth"]

    def personas(self) -> list[float]:
        return sorted({truth.persona for truth in self.seen.values()})


def people() -> PersonaSet:
    return given_persona_set(
        [
            Persona(id=f"p{n}", name=f"Person {n}", stakeholder=f"group {n}", group_id="all", perspective="worth")
            for n in range(PERSONAS)
        ]
    )


def report_of(planted: SimulatedParameters, *arms: Arm, seed: int) -> tuple[DimensionReport, Truths]:
    """Every item heard REPEATS times, and the report on it."""
    model, ledger, personas = open_model(planted.spec), Truths(planted), people()
    protocol = DebateProtocol(arms=arms, synthesis=False)

    async def hear_all() -> list[RunResult]:
        return [
            await hear(item, personas, RUBRIC, protocol, models=[model], repeat=repeat, seed=seed, ledger=ledger)
            for item in JUDGED
            for repeat in range(REPEATS)
        ]

    ratings = ratings_from_results(asyncio.run(hear_all()), JUDGED)
    return stability_report(ratings, thresholds=10).dimensions["worth"], ledger


def assert_holds(estimate: Estimate, truth: float, *, narrower_than: float) -> None:
    assert estimate.ci is not None
    assert estimate.ci.low is not None
    assert estimate.ci.high is not None
    assert estimate.ci.low <= truth <= estimate.ci.high, estimate
    assert estimate.ci.high - estimate.ci.low < narrower_than, "an interval that holds everything says nothing"


@pytest.fixture(scope="module")
def planted() -> tuple[DimensionReport, Truths]:
    return report_of(PLANTED, Arm.SELF_REFLECTION, Arm.STANCE, seed=11)


@pytest.fixture(scope="module")
def null() -> DimensionReport:
    return report_of(NULL, Arm.PANEL, seed=3)[0]


def test_the_run_variance_is_the_planted_one(planted: tuple[DimensionReport, Truths]) -> None:
    rounding = 1 / 12  # Sheppard: grades are whole numbers
    assert_holds(planted[0].components.run, PLANTED.run_sd**2 + rounding, narrower_than=0.8)


def test_the_persona_variance_is_that_of_these_personas(planted: tuple[DimensionReport, Truths]) -> None:
    report, truths = planted
    biases = truths.personas()
    assert len(biases) == PERSONAS
    assert_holds(report.components.persona, statistics.variance(biases), narrower_than=3)
    assert report.permutation["main"] is not None
    assert report.permutation["main"] < 0.05
    assert report.claim.ratio is not None


def test_the_interaction_variance_is_the_planted_one(planted: tuple[DimensionReport, Truths]) -> None:
    assert_holds(planted[0].components.item_persona, PLANTED.interaction_sd**2, narrower_than=2)


def test_the_conformity_is_the_planted_share_of_the_way(planted: tuple[DimensionReport, Truths]) -> None:
    changes = planted[0].position_changes
    assert changes is not None
    pull = Estimate.model_validate(changes["conformity_pull"])
    assert_holds(pull, PLANTED.conformity, narrower_than=0.1)


def test_without_personas_nothing_is_said_of_them(null: DimensionReport) -> None:
    for component in (null.components.persona, null.components.item_persona):
        # a variance above 0 has an interval on the log scale, which comes near 0 and cannot reach it
        assert component.value is not None
        assert abs(component.value) < 0.3
        assert component.ci is not None
        assert component.ci.low is not None
        assert component.ci.low < 0.02
    assert null.permutation["main"] is not None
    assert null.permutation["any"] is not None
    assert min(null.permutation["main"], null.permutation["any"]) > 0.05
    assert null.claim.holds == "holds", "chance is larger than a difference that is not there"
    assert null.claim.ratio is None
    assert null.claim.ratio_with_interaction is None
    assert "Changing persona makes no difference that can be told from chance" in null.sentence
    assert "ratio_hidden" in {warning.code for warning in null.warnings}
    assert_holds(null.components.run, NULL.run_sd**2 + 1 / 12, narrower_than=0.8)
