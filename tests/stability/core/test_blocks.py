"""Humans, certainty and missing in the report, key by key, against values worked by hand and the published schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from pydantic import ValidationError

from stability import DimensionReport, Rating, Ratings, StabilityReport, report_html, stability_report

ITEMS = 10
TAU = 5.5
SWAPPED = 6 * 2 / (ITEMS * (ITEMS**2 - 1))
"""What one swap of neighbours takes off Spearman's 1."""
ESTIMATE = {"value", "ci", "n_used", "n_asked", "universe"}
STATED = {"i8": 0.9, "i4": 0.8, "i9": 0.7, "i5": 0.6}
"""Certainty of judge a's first call: the swapped items 4 and 5 are on the wrong side of the threshold."""


def rows() -> list[Rating]:
    """Items i0 to i9, humans 1 to 10; judges swap 4 and 5, the debate is right; a fails twice and abstains once."""
    told = []
    for number in range(ITEMS):
        item, human = f"i{number}", float(number + 1)
        seen = {4: 6.0, 5: 5.0}.get(number, human)
        for persona in "ab":
            for run in "12":
                failed = persona == "a" and run == "2" and number in (0, 9)
                abstained = persona == "a" and run == "2" and number == 3
                told.append(
                    Rating(
                        item, persona, run, None if failed or abstained else seen, human=human, abstained=abstained,
                        certainty=STATED.get(item) if (persona, run) == ("a", "1") else None,
                    )
                )  # fmt: skip
        told += [Rating(item, None, run, human, arm="debate", phase="verdict", human=human) for run in "12"]
    return told


@pytest.fixture(scope="module")
def report() -> StabilityReport:
    return stability_report(Ratings.from_rows(rows()), thresholds=TAU, target=0.8)


@pytest.fixture(scope="module")
def one(report: StabilityReport) -> DimensionReport:
    return report.dimensions["score"]


