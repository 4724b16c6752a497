"""The whole report: valid JSON whatever comes in, true sentences, planted truth inside its intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stability import Rating, Ratings, RatingsError, StabilityReport, read_ratings, report_schema, stability_report

Floats = npt.NDArray[np.float64]
Plant = Callable[..., Ratings]


def told(ratings: Ratings, **options: object) -> tuple[StabilityReport, set[str]]:
    """The report after a round trip through strict JSON, and the codes of its warnings."""
    report = stability_report(ratings, **options)  # type: ignore[arg-type]
    again = StabilityReport.model_validate_json(report.model_dump_json())
    for number in numbers(json.loads(report.model_dump_json(), parse_constant=pytest.fail)):
        assert math.isfinite(number)
    codes = {w.code for w in again.warnings} | {w.code for d in again.dimensions.values() for w in d.warnings}
    return again, codes


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [n for part in value.values() for n in numbers(part)]
    if isinstance(value, list):
        return [n for part in value for n in numbers(part)]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


def covers(estimate: object, truth: float) -> bool:
    interval = estimate.ci  # type: ignore[attr-defined]
    return (interval.low is None or interval.low <= truth) and (interval.high is None or truth <= interval.high)


def test_planted_truth_lies_in_the_intervals(plant: Plant) -> None:
    ratings = plant(items=80, personas=5, runs=5, whole=False, missing=0.05, debate_sd=0.5, seed=3)
    report, _ = told(ratings, thresholds=3.0)
    one = report.dimensions["score"]
    assert covers(one.components.run, 0.36)
    assert covers(one.components.item_persona, 0.09)
    assert covers(one.components.item, 0.64)
    assert covers(one.arms["debate"].sr_single, 0.25 / 0.36)
    panel = 0.36 / 5 / (16 / 5)
    assert covers(one.arms["debate"].sr_panel, 0.25 / panel)
    assert one.arms["debate"].verdict == "less_stable"
    assert "less stable than averaging 16 independent calls" in one.sentence
    assert one.permutation["main"] == pytest.approx(1 / 2001)
    assert sum(share.value or 0 for share in one.shares.values()) == pytest.approx(1)


def test_the_null_is_not_distinguished_from_nothing(plant: Plant) -> None:
    report, codes = told(plant(items=60, personas=5, runs=4, persona_sd=0, interaction_sd=0, seed=5))
    one = report.dimensions["score"]
    assert one.claim.ratio is None
    assert one.claim.holds == "holds"
    assert "ratio_hidden" in codes
    assert "no difference that can be told from chance" in one.sentence


def test_the_universe_changes_intervals_not_values(plant: Plant) -> None:
    ratings = plant(personas=5)
    fixed, random = (told(ratings, universe=name)[0].dimensions["score"] for name in ("fixed", "random"))
    assert fixed.claim.delta.value == random.claim.delta.value
    assert fixed.flips_by_calls == random.flips_by_calls
    assert fixed.permutation == random.permutation
    assert random.components.persona.ci is not None
    assert random.components.persona.ci.method == "hybrid-chi2"
    assert fixed.components.persona.ci is not None
    width = [ci.high - ci.low for ci in (fixed.components.persona.ci, random.components.persona.ci)]  # type: ignore[operator]
    assert width[1] > width[0]
    assert random.components.run.universe == "random", "other personas' runs may vary otherwise"
    assert random.components.item.universe == "fixed", "its interval is conditional on the panel"


def test_the_same_seed_gives_the_same_report_and_run_labels_mean_nothing(plant: Plant) -> None:
    ratings = plant(items=12)
    assert stability_report(ratings, seed=4) == stability_report(ratings, seed=4)
    first = stability_report(ratings).dimensions["score"]
    other = np.random.default_rng(1).permutation(ratings.run.codes.reshape(12, 4, 4), axis=1).ravel()
    moved = type(ratings)(**{**vars(ratings), "run": type(ratings.run)(other.astype(np.int32), ratings.run.names)})
    again = stability_report(moved).dimensions["score"]
    assert again.components == first.components
    assert again.flips == first.flips


def rated(*rows: tuple[str, str | None, str, float | None]) -> Ratings:
    return Ratings.from_rows([Rating(*row) for row in rows])


@pytest.mark.parametrize(
    ("ratings", "code"),
    [
        (rated(), "empty_table"),
        (rated(("a", "p", "1", None), ("a", "q", "1", None)), "no_scores"),
        (rated(("a", "p", "1", 3.0)), "no_reruns"),
        (rated(*[(f"i{i}", "p", str(r), float(i % 3 + r)) for i in range(12) for r in range(3)]), "one_persona"),
        (rated(*[(f"i{i}", p, "1", float(i % 4)) for i in range(12) for p in "pq"]), "no_reruns"),
        (rated(*[(f"i{i}", p, str(r), 3.0) for i in range(12) for p in "pq" for r in range(3)]), "identical_scores"),
        (rated(*[("i", p, str(r), float(r)) for p in "pqs" for r in range(5)]), "one_item"),
        (rated(*[(f"i{i}", p, str(r), float(i + r)) for i in range(4) for p in "pq" for r in range(3)]), "few_clusters"),
        (
            rated(*[(f"i{i}", "pq"[i % 2], str(r), float(i % 5 + r)) for i in range(12) for r in range(2)]),
            "disconnected",
        ),
        (
            rated(*[(f"i{i}", p, str(r), None if p == "q" else float(i % 4 + r)) for i in range(12) for p in "pqs" for r in range(2)]),
            "persona_without_scores",
        ),
        (rated(*[(f"i{i}", None, str(r), float(i % 4 + r % 2)) for i in range(12) for r in range(3)], ("x", "p", "1", None)), "no_panel"),
        (
            rated(*[(f"i{i}", p, str(r), float(i % 4)) for i in range(12) for p in "pq" for r in range(2 if i == 0 else 1)]),
            "single_runs",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("universe", ["fixed", "random"])
def test_degenerate_tables_are_nulls_with_a_reason(ratings: Ratings, code: str, universe: str) -> None:
    report, codes = told(ratings, thresholds=3.0, universe=universe)
    assert code in codes
    for dimension in report.dimensions.values():
        assert dimension.verdict in ("undefined", "not_stable")
        assert dimension.sentence.endswith(".")


def test_three_judges_five_runs_by_hand() -> None:
    header = "item,persona,run,score\n"
    ann, bob, cy = [3, 4, 3, 3, 3], [2, 2, 3, 2, 2], [5, 4, 5, 5, 5]
    body = "".join(
        f"essay,{name},{run},{score}\n"
        for name, scores in (("ann", ann), ("bob", bob), ("cy", cy))
        for run, score in enumerate(scores, start=1)
    )
    report, codes = told(read_ratings((header + body).encode()))
    one = report.dimensions["score"]
    assert one.verdict == "undefined"
    assert "UNDEFINED at 3 calls: fewer than 10 items" in one.sentence
    assert one.components.run.value == pytest.approx(0.2), "each judge: one of five differs by one"
    assert one.flips.categorical.value == pytest.approx(0.4), "4 of 10 pairs of runs differ"
    assert one.components.run.ci is None
    assert {"one_item", "few_clusters"} <= codes
    assert "On this one item personas differ more than re-runs of one persona do" in one.sentence


def test_one_item_tells_its_run_variance_from_all_that_personas_add() -> None:
    """Cell means 2, 4, 6 of two runs one apart: they vary by 4, of which half a run variance of 2 is chance."""
    scores = {"p": (1.0, 3.0), "q": (3.0, 5.0), "s": (5.0, 7.0)}
    report, codes = told(rated(*[("i", p, str(r), s) for p, pair in scores.items() for r, s in enumerate(pair)]))
    claim = report.dimensions["score"].claim
    assert claim.delta.value is None, "one item: a persona's harshness is its view of this item"
    assert claim.delta_with_interaction.value == pytest.approx(2.0 - (4.0 - 2.0 / 2))
    assert {"one_item", "undefined_figures"} <= codes


@pytest.mark.parametrize(("items", "verdict"), [(40, "stable"), (20, "not_stable")])
def test_a_judge_that_never_wavers_is_stable_where_items_suffice(items: int, verdict: str) -> None:
    """Dependability is exactly 1, without an interval; that the flip rate is 0 by luck is less likely with more items."""
    rows = [(f"i{i}", p, str(r), float(i % 5 + (p == "q"))) for i in range(items) for p in "pq" for r in range(3)]
    report, codes = told(rated(*rows))
    one = report.dimensions["score"]
    assert one.dependability.panel.value == 1
    assert one.dependability.panel.ci is None
    assert one.verdict == verdict
    assert "No re-run of a persona changed its score; personas differ in their mean score." in one.sentence
    assert ("margins of error are too wide" in one.sentence) == (verdict == "not_stable")
    assert {"no_run_variation", "no_interval"} <= codes


def test_a_debate_that_calls_everything_a_3_has_no_signal() -> None:
    rng = np.random.default_rng(0)
    rows = [(f"i{i}", p, str(r), float(rng.integers(1, 6))) for i in range(30) for p in "pq" for r in range(3)]
    report, codes = told(rated(*rows, *[(f"i{i}", None, str(r), 3.0) for i in range(30) for r in range(3)]))
    assert report.dimensions["score"].arms["debate"].nsr_panel.value is None
    assert "no_signal" in codes


def test_every_null_and_every_missing_interval_is_named(plant: Plant) -> None:
    """Whatever the table, a figure without value or interval comes with a warning that lists such figures."""
    few, single = plant(items=6), plant(items=15, runs=1)
    for ratings, needed in (
        (few, "few_clusters"),
        (single, "undefined_figures"),
        (plant(items=15, personas=1), "undefined_figures"),
    ):
        assert needed in told(ratings)[1]


def test_calls_are_whole_in_the_sentence(plant: Plant) -> None:
    table = plant(debate_sd=0.3)
    verdict = table.persona.codes < 0
    calls = np.where(verdict, 26.0, 1.0)
    calls[np.flatnonzero(verdict)[::3]] = 27.0
    sentence = told(type(table)(**{**vars(table), "calls": calls}))[0].dimensions["score"].sentence
    assert "at about 26 calls" in sentence
    assert "averaging about 26 independent calls" in sentence
    assert "changes the debate's verdict" in sentence


def test_missing_is_bounded_and_abstention_is_an_outcome() -> None:
    rows = [Rating("a", "p", str(run), score) for run, score in enumerate([1.0, 5.0, 5.0, None])]
    rows += [Rating("a", "p", "9", None, abstained=True)]
    report, _ = told(Ratings.from_rows(rows), thresholds=3.0)
    counts = report.dimensions["score"].missing.personas["p"]
    assert (counts.asked, counts.used, counts.failed, counts.abstained) == (5, 3, 1, 1)
    assert counts.mean_bounds == pytest.approx((13 / 5, 21 / 5))
    assert counts.pass_rate_bounds == pytest.approx((2 / 5, 4 / 5))
    flips = report.dimensions["score"].missing.abstention_flips
    assert flips is not None
    assert flips.value == pytest.approx(2 * 1 * 3 / (4 * 3))


def test_the_plan_is_the_cheapest_and_priced(plant: Plant) -> None:
    report, _ = told(plant(items=60, personas=5, runs=4, whole=False), cost_per_call_usd=0.01)
    one = report.dimensions["score"]
    assert one.cheapest is not None
    assert one.cheapest.phi is not None
    assert one.cheapest.phi >= 0.8
    assert one.cheapest.cost_usd == pytest.approx(one.cheapest.calls * 0.01)
    parts = {name: getattr(one.components, name).value for name in ("item", "persona", "item_persona", "run")}

    def phi(p: int, r: int) -> float:
        return parts["item"] / (parts["item"] + (parts["persona"] + parts["item_persona"]) / p + parts["run"] / (p * r))

    enough = [p * r for p in range(1, 21) for r in range(1, 51) if phi(p, r) >= 0.8]
    assert one.cheapest.calls == min(enough)


def test_tokens_give_a_token_matched_panel(plant: Plant) -> None:
    table = plant(debate_sd=0.3)
    verdict = table.persona.codes < 0
    tokens, calls = np.where(verdict, 3200.0, 100.0), np.where(verdict, 16.0, 1.0)
    one = told(type(table)(**{**vars(table), "tokens": tokens, "calls": calls}))[0].dimensions["score"]
    arm = one.arms["debate"]
    assert arm.sr_panel_tokens is not None
    assert arm.sr_panel_tokens.value == pytest.approx(2 * (arm.sr_panel.value or 0)), "32 calls' worth, not 16"


def test_the_price_of_stability_is_what_is_paid_times_the_variance_that_is_left(plant: Plant) -> None:
    """Over the panel's, in calls and in dollars: by hand, from the variance of the debate's verdicts and of the calls."""
    table = plant(debate_sd=0.3)
    debate = table.persona.codes < 0
    cost, calls = np.where(debate, 0.24, 0.005), np.where(debate, 16.0, 1.0)
    one = told(type(table)(**{**vars(table), "cost_usd": cost, "calls": calls}))[0].dimensions["score"]
    frame: dict[tuple[int, int], list[float]] = {}
    for item, persona, score in zip(table.item.codes, table.persona.codes, table.score, strict=True):
        frame.setdefault((int(item), int(persona)), []).append(float(score))
    spread = {
        judge: [np.var(runs, ddof=1) for (_, who), runs in frame.items() if (who < 0) is judge]
        for judge in (True, False)
    }
    ratio = np.mean(spread[True]) / np.mean(spread[False])
    arm = one.arms["debate"]
    assert arm.sr_panel.value == pytest.approx(16 * ratio)
    assert arm.sr_panel_usd is not None
    assert arm.sr_panel_usd.value == pytest.approx(0.24 / 0.005 * ratio)
    unpaid = told(type(table)(**{**vars(table), "cost_usd": cost * 0, "calls": calls}))[0].dimensions["score"]
    assert unpaid.arms["debate"].sr_panel_usd is None, "what is free has no price"


def test_every_way_to_a_verdict_has_its_price(plant: Plant) -> None:
    table = plant(debate_sd=0.3)
    debate = table.persona.codes < 0
    cost = np.where(debate, 0.08, 0.005)

    def priced(values: Floats) -> tuple[float | None, dict[str, list[tuple[float, float | None]]]]:
        one = told(type(table)(**{**vars(table), "cost_usd": values}))[0].dimensions["score"]
        points: dict[str, list[tuple[float, float | None]]] = {}
        for point in one.flips_by_calls:
            points.setdefault(point.design, []).append((point.calls, point.cost_usd))
        return one.arms["debate"].cost_usd, points

    arm, points = priced(cost)
    assert arm == pytest.approx(0.08)
    assert [dollars for _, dollars in points["debate"]] == [pytest.approx(0.08)]
    for design in ("single", "panel"):
        assert all(dollars == pytest.approx(0.005 * calls) for calls, dollars in points[design]), design

    unknown = np.where(np.arange(len(cost)) == np.flatnonzero(debate)[0], np.nan, cost)
    assert priced(unknown)[0] is None, "one verdict without a price leaves the mean unknown"


def test_wrong_targets_and_thresholds_are_refused(plant: Plant) -> None:
    with pytest.raises(RatingsError, match="target 1"):
        stability_report(plant(items=3), target=1.0)
    with pytest.raises(RatingsError, match="dimension 'tone'"):
        stability_report(plant(items=3), thresholds={"tone": 3.0})


def test_the_committed_schema_is_current() -> None:
    path = Path(__file__).parents[3] / "docs" / "report.schema.json"
    assert json.loads(path.read_text()) == report_schema()


def test_a_table_that_varies_nowhere_is_neither_stable_nor_not() -> None:
    rows = [(f"i{i}", p, str(r), 3.0) for i in range(12) for p in "pq" for r in range(3)]
    one = told(rated(*rows))[0].dimensions["score"]
    assert one.verdict == "undefined"
    assert "every score is the same" in one.sentence
