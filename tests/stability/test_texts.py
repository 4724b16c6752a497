"""What was said: marks counted over turns by hand, the null from the run set at hand, cards, and nothing at hand."""

from __future__ import annotations

import numpy as np
import pytest

from agents import Arm, Outcome, Phase, Run, RunResult, TextItem, Transcript, Turn
from stability import ratings_from_results, report_html, stability_report, texts_report, texts_table
from stability.measures.diversity import tfidf_cosine, vendi_score

ALONE = {"p": "The summary leaves out the cost that every nurse named.", "q": "It reads well and it is short enough."}


def turn(
    persona: str, arm: Arm | None, text: str, score: float | None, because: str | None = None, index: int = 0
) -> Turn:
    return Turn(
        id=f"{index}/{persona}", phase=Phase.ALONE if arm is None else Phase.DEBATE, arm=arm, index=index, persona_id=persona,
        model="m", kind="judgement" if arm is None else "claim", text=text, scores={"tone": score},
        changed_because=because, outcome=Outcome.DECIDED,  # type: ignore[arg-type]
    )  # fmt: skip


def heard(
    repeat: int, item: str = "x", debate: tuple[Turn, ...] = (), alone: dict[str, str] | None = None
) -> RunResult:
    said = alone or {name: f"{text} {repeat} {item}" for name, text in ALONE.items()}
    turns = tuple(turn(name, None, text, 3.0, index=number) for number, (name, text) in enumerate(said.items()))
    run = Run(
        id=f"{item}{repeat}", item_id=item, item_hash="h", persona_set="s", rubric_hash="r", protocol_hash="p", models=("m",),
        repeat=repeat, seed=repeat,
    )  # fmt: skip
    return RunResult(
        run=run, transcript=Transcript(turns=(*turns, *debate), stopped={}, speaking_order=("p", "q")), verdicts={},
        outcome=Outcome.DECIDED, calls=1, input_tokens=1, output_tokens=1, cost_usd=None, simulated=True, code_version="c",
    )  # fmt: skip


def told(results: list[RunResult], **options: object) -> object:
    items = [
        TextItem(id=name, instruction="say", output="said") for name in dict.fromkeys(r.run.item_id for r in results)
    ]
    return texts_report(results, ratings_from_results(results, items), **options)  # type: ignore[arg-type]


def test_marks_are_counted_over_the_turns_that_could_have_them() -> None:
    debate = (
        turn(
            "p", Arm.DEBATE, "The summary leaves out the cost that every nurse named.", 3.0, index=5
        ),  # repeats herself
        turn("q", Arm.DEBATE, "The summary leaves out the cost that every nurse named.", 5.0, index=6),  # echoes, moves
        turn(
            "q", Arm.DEBATE, "Nothing else to add from my side today, friends.", 3.0, "argument", index=7
        ),  # moves, cites
        turn("p", Arm.DEBATE, "It fails.", 4.0, index=8),  # too short to overlap; fails what her score passes; moves
    )
    stance = turn("p", Arm.STANCE, "The summary leaves out the cost that every nurse named.", 1.0, index=9)
    found = told([heard(1, debate=(*debate, stance))], thresholds={"tone": 3.5})
    assert found.turns == 6  # type: ignore[attr-defined]
    assert found.repetition_above.measured is False  # type: ignore[attr-defined]
    assert found.repetition_above.above == 0.562  # type: ignore[attr-defined]
    assert found.repetitive.value == pytest.approx(1 / 3)  # type: ignore[attr-defined]
    assert found.echoing.value == pytest.approx(1 / 3)  # type: ignore[attr-defined]
    assert found.moved_without_reason.value == pytest.approx(2 / 4)  # type: ignore[attr-defined]
    assert found.words_against_score.value == 1.0  # type: ignore[attr-defined]
    assert found.words_against_score.n_used == 1  # type: ignore[attr-defined]
    assert found.repetitive.ci is None  # type: ignore[attr-defined]


def test_different_reasons_are_the_vendi_score_of_what_was_said_alone() -> None:
    found = told([heard(repeat, item) for item in "xy" for repeat in (1, 2)])
    each = [
        vendi_score(tfidf_cosine([f"{text} {repeat} {item}" for text in ALONE.values()]))
        for item in "xy"
        for repeat in (1, 2)
    ]
    assert found.different_reasons.value == pytest.approx(np.mean(each))  # type: ignore[attr-defined]
    same = told([heard(1, alone={"p": "the same words", "q": "the same words"})])
    assert same.different_reasons.value == pytest.approx(1)  # type: ignore[attr-defined]


def test_the_null_is_measured_where_runs_were_repeated_and_rates_get_intervals_over_items() -> None:
    rng = np.random.default_rng(0)

    def words() -> str:
        return " ".join(rng.choice(list("abcdefghij"), 12))

    results = []
    for number in range(14):
        for repeat in (1, 2):
            again = words()
            debate = (
                turn("p", Arm.DEBATE, again, 3.0, index=5),
                turn("p", Arm.DEBATE, again if rng.random() < 0.5 else words(), 3.0, index=6),
            )
            results.append(heard(repeat, f"i{number}", debate, {"p": words(), "q": words()}))
    found = told(results, runs_asked=400)
    assert found.repetition_above.measured is True  # type: ignore[attr-defined]
    assert found.repetition_above.pairs == 28  # type: ignore[attr-defined]
    assert found.repetition_above.above < 0.3  # type: ignore[attr-defined]
    assert 0.1 < found.repetitive.value < 0.4, "of two turns one can repeat, every second time"  # type: ignore[attr-defined]
    assert found.repetitive.ci.low < found.repetitive.value < found.repetitive.ci.high  # type: ignore[attr-defined]
    assert (found.runs, found.runs_asked) == (28, 400)  # type: ignore[attr-defined]
    never = found.moved_without_reason  # type: ignore[attr-defined]
    assert (never.value, never.ci.low) == (0.0, 0.0)
    assert never.ci.high == pytest.approx(1 - 0.025 ** (1 / 14)), "Clopper and Pearson over the items"


def test_cards() -> None:
    cards = ["A nurse who counts minutes.", "A nurse who counts minutes.", "A clerk; files, forms and stamps."]
    found = told([heard(1)], cards=cards).personas  # type: ignore[attr-defined]
    assert found.personas == 3
    assert found.vendi == pytest.approx(np.exp(-(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))), abs=0.2)
    assert told([heard(1)]).personas is None  # type: ignore[attr-defined]


def test_nothing_at_hand_is_undefined_and_a_ratings_table_says_why() -> None:
    empty = told([])
    assert (empty.runs, empty.turns) == (0, 0)  # type: ignore[attr-defined]
    assert empty.repetitive.value is None  # type: ignore[attr-defined]
    assert texts_table(None) is None
    report = stability_report(ratings_from_results([], []))
    assert report.texts is None
    assert report.texts_reason == "no transcripts: a ratings table holds scores alone"
    assert "no transcripts: a ratings table holds scores alone" in report_html(report)


def test_the_page_shows_what_was_said() -> None:
    debate = (turn("p", Arm.DEBATE, "The summary leaves out the cost that every nurse named.", 3.0, index=5),)
    texts = told([heard(1, debate=debate)], cards=["one card", "another"])
    report = stability_report(ratings_from_results([], [])).model_copy(update={"texts": texts, "texts_reason": None})
    page = report_html(report)
    assert "From 1 of 1 transcripts" in page
    assert "overlap above 0.56: published, for want of re-runs" in page
    assert "Different personas by their cards" in page
