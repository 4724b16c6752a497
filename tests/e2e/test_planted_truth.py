"""From items through hearings to the report: what the simulated judge was told to do is what the report says it did.

A 95 % interval misses now and then, so no single one is asserted. Eight worlds are planted and heard. An interval that
covers 92 % of the time (the least that the report aims at) holds fewer than 5 of 8 truths with probability 0.002; one
that covers half of the time, with 0.64. Over all 40 intervals of the planted worlds 32 or fewer have probability 0.01 at
92 % and 0.82 at 75 %. The seeds are 0 to 7, not chosen.
"""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import replace

import pytest

from agents import Arm, DebateProtocol, Dimension, Level, Rubric, RunResult, TextItem, hear
from clustering import Persona, PersonaSet, given_persona_set
from llm import Call, LatentTruth, MemoryLedger, SimulatedParameters, open_model, simulated_truth
from stability import DimensionReport, Estimate, ratings_from_results, stability_report

ITEMS, PERSONAS, REPEATS = 12, 4, 3
WORLDS, HELD_MIN, HELD_OF_ALL_MIN = 8, 5, 33
PLANTED = SimulatedParameters(
    signal=0, item_sd=2, persona_sd=1.5, interaction_sd=1, run_sd=1.5, conformity=0.4, spontaneous=0.2
)
NULL = SimulatedParameters(signal=0, item_sd=2, persona_sd=0, interaction_sd=0, run_sd=1.5)
RUN_VARIANCE = PLANTED.run_sd**2 + 1 / 12
"""Sheppard's correction: grades are whole numbers."""
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


def report_of(planted: SimulatedParameters, *arms: Arm) -> tuple[DimensionReport, Truths]:
    """Every item heard REPEATS times, and the report on it."""
    model, ledger, personas = open_model(planted.spec), Truths(planted), people()
    protocol = DebateProtocol(arms=arms, synthesis=False)

    async def hear_all() -> list[RunResult]:
        return [
            await hear(item, personas, RUBRIC, protocol, models=[model], repeat=repeat, seed=1, ledger=ledger)
            for item in JUDGED
            for repeat in range(REPEATS)
        ]

    ratings = ratings_from_results(asyncio.run(hear_all()), JUDGED)
    return stability_report(ratings, thresholds=10).dimensions["worth"], ledger


def holds(estimate: Estimate, truth: float) -> bool:
    assert estimate.ci is not None
    assert estimate.ci.low is not None
    assert estimate.ci.high is not None
    return estimate.ci.low <= truth <= estimate.ci.high


@pytest.fixture(scope="module")
def planted() -> list[tuple[DimensionReport, Truths]]:
    return [report_of(replace(PLANTED, seed=seed), Arm.SELF_REFLECTION, Arm.STANCE) for seed in range(WORLDS)]


@pytest.fixture(scope="module")
def nulls() -> list[DimensionReport]:
    return [report_of(replace(NULL, seed=seed), Arm.PANEL)[0] for seed in range(WORLDS)]


def held(report: DimensionReport, truths: Truths) -> dict[str, bool]:
    """Which intervals of one world hold what was planted."""
    biases, changes = truths.personas(), report.position_changes
    assert len(biases) == PERSONAS
    assert changes is not None
    return {
        "run": holds(report.components.run, RUN_VARIANCE),
        "persona": holds(report.components.persona, statistics.variance(biases)),
        "interaction": holds(report.components.item_persona, PLANTED.interaction_sd**2),
        "conformity": holds(changes.conformity_pull, PLANTED.conformity),
        "spontaneous": holds(changes.spontaneous, PLANTED.spontaneous),
    }


def test_the_intervals_hold_what_was_planted(planted: list[tuple[DimensionReport, Truths]]) -> None:
    found = [held(*world) for world in planted]
    counts = {name: sum(world[name] for world in found) for name in found[0]}
    assert min(counts.values()) >= HELD_MIN, counts
    assert sum(counts.values()) >= HELD_OF_ALL_MIN, counts


def test_the_shares_of_changes_are_unbiased(planted: list[tuple[DimensionReport, Truths]]) -> None:
    """Mean over the worlds within 3 standard errors of what was planted, and the standard error small beside it."""
    for name, truth in (("spontaneous", PLANTED.spontaneous), ("conformity_pull", PLANTED.conformity)):
        values = [getattr(report.position_changes, name).value for report, _ in planted]
        known = [value for value in values if value is not None]
        assert len(known) == WORLDS
        error = statistics.stdev(known) / WORLDS**0.5
        assert abs(statistics.mean(known) - truth) < 3 * error, name
        assert error < truth / 10, name


def test_planted_personas_are_told_from_chance(planted: list[tuple[DimensionReport, Truths]]) -> None:
    for report, truths in planted:
        assert statistics.variance(truths.personas()) > 0
        p = report.permutation["main"]
        assert p is not None
        assert (report.claim.ratio is not None) == (p <= 0.05)
    assert sum((report.permutation["main"] or 0) <= 0.05 for report, _ in planted) >= HELD_MIN


def test_without_personas_the_intervals_hold_0(nulls: list[DimensionReport]) -> None:
    """Two-sided, but 0 is the least that a variance can be: what fails is a lower limit above it."""
    for name in ("persona", "item_persona"):
        limits = [getattr(report.components, name).ci.low for report in nulls]
        assert sum(low <= 0 for low in limits) >= HELD_MIN, (name, limits)
    assert sum(holds(report.components.run, RUN_VARIANCE) for report in nulls) >= HELD_MIN


def test_without_personas_nothing_is_said_of_them(nulls: list[DimensionReport]) -> None:
    quiet = [report for report in nulls if (report.permutation["main"] or 0) > 0.05]
    assert len(quiet) >= HELD_MIN
    assert sum((report.permutation["any"] or 0) > 0.05 for report in nulls) >= HELD_MIN
    for report in quiet:
        assert report.claim.ratio is None
        assert report.claim.ratio_with_interaction is None
        assert "ratio_hidden" in {warning.code for warning in report.warnings}
        assert "Changing persona makes no difference that can be told from chance" in report.sentence
    assert all(report.claim.holds == "holds" for report in nulls), "run variance of 2.3 against none"