def test_the_report_is_what_the_published_schema_says(report: StabilityReport) -> None:
    schema = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text())
    told = json.loads(report.model_dump_json(by_alias=True))
    jsonschema.validate(told, schema)
    assert told["schema"] == "rehearing.report/1"
    wrong = {**told, "dimensions": {"score": {**told["dimensions"]["score"], "more": 1}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


@pytest.mark.parametrize("block", ["humans", "certainty", "missing"])
def test_no_block_takes_what_the_schema_does_not_name(report: StabilityReport, block: str) -> None:
    schema = json.loads((Path(__file__).parents[3] / "docs" / "report.schema.json").read_text())
    told = json.loads(report.model_dump_json(by_alias=True))
    own = told["dimensions"]["score"]
    own[block] = {**own[block], "more": 1}
    with pytest.raises(jsonschema.ValidationError, match="more"):
        jsonschema.validate(told, schema)
    with pytest.raises(ValidationError, match="more"):
        StabilityReport.model_validate(told)


def test_humans(one: DimensionReport) -> None:
    humans: Any = one.model_dump(mode="json")["humans"]
    assert set(humans) == {"panel", "debate", "difference"}
    for name, expected in (("panel", 1 - SWAPPED), ("debate", 1.0)):
        assert [entry["runs"] for entry in humans[name]] == [1, 2]
        for entry in humans[name]:
            assert set(entry) == {"runs", "spearman", "kendall", "pearson"}
            assert set(entry["spearman"]) == ESTIMATE
            assert entry["spearman"]["value"] == pytest.approx(expected)
            assert entry["pearson"]["value"] == pytest.approx(expected), "the scores are their ranks"
            assert entry["kendall"]["value"] == pytest.approx(1.0 if name == "debate" else (44 - 1) / 45)
            assert entry["spearman"]["n_used"] == ITEMS
            ends = entry["spearman"]["ci"]
            assert (ends["method"], ends["level"]) == ("cluster-bootstrap", 0.95)
            assert ends["low"] <= expected <= ends["high"] + 1e-9
    difference = humans["difference"]
    assert set(difference) == {"arms", "spearman", "williams"}
    assert difference["arms"] == ["debate", "panel"]
    assert difference["spearman"]["value"] == pytest.approx(SWAPPED)
    rho = 1 - SWAPPED
    hand = (1 - rho) * np.sqrt(9 * (1 + rho) / (((1 + rho) / 2) ** 2 * (1 - rho) ** 3))  # |R| = 0 with a perfect arm
    assert set(difference["williams"]) == {"difference", "statistic", "p"}
    assert difference["williams"]["statistic"] == pytest.approx(hand, rel=1e-6)


def test_certainty(one: DimensionReport) -> None:
    certainty: Any = one.model_dump(mode="json")["certainty"]
    assert set(certainty) == {
        "judged_by", "verdicts", "aurc", "risk_coverage", "selective_accuracy", "auroc", "brier", "ece", "ece_floor",
        "threshold", "reading",
    }  # fmt: skip
    assert certainty["judged_by"] == "pass or fail as the humans"
    assert certainty["verdicts"] == 4
    assert set(certainty["aurc"]) == ESTIMATE
    assert certainty["aurc"]["value"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert certainty["aurc"]["ci"] is None, "four clusters"
    curve = certainty["risk_coverage"]
    assert set(curve) == {"coverage", "risk", "aurc", "base", "oracle", "excess", "normalised"}
    assert curve["coverage"] == pytest.approx([0.25, 0.5, 0.75, 1])
    assert curve["risk"] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert curve["base"] == 0.5
    assert curve["oracle"] == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert curve["excess"] == pytest.approx(0.125)
    assert curve["normalised"] == pytest.approx((0.5 - 1 / 3) / (0.5 - 5 / 24))
    assert certainty["selective_accuracy"]["0.5"] == 0.5
    assert set(certainty["selective_accuracy"]) == {"0.5", "0.8", "0.9"}
    assert certainty["auroc"] == pytest.approx(3 / 4)
    assert certainty["brier"] == pytest.approx((0.1**2 + 0.8**2 + 0.3**2 + 0.6**2) / 4)
    assert certainty["ece"] == pytest.approx((0.1 + 0.8 + 0.3 + 0.6) / 4)
    assert 0 < certainty["ece_floor"] < 1
    threshold = {"threshold": None, "coverage": 0.0, "agreement": None, "lower_limit": None, "n_accepted": 0}
    assert certainty["threshold"] == threshold
    assert certainty["reading"].startswith("abstain always")


def test_a_threshold_that_holds_is_said() -> None:
    told = [
        Rating(f"i{number}", "a", "1", 5.0 if number % 2 else 1.0, human=5.0 if number % 2 else 1.0, certainty=0.75)
        for number in range(40)
    ]
    certainty: Any = stability_report(Ratings.from_rows(told), thresholds=3.0, target=0.9).model_dump(mode="json")[
        "dimensions"
    ]["score"]["certainty"]
    assert certainty["threshold"]["threshold"] == 0.75
    assert certainty["threshold"]["lower_limit"] == pytest.approx(0.05 ** (1 / 40)), "Clopper and Pearson, none wrong"
    assert certainty["reading"].startswith("answer where certainty is 0.75 or more")


def test_missing(one: DimensionReport) -> None:
    missing: Any = one.model_dump(mode="json")["missing"]
    assert set(missing) == {"personas", "arms", "abstention_flips"}
    a, b = missing["personas"]["a"], missing["personas"]["b"]
    whole, lost = 2 * 55.0, 1.0 + 10.0 + 4.0
    assert a == {
        "asked": 20, "used": 17, "failed": 2, "abstained": 1, "failed_rate": 0.1, "abstained_rate": 0.05,
        "mean": pytest.approx((whole - lost) / 17),
        "mean_bounds": pytest.approx([(whole - lost + 3 * 1) / 20, (whole - lost + 3 * 10) / 20]),
        "pass_rate": pytest.approx(9 / 17), "pass_rate_bounds": pytest.approx([9 / 20, 12 / 20]),
    }  # fmt: skip
    assert (b["asked"], b["used"], b["failed"], b["abstained"]) == (20, 20, 0, 0)
    assert b["mean_bounds"] == [b["mean"], b["mean"]] == [5.5, 5.5]
    assert set(missing["arms"]) == {"debate"}
    assert missing["arms"]["debate"]["pass_rate"] == 0.5
    flips = missing["abstention_flips"]
    assert set(flips) == ESTIMATE
    # of ten items a's pair of calls can be told for eight (two lost one); on one of them it abstains once: rate 1 in
    # one of its two personas' cells
    assert flips["value"] == pytest.approx((1 / 2) / 10)


def test_the_footer_of_the_page_counts_what_is_missing_and_says_how_intervals_were_made() -> None:
    told = [replace(row, time=f"2026-03-0{row.run}T09:00") for row in rows()]
    page = report_html(stability_report(Ratings.from_rows(told), universe="random"))
    assert "2 ratings failed, 1 abstained" in page
    assert "for any such personas where they say so, else these" in page
    assert "2026-03-01 to 2026-03-02" in page


def test_without_humans_certainty_or_anything_missing_they_are_null_or_empty() -> None:
    bare = [Rating(f"i{number}", "a", run, 3.0 + number % 2) for number in range(4) for run in "12"]
    told = stability_report(Ratings.from_rows(bare)).dimensions["score"]
    assert told.humans is None
    assert told.certainty is None
    missing: Any = told.model_dump(mode="json")["missing"]
    assert missing["abstention_flips"] is None
    assert missing["personas"]["a"]["pass_rate"] is None
    assert missing["personas"]["a"]["pass_rate_bounds"] is None
    assert missing["arms"] == {}
    stated = [Rating(f"i{number}", "a", "1", 3.0, certainty=0.5) for number in range(4)]
    report = stability_report(Ratings.from_rows(stated)).dimensions["score"]
    assert report.certainty is None
    assert "certainty_without_humans" in {warning.code for warning in report.warnings}
