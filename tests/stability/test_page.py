"""The report page: opens from disk, says what is undefined, escapes what it did not write."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from stability.page import flips_png, flips_svg, report_html, shares_png, shares_svg
from stability.page.charts import STEP, _side_by_side, _ticks
from stability.page.figures import dollars, estimate_text, p_text, rounded
from stability.page.tables import detail_tables
from stability.report import (
    Alpha,
    ArmReport,
    ByCalls,
    Certainty,
    CertaintyThreshold,
    Claim,
    Components,
    Dependability,
    DimensionReport,
    Estimate,
    Flips,
    Icc,
    Interval,
    Missing,
    MissingCounts,
    Plan,
    Population,
    ReportWarning,
    RiskCoverageCurve,
    StabilityReport,
)
from stability.report_why import PositionsReport, Provenance, SystemsReport

HOSTILE = "<script>alert(1)</script> & \"quoted\" 'x'"
NURSE = MissingCounts(
    asked=9, used=6, failed=3, abstained=0, failed_rate=1 / 3, abstained_rate=0.0,
    mean=3.0, mean_bounds=(2.3, 3.7), pass_rate=None, pass_rate_bounds=None,
)  # fmt: skip
UNDEFINED = Estimate(value=None, ci=None, n_used=0, n_asked=8, universe="fixed")


def _estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    ci = None if low is None and high is None else Interval(low=low, high=high, method="jackknife-t(log)")
    return Estimate(value=value, ci=ci, n_used=60, n_asked=62, universe="fixed")


def _arm() -> ArmReport:
    return ArmReport(
        sr_single=_estimate(0.52, 0.4, 0.6),
        sr_panel=_estimate(8.4, 7.0, 9.2),
        nsr_panel=_estimate(7.9, 6.0, 9.0),
        flips=_estimate(0.09, 0.08, 0.11),
        calls=16.0,
        tokens=None,
        verdict="less_stable",
    )


def _dimension(**changes: object) -> DimensionReport:
    shares = {"item": 0.48, "persona": 0.09, "item_persona": 0.03, "run": 0.40}
    full: dict[str, object] = {
        "verdict": "not_stable",
        "sentence": f"{HOSTILE}: NOT STABLE at 5 calls.",
        "components": Components(
            item=_estimate(0.28, 0.2, 0.33),
            persona=_estimate(0.05, 0.02, 0.09),
            item_persona=_estimate(-0.006, -0.02, 0.07),
            run=_estimate(0.19, 0.17, 0.2),
        ),
        "shares": {key: _estimate(value, value - 0.02, value + 0.02) for key, value in shares.items()},
        "claim": Claim(
            delta=_estimate(0.14, 0.1, 0.2),
            delta_with_interaction=UNDEFINED,
            holds="holds",
            ratio=None,
            ratio_with_interaction=None,
        ),
        "dependability": Dependability(single=_estimate(0.48, 0.44, 0.52), panel=_estimate(0.8), debate=None),
        "plan": tuple(Plan(personas=p, runs=1, phi=p / (p + 1), calls=p, cost_usd=0.001 * p) for p in (1, 2, 5)),
        "cheapest": Plan(personas=5, runs=1, phi=0.83, calls=5, cost_usd=0.005),
        "icc": {HOSTILE: Icc(single=_estimate(0.5), average=_estimate(0.8))},
        "alpha": Alpha(runs={"nurse": _estimate(0.5)}, all=UNDEFINED),
        "flips": Flips(categorical=_estimate(0.22, 0.21, 0.24), threshold=None),
        "flips_by_calls": (
            ByCalls(calls=1, flips=_estimate(0.22, 0.2, 0.24), design="single"),
            ByCalls(calls=5, flips=_estimate(0.08, 0.07, 0.09), design="panel"),
            ByCalls(calls=16, flips=_estimate(0.03, None, 0.05), design="debate"),
            ByCalls(calls=32, flips=UNDEFINED, design="panel"),
        ),
        "arms": {"debate": _arm()},
        "position_changes": PositionsReport(
            arms={},
            spontaneous=_estimate(0.37, 0.3, 0.4),
            conformity=UNDEFINED,
            persuasion=None,
            conformity_pull=None,
            persuasion_pull=None,
        ),
        "systems": SystemsReport(kendall_tau=_estimate(0.5), systems=2, mean_scores={HOSTILE: 3.25, "b": None}),
        "effective_judges": _estimate(2.1, 1.7, 2.8),
        "permutation": {"main": 0.0005, "any": None, "permutations": 2000},
        "humans": None,
        "certainty": _certainty(),
        "missing": Missing(personas={"nurse": NURSE}, arms={}, abstention_flips=None),
        "warnings": (ReportWarning(code="few_runs", message=HOSTILE),),
    }
    return DimensionReport.model_validate(full | changes)


def _certainty() -> Certainty:
    return Certainty(
        judged_by="pass or fail as the humans", verdicts=3, aurc=UNDEFINED, selective_accuracy={}, auroc=None, brier=None,
        ece=None, ece_floor=None, reading="abstain always",
        risk_coverage=RiskCoverageCurve(
            coverage=tuple(range(50)), risk=(0, 1), aurc=0.1, base=0.2, oracle=0.1, excess=0.1, normalised=None
        ),
        threshold=CertaintyThreshold(threshold=None, coverage=0, agreement=None, lower_limit=None, n_accepted=0),
    )  # fmt: skip


def _report(dimensions: dict[str, DimensionReport], **provenance: object) -> StabilityReport:
    population = Population(items=62, clusters=31, personas=5, runs=5, ratings_used=1500, ratings_asked=1550)
    return StabilityReport(
        population=population, dimensions=dimensions, provenance=Provenance.model_validate(provenance)
    )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "data"}]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        assert not [name for name, _ in attrs if name.startswith("on")], "an inline event handler"


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


def test_page_needs_nothing_but_itself() -> None:
    page = report_html(_report({"coherence": _dimension(), "fluency": _dimension()}))
    reader = _read(page)
    assert len(page.encode()) < 2_000_000
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    assert all(address.startswith("#") for address in reader.addresses)
    assert "url(" not in page
    assert "@import" not in page
    assert len(reader.ids) == len(set(reader.ids)), "ids are unique, so anchors lead where they say"
    assert {address[1:] for address in reader.addresses} <= set(reader.ids)


def test_everything_is_escaped_in_the_page_and_in_its_plots() -> None:
    page = report_html(
        _report({HOSTILE: _dimension()}, models=[HOSTILE]), title=HOSTILE, links={HOSTILE: "run?a=1&b=2"}
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 8
    assert 'href="run?a=1&amp;b=2"' in page


def test_link_that_would_run_a_script_is_refused() -> None:
    with pytest.raises(ValueError, match="javascript"):
        report_html(_report({}), links={"here": " javascript:alert(1)"})


def test_order_is_sentence_numbers_plots_tables_warnings_footer() -> None:
    page = report_html(_report({"coherence": _dimension()}))
    places = [
        page.index(mark) for mark in ('class="sentence', 'class="number"', "<svg", "<table", 'id="warnings"', "<footer")
    ]
    assert places == sorted(places)
    assert page.count("<svg") == 2


def test_page_without_plots_or_dimensions_says_so() -> None:
    bare = _dimension(shares={}, flips_by_calls=(), arms={}, plan=(), cheapest=None, position_changes=None, warnings=())
    page = report_html(_report({"coherence": bare}))
    assert "<svg" not in page
    assert "no plan could be made" in page
    assert "no dimension with a score" in report_html(_report({}))


@pytest.mark.parametrize(
    ("provenance", "said"),
    [
        ({"models": ["simulated:run_sd=1"]}, True),
        ({"simulated": True}, True),
        ({"models": ["openai:m"]}, False),
        ({}, False),
    ],
)
def test_simulated_judge_is_named(provenance: dict[str, object], said: bool) -> None:
    assert ("not for judging" in report_html(_report({"coherence": _dimension()}, **provenance))) is said


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [
        (None, False, "undefined"),
        (0.0, False, "0"),
        (0.4812, False, "0.48"),
        (0.0535, False, "0.053"),
        (-0.0061, False, "−0.0061"),
        (3.456, False, "3.46"),
        (0.00049, False, "0.0005"),
        (-0.00001, False, "−1e−05"),
        (16.0, False, "16"),
        (12345.6, False, "12,346"),
        (0.2249, True, "22%"),
        (0.031, True, "3.1%"),
        (0.03, True, "3%"),
        (1.0, True, "100%"),
    ],
)
def test_numbers_have_two_or_three_significant_digits(value: float | None, percent: bool, text: str) -> None:
    assert rounded(value, percent=percent) == text


def test_estimates_say_interval_bound_or_undefined() -> None:
    assert estimate_text(_estimate(0.48, 0.44, 0.52)) == "0.48 (95% CI 0.44 to 0.52)"
    assert estimate_text(_estimate(0.48, 0.44, None)) == "0.48 (95% CI at least 0.44)"
    assert estimate_text(_estimate(0.48, None, 0.5)) == "0.48 (95% CI at most 0.50)"
    assert estimate_text(_estimate(0.48)) == "0.48 (no interval)"
    assert estimate_text(UNDEFINED) == "undefined"
    assert [p_text(p) for p in (0.0004998, 0.132, None)] == ["below 0.001", "0.13", "undefined"]
    assert [dollars(cost) for cost in (None, 0, 0.0012, 12.5)] == ["unknown", "$0", "$0.0012", "$12.50"]


def test_tables_carry_counts_and_universe_and_never_call_a_negative_component_zero() -> None:
    tables = {table.caption: table for table in detail_tables(_dimension())}
    variance = tables["Where the variance comes from"]
    assert variance.rows[2] == (
        "Item × persona",
        "−0.0060, not distinguishable from 0",
        "−0.020 to 0.070",
        "60 of 62",
        "these personas",
    )
    changes = tables["Changes of position"].rows
    assert changes[0][:3] == ("changes after seeing nothing new", "0.37", "0.30 to 0.40")
    assert changes[1][:2] == ("further changes after seeing the others' scores", "undefined")
    assert [row[:2] for row in tables["Ranking of systems"].rows[2:]] == [
        (f"mean score: {HOSTILE}", "3.25"),
        ("mean score: b", "undefined"),
    ]
    curve = {row[0]: row[1] for row in tables["Certainty"].rows}
    assert curve["risk coverage: coverage"] == "0 … 49 (50 values)"
    assert curve["risk coverage: risk"] == "0, 1"
    assert "Individuation of personas" not in tables
    arms = next(table for caption, table in tables.items() if caption.startswith("What each arm buys"))
    assert arms.rows[0][0] == "Debate"
    assert arms.rows[0][-1] == "less stable than averaging at equal cost"
    assert all(len(row) == len(table.columns) for table in tables.values() for row in table.rows)


def test_best_plans_are_the_frontier() -> None:
    plans = tuple(
        Plan(personas=p, runs=1, phi=phi, calls=p, cost_usd=None) for p, phi in ((1, 0.5), (2, 0.4), (3, 0.7))
    )
    table = next(t for t in detail_tables(_dimension(plan=plans, cheapest=None)) if "so many calls" in t.caption)
    assert [row[0] for row in table.rows] == ["1", "3"]


def test_plots_as_pictures() -> None:
    dimension = _dimension()
    report = _report({"coherence": dimension})
    for png in (shares_png(report), flips_png(dimension)):
        assert png is not None
        assert png.startswith(b"\x89PNG")
    svg = flips_svg(dimension)
    assert svg is not None
    assert "currentColor" in svg, "ink follows the page's scheme"
    assert "Debate, 16 calls: 3% (95% CI at most 5%)" in svg
    assert "32 calls" not in svg, "an undefined rate is no point"
    shares = shares_svg(report)
    assert shares is not None
    assert re.search(r">\s*48%<", shares)
    assert not re.search(r">\s*3%<", shares), "too narrow for its label"
    assert flips_svg(_dimension(flips_by_calls=())) is None
    assert shares_png(_report({})) is None


def test_the_line_of_one_persona_is_dashed_and_its_mark_in_the_legend_is_whole() -> None:
    points = [ByCalls(calls=calls, flips=_estimate(0.2 / calls), design="single") for calls in (1, 2)]
    points.append(ByCalls(calls=47 / 6, flips=_estimate(0.03), design="debate"))
    svg = flips_svg(_dimension(flips_by_calls=tuple(points)))
    assert svg is not None
    legend, dashed = svg[svg.index("role-legend-symbol") :], re.findall(r"<path[^>]*dasharray=\"5,4\"[^>]*>", svg)
    assert [name in legend for name in ("One persona", "Debate")] == [True, True]
    assert len(dashed) == 1
    assert 'stroke-width="2"' in dashed[0], "the line"
    assert "stroke-dasharray" not in legend
    assert ">7.83<" in svg, "a mean of calls is no row of digits"


def test_ticks_keep_ends_and_their_distance() -> None:
    assert _ticks([1.0]) == [1.0]
    assert _ticks([5.0, 1.0, 2.0, 3.0, 4.0, 10.0]) == [1.0, 2.0, 3.0, 5.0, 10.0]


def test_points_at_one_cost_stand_side_by_side_and_others_where_they_cost() -> None:
    assert _side_by_side([1, 2, 5]) == pytest.approx([1, 2, 5])
    three = _side_by_side([1, 16, 16, 16])
    assert three == pytest.approx([1, 16 / STEP, 16, 16 * STEP])
    near = _side_by_side([12, 12.5, 20])
    assert near[1] / near[0] == pytest.approx(STEP)
    assert (near[0] * near[1]) ** 0.5 == pytest.approx((12 * 12.5) ** 0.5)
    assert near[2] == 20
    assert _side_by_side([]) == []
