"""View models on hand-made records: what a template prints is right before it is printed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from agents import (
    Arm,
    DialogueItem,
    Dimension,
    Evidence,
    Level,
    Outcome,
    PairItem,
    Phase,
    SummaryItem,
    TextItem,
    Transcript,
    Turn,
    Utterance,
    places,
)
from clustering import Excerpt, Persona, PersonaSet, Span, StakeholderGroup
from service.application import DimensionScore, Ranking, Swings
from service.pages.export import without_server_links
from service.pages.formatting import dollars, interval, mean, score, signed
from service.pages.plots import own_links
from service.pages.views.changes import changes
from service.pages.views.comparison import _warnings
from service.pages.views.humans import Humans, humans
from service.pages.views.material import holding, passage_page, texts
from service.pages.views.matrix import matrices
from service.pages.views.opening import arm_lines
from service.pages.views.quoted import QuotedRange, quoted_text
from service.pages.views.strip import dimension_lines, nearest_label, wilson
from service.pages.views.transcript import transcript_view
from stability import Rating, Ratings, stability_report

LEVELS = tuple(
    Level(value=value, label=label) for value, label in enumerate(("bad", "weak", "fair", "good", "best"), 1)
)
FAITH = Dimension(name="faith", question="Is it so?", levels=LEVELS, pass_threshold=4)
PERSONAS = PersonaSet(
    personas=tuple(
        Persona(
            id=name,
            name=name.title(),
            stakeholder="tenant",
            group_id="g",
            perspective="warmth",
            excerpts=(Excerpt(quote="cold", span=Span(document_id="do_1", start=5, end=9)),),
        )
        for name in ("ada", "ben", "cem")
    ),
    groups=(StakeholderGroup(id="g", name="Tenants"),),
    method="given",
)


def turn(index: int, persona: str, value: float | None, **given: Any) -> Turn:
    phase = given.pop("phase", Phase.ALONE)
    arm = None if phase is Phase.ALONE else given.pop("arm", Arm.DEBATE)
    values: dict[str, Any] = {
        "id": f"{phase}/{persona}/{index}",
        "kind": "judgement",
        "text": "Because.",
        "outcome": Outcome.DECIDED if value is not None else Outcome.ABSTAINED,
        "round": 1 if phase is Phase.DEBATE else None,
        "group_id": "g",
        "model": "simulated",
        **given,
    }
    return Turn(phase=phase, arm=arm, index=index, persona_id=persona, scores={"faith": value}, **values)


def scored(values: list[float | None], outcomes: tuple[str, ...] = (), agree: int = 0) -> DimensionScore:
    used = [value for value in values if value is not None]
    return DimensionScore(
        value=sum(used) / len(used) if used else None,
        ci_low=None,
        ci_high=None,
        ci_method=None,
        n_used=len(used),
        n_asked=len(values),
        agree=agree,
        passed=None,
        run_values=tuple(values),
        single_sd=0.8,
        outcomes=outcomes or ("decided",) * len(values),
    )


def test_repeats_fold_by_what_they_decide() -> None:
    own = scored([4.2, 3.1, 4.6, None], ("decided", "decided", "decided", "abstained"), agree=2)
    (line,) = dimension_lines({"debate": {"faith": own}}, [FAITH], {0: "/runs/a"})
    assert [(fold.key, [cell.text for cell in fold.cells]) for fold in line.folds] == [
        ("pass", ["4.2", "4.6"]),
        ("fail", ["3.1"]),
        ("abstained", [""]),
    ]
    assert line.trust == "split"
    assert line.folds[0].cells[0].href == "/runs/a"


def test_without_a_decision_nothing_is_claimed() -> None:
    (line,) = dimension_lines({"panel": {"faith": scored([None, None], ("failed", "unparseable"))}}, [FAITH], {})
    assert (line.trust, line.arm.value, line.arm.sd, line.agreement_low) == ("undecided", None, None, None)
    assert {fold.key for fold in line.folds} == {"failed", "unparseable"}


def test_widest_arm_is_shown_unless_another_is_asked_for() -> None:
    scores = {"panel": {"faith": scored([3.0])}, "debate": {"faith": scored([4.0])}}
    assert dimension_lines(scores, [FAITH], {})[0].arm.arm == "debate"
    assert dimension_lines(scores, [FAITH], {}, "panel")[0].arm.arm == "panel"


def test_a_split_is_said_in_words_with_its_reason() -> None:
    own = scored([4.2, 3.1, 4.6, None], ("decided", "decided", "decided", "failed"), agree=2)
    (line,) = dimension_lines({"debate": {"faith": own}}, [FAITH], {})
    assert line.said == "2 of 4 hearings say pass, 1 says fail, 1 gave no verdict (failed)."
    assert "chance picks the side" in line.why
    assert (line.arm.heard, line.arm.disagreement) == (4, 0.5)


@pytest.mark.parametrize(
    ("call", "debate", "shown"),
    [(0.0021, 0.5, ["$0.0021", "$0.0042", "$0.50"]), (0.0, 0.0, ["$0", "$0", "$0"]), (None, None, ["unknown"] * 3)],
)
def test_each_way_to_a_verdict_shows_its_price(call: float | None, debate: float | None, shown: list[str]) -> None:
    rows = [
        Rating(f"i{n}", persona, str(run), 1.0 + (n + run) % 4, tokens=100, calls=1, cost_usd=call)
        for n in range(6)
        for run in range(2)
        for persona in ("ada", "ben")
    ]
    rows += [
        Rating(f"i{n}", None, str(run), 1.0 + n % 4, tokens=1800, calls=9, cost_usd=debate)
        for n in range(6)
        for run in range(2)
    ]
    report = stability_report(Ratings.from_rows(rows))
    swings = {Ranking("score", "debate"): Swings(2, 1_200, 0)}
    lines = arm_lines("ba_1", "score", report.dimensions["score"], swings)
    *baselines, last = [line.price for line in lines]
    assert baselines == ["1", "1"]
    assert "in calls, " in last
    assert ("in dollars" in last) is bool(call)
    assert [line.against_panel for line in lines] == ["", "", "less on 2, more on 1,200"]
    assert [(line.name, line.calls, line.tokens) for line in lines] == [
        ("one judge", "1", "100"),
        ("panel, no debate", "2", "200"),
        ("debate", "9", "1,800"),
    ]
    assert [line.cost for line in lines] == shown


def rated_by_people(debate_follows: bool) -> list[Rating]:
    """Forty items that a panel follows as far as its noise lets it, and the debate wholly or not at all."""
    rng = np.random.default_rng(5)
    rows = []
    for n in range(40):
        human = float(1 + n % 5)
        for run in range(2):
            shared: dict[str, Any] = {"run": str(run), "human": human, "cluster": f"c{n}"}
            rows += [Rating(f"i{n}", name, score=human + rng.normal(0, 2), **shared) for name in ("ada", "ben")]
            rows.append(Rating(f"i{n}", score=human if debate_follows else rng.normal(3, 1), **shared))
    return rows


def test_people_are_said_to_agree_only_where_the_data_can_tell() -> None:
    def of(rows: list[Rating]) -> Humans | None:
        return humans(stability_report(Ratings.from_rows(rows)).dimensions["score"])

    better = of(rated_by_people(True))
    assert better is not None
    assert better.hearings == ("one hearing", "mean of 2 hearings")
    assert better.items == "40 of 40 items"
    assert [line.name for line in better.lines] == ["panel, no debate", "debate"]
    assert [text.partition(" ")[0] for text in better.lines[1].correlations] == ["1.00", "1.00"]
    assert better.difference is not None
    assert better.difference.startswith("The debate agrees better with people than the panel without debate (")
    worse = of(rated_by_people(False))
    assert worse is not None
    assert worse.difference is not None
    assert worse.difference.startswith("The panel without debate agrees better with people than the debate (")
    alike = of([replace(row, score=row.human) for row in rated_by_people(True)])
    assert alike is not None
    assert alike.difference is not None
    assert "cannot say" in alike.difference or "undefined" in alike.difference
    assert of([replace(row, human=None) for row in rated_by_people(True)]) is None


def test_two_hearings_warn_of_what_differs_beside_chance() -> None:
    def heard(order: tuple[str, ...], **run: Any) -> tuple[Any, Transcript]:
        script = Transcript(turns=(turn(0, "ada", 5),), stopped={}, speaking_order=order)
        return SimpleNamespace(**{"code_version": "1", "simulated": True, **run}), script

    one = heard(("ada", "ben"))
    assert _warnings(one, one, ({"speak": "a"}, {"speak": "a", "restate": "b"})) == ()
    other = heard(("ben", "ada"), code_version="2", simulated=False)
    assert [text.split(" ")[:3] for text in _warnings(one, other, ({"speak": "a"}, {"speak": "c"}))] == [
        ["The", "code", "differs:"],
        ["The", "prompts", "differ:"],
        ["One", "of", "the"],
        ["The", "personas", "spoke"],
    ]


def test_an_export_keeps_its_drawings_whole() -> None:
    html = '<svg><a href="/x"><g/></a></svg><a href="/y">out</a>'
    assert without_server_links(html, "/z") == "<svg><g><g/></g></svg><span>out</span>"


def test_a_comparison_names_the_better_output() -> None:
    levels = tuple(Level(value=value, label=label) for value, label in ((-1, "b"), (0, "tie"), (1, "a")))
    pair = Dimension(name="faith", question="Which?", levels=levels)
    (line,) = dimension_lines({"debate": {"faith": scored([0, 0, 1], agree=2)}}, [pair], {})
    assert line.said == "2 of 3 hearings say tie, 1 says A is better."
    assert line.scale == "from −1 (B is better) to 1 (A is better)"
    assert nearest_label(pair, -0.9) == "B is better"


def test_a_drawing_leads_nowhere_but_to_this_server() -> None:
    given = {
        "https://renderer.example/data//evaluations?batch=b&amp;q=%22%3E": "/evaluations?batch=b&q=%22%3E",
        "/evaluations?batch=b": "/evaluations?batch=b",
        "#row-1": "#row-1",
        "https://evil.example/runs?x=1": None,
        "//evil.example/evaluations": None,
        "javascript:alert(1)//evaluations?x=1": None,
        "data:text/html,x": None,
        "http://[broken/evaluations?x=1": None,
    }
    for address, kept in given.items():
        for name in ("xlink:href", "href"):
            drawing = (
                f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
                f'<a {name}="{address}" target="_top"><path d="M0 0" aria-label="href=&quot;//x&quot;"/></a></svg>'
            )
            (link,) = ElementTree.fromstring(own_links(drawing))
            assert link.attrib == ({"href": kept} if kept else {}), (name, address)


def test_wilson_by_hand() -> None:
    low, high = wilson(8, 10) or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) is None


def test_a_mean_between_levels_is_not_called_by_one_name() -> None:
    assert [nearest_label(FAITH, value) for value in (3.6, 4.1, None)] == ["fair to good", "good", None]
    assert nearest_label(FAITH, 3.9) == "fair to good", "it fails, and good passes"


def test_a_change_has_its_direction_and_its_reason() -> None:
    verified = Evidence(quote="cold", claimed_from="source", status="exact", found_in="source:0", start=0, end=4)
    spoken = [
        turn(0, "ada", 5),
        turn(1, "ben", 2),
        turn(2, "cem", 2),
        turn(3, "ada", 3, phase=Phase.DEBATE, changed_because="evidence", evidence=(verified,)),
        turn(4, "ben", 1, phase=Phase.DEBATE, changed_because="evidence"),
        turn(5, "cem", None, phase=Phase.DEBATE),
        turn(6, "cem", 2, phase=Phase.RESTATED),
    ]
    found = changes(spoken)
    assert {key[0]: (one.direction, one.because) for key, one in found.items()} == {
        "debate/ada/3": ("majority", "verified evidence"),
        "debate/ben/4": ("away", "unverified evidence"),
    }


def test_each_arm_starts_from_what_was_said_alone() -> None:
    spoken = [
        turn(0, "ada", 5),
        turn(1, "ada", 4, phase=Phase.RESTATED, arm=Arm.STANCE),
        turn(2, "ada", 3, phase=Phase.DEBATE),
        turn(3, "ada", 3, phase=Phase.RESTATED),
    ]
    assert [(one.before, one.after) for one in changes(spoken).values()] == [(5, 4), (5, 3)]


def test_the_matrix_shows_who_spoke_when_and_says_what_is_missing() -> None:
    spoken = [
        turn(0, "ada", 5),
        turn(1, "ben", None),
        turn(2, "ada", 4, phase=Phase.DEBATE),
        turn(3, "ben", 4, phase=Phase.RESTATED),
    ]
    (matrix,) = matrices(spoken, [FAITH], PERSONAS)
    assert [column.key for column in matrix.columns] == ["alone", "debate/1", "restated/debate"]
    ada, ben = matrix.rows
    assert [cell.text for cell in ada.cells] == ["5", "4", ""]
    assert ben.cells[0].outcome == "abstained"
    assert (ada.cells[1].href, ada.cells[2].href) == ("#turn-debate-ada-2", None)
    assert matrix.changed == 1


def test_quotes_lead_where_they_stand_and_answers_lead_both_ways() -> None:
    quotes = (
        Evidence(quote="a", claimed_from="source", status="exact", found_in="source:0", start=1, end=4),
        Evidence(quote="b", claimed_from="persona", status="fuzzy", found_in="excerpt:0"),
        Evidence(quote="c", claimed_from="output", status="unverified"),
    )
    spoken = (
        turn(0, "ada", 5, evidence=quotes),
        turn(1, "ben", 2, phase=Phase.DEBATE, kind="rebuttal", reply_to="alone/ada/0"),
    )
    view = transcript_view(
        "rn_1", Transcript(turns=spoken, stopped={"g": "passed"}, speaking_order=()), PERSONAS, [FAITH]
    )
    first, second = view.sections[0].turns[0], view.sections[1].turns[0]
    assert [quote.href for quote in first.quotes] == [
        "/runs/rn_1/material/source%3A0?start=1&end=4#passage",
        "/documents/do_1?start=5&end=9#passage",
        None,
    ]
    assert [quote.verified for quote in first.quotes] == [True, True, False]
    assert first.answered_by[0].href == f"#{second.anchor}"
    assert second.reply_to is not None
    assert second.reply_to.name == "Ada"
    assert (view.quotes, view.quotes_verified) == (3, 2)


@pytest.mark.parametrize(("start", "end"), [(5, 3), (0, 99), (-1, 2)])
def test_a_passage_outside_its_text_is_said(start: int, end: int) -> None:
    page = passage_page("t", "ten chars.", kind="document", start=start, end=end)
    assert page.problem
    assert page.before + page.passage + page.after == "ten chars."


def test_a_passage_keeps_the_text_whole() -> None:
    page = passage_page("t", "one two three", kind="document", start=4, end=7)
    assert (page.before, page.passage, page.after) == ("one ", "two", " three")


SPOKEN = (Utterance(speaker="Ada", text="one\ntwo"), Utterance(speaker="Ben", text="three"))


@pytest.mark.parametrize(
    "item",
    [
        SummaryItem(id="i", sources=("a", "b"), output="c", reference="d"),
        TextItem(id="i", instruction="a", output="b", reference="c"),
        PairItem(id="i", task="a", output_a="b", output_b="c"),
        DialogueItem(id="i", turns=SPOKEN, knowledge="known"),
        DialogueItem(id="i", turns=SPOKEN, judge="response"),
    ],
)
def test_whatever_may_be_quoted_leads_to_where_it_stands(item: Any) -> None:
    for place in places(item):
        found = holding(texts(item), place.name)
        assert found is not None, place.name
        material, offset = found
        assert material.text[offset : offset + len(place.text)] == place.text
        quoted = QuotedRange(place.name, 0, len(place.text))
        marked = [piece for piece in quoted_text(material, [quoted]).pieces if piece.quoted]
        assert [(piece.text, piece.anchors) for piece in marked] == [(place.text, (quoted.anchor,))]
    assert holding(texts(item), "source:9") is None


def test_a_range_beyond_its_text_marks_nothing() -> None:
    (material,) = texts(DialogueItem(id="i", turns=SPOKEN))
    beyond = QuotedRange("dialogue:2", 0, len("three") + 1)
    assert not any(piece.quoted for piece in quoted_text(material, [beyond]).pieces)


def test_an_export_keeps_links_inside_the_page_only() -> None:
    html = '<a class="x" href="/runs/1#turn-2">in</a> <a href="#turn-3">same</a> <a href="/evaluations">out</a>'
    assert without_server_links(html, "/runs/1?export=1") == (
        '<a class="x" href="#turn-2">in</a> <a href="#turn-3">same</a> <span>out</span>'
    )


def test_figures_say_what_is_unknown() -> None:
    assert (score(None), dollars(None), dollars(0), interval(None, 1)) == ("–", "price unknown", "$0", "")
    assert (mean(1.46, 1.5), mean(1.5, 1.5), mean(2.96, 3), mean(3.2, 3.25), mean(None, 3)) == (
        "1.46",
        "1.5",
        "2.96",
        "3.2",
        "–",
    )
    assert interval(1, 2.04) == "1.0 to 2.0"
    assert (mean(3), score(3.0), signed(-0.5), signed(1), signed(0)) == ("3.0", "3", "−0.5", "+1", "0")
