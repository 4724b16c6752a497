"""Our own hearings as ratings: phase 1 once, restatements and verdicts by arm."""

from __future__ import annotations

import numpy as np
import pytest

from agents import Arm, DimensionVerdict, Evidence, Outcome, Phase, Run, RunResult, TextItem, Transcript, Turn, Verdict
from stability import RatingsError, ratings_from_results, stability_report

ITEM = TextItem(id="x", instruction="say", output="said", cluster="doc", system="s", human={"tone": 4.0})


def turn(persona: str, phase: Phase, arm: Arm | None, score: float | None, outcome: Outcome) -> Turn:
    return Turn(
        id=f"{phase}/{persona}", phase=phase, arm=arm, index=0, persona_id=persona, model="m", kind="judgement", text="t",
        scores={"tone": score}, certainty=80, outcome=outcome,
    )  # fmt: skip


def verdict(arm: Arm, value: float | None, calls: int, cost: float | None = None) -> Verdict:
    told = DimensionVerdict(
        value=value, passed=None, outcome=Outcome.DECIDED if value is not None else Outcome.FAILED,
        n_used=2, n_asked=2, dissent=None, by_persona={}, by_group={},
    )  # fmt: skip
    return Verdict(arm=arm, dimensions={"tone": told}, calls=calls, tokens=calls * 100, cost_usd=cost)


def result(repeat: int, item_id: str = "x") -> RunResult:
    turns = (
        turn("p", Phase.ALONE, None, 3.0, Outcome.DECIDED),
        turn("q", Phase.ALONE, None, None, Outcome.ABSTAINED),
        turn("p", Phase.RESTATED, Arm.DEBATE, 4.0, Outcome.DECIDED),
        turn("q", Phase.RESTATED, Arm.DEBATE, 2.0, Outcome.UNPARSEABLE),
    )
    run = Run(
        id=f"r{repeat}", item_id=item_id, item_hash="h", persona_set="s", rubric_hash="r", protocol_hash="p",
        models=("m",), repeat=repeat, seed=repeat,
    )  # fmt: skip
    return RunResult(
        run=run, transcript=Transcript(turns=turns, stopped={}, speaking_order=("p", "q")),
        verdicts={Arm.PANEL: verdict(Arm.PANEL, 3.0, 2), Arm.DEBATE: verdict(Arm.DEBATE, 4.0, 7)},
        outcome=Outcome.DECIDED, calls=7, input_tokens=1, output_tokens=1, cost_usd=0.5, simulated=True, code_version="c",
    )  # fmt: skip


def test_a_result_becomes_judgements_restatements_and_verdicts() -> None:
    table = ratings_from_results([result(1), result(2)], [ITEM])
    shown = [
        (table.persona.value(i), table.phase.value(i), table.arm.value(i), float(np.nan_to_num(table.score[i])))
        for i in range(6)
    ]
    assert shown == [
        ("p", "alone", "panel", 3.0),
        ("q", "alone", "panel", 0.0),
        ("p", "restated", "debate", 4.0),
        ("q", "restated", "debate", 0.0),
        (None, "verdict", "panel", 3.0),
        (None, "verdict", "debate", 4.0),
    ]
    assert table.abstained[:4].tolist() == [False, True, False, False], (
        "an unparseable reply is a failure, not an abstention"
    )
    assert np.isnan(table.score[[1, 3]]).all(), "the score of an unparseable reply counts for nothing"
    assert table.certainty is not None
    assert table.certainty[0] == 0.8
    assert table.calls is not None
    assert table.calls[5] == 7
    assert table.cluster.value(0) == "doc"
    assert table.provenance["simulated"] is True
    assert table.provenance["cost_usd"] == 1.0


def test_a_single_judge_costs_its_share_of_the_panel() -> None:
    def heard(repeat: int, panel: float | None) -> RunResult:
        arms = {Arm.PANEL: verdict(Arm.PANEL, 3.0, 2, panel), Arm.DEBATE: verdict(Arm.DEBATE, 4.0, 7, 0.05)}
        return result(repeat).model_copy(update={"verdicts": arms})

    def costs(*panel: float | None) -> dict[str, tuple[float | None, float | None]]:
        table = ratings_from_results([heard(n, one) for n, one in enumerate(panel)], [ITEM])
        points = stability_report(table).dimensions["tone"].flips_by_calls
        return {point.design: (point.cost_usd, point.tokens) for point in points if point.calls in (1, 7)}

    assert costs(0.01, 0.03) == {"single": (pytest.approx(0.01), 100), "debate": (pytest.approx(0.05), 700)}
    assert costs(0.0, 0.0)["single"] == (0.0, 100), "a judge that costs nothing has a price"
    assert costs(0.01, None)["single"] == (None, 100), "unknown is not zero"


def quoting(status: str) -> tuple[Evidence, ...]:
    return (Evidence(quote="said", claimed_from="output", status=status),)  # type: ignore[arg-type]


def test_changes_with_evidence_that_was_found_are_counted() -> None:
    results = []
    for repeat, status in enumerate(("exact", "unverified", "fuzzy", "exact")):
        made = result(repeat)
        turns = tuple(
            one.model_copy(update={"evidence": quoting(status)}) if one.phase is Phase.RESTATED else one
            for one in made.transcript.turns
        )
        results.append(made.model_copy(update={"transcript": made.transcript.model_copy(update={"turns": turns})}))
    table = ratings_from_results(results, [ITEM])
    assert table.verified is not None
    changes = stability_report(table).dimensions["tone"].position_changes
    assert changes is not None
    told = changes.arms["debate"]
    assert told.changed.value == 1.0
    assert told.with_verified_evidence is not None
    assert told.with_verified_evidence.value == pytest.approx(3 / 4), "an unverified quote is no evidence"


def test_both_orders_of_a_pair_and_the_models_are_kept() -> None:
    made = result(1)
    shown = tuple(
        one.model_copy(update={"id": f"{order}/{one.id}", "order": order, "model": f"model-{order}"})
        for order in ("ab", "ba")
        for one in made.transcript.turns
    )
    both = made.model_copy(update={"transcript": made.transcript.model_copy(update={"turns": shown})})
    table = ratings_from_results([both], [ITEM])
    assert table.order is not None
    assert table.model is not None
    assert [table.order.value(row) for row in (0, 4, 8)] == ["ab", "ba", None]
    assert table.model.value(4) == "model-ba"


def test_a_result_of_an_unknown_item_is_refused() -> None:
    with pytest.raises(RatingsError, match="'y'"):
        ratings_from_results([result(1, "y")], [ITEM])
