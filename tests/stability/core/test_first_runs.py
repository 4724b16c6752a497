"""Re-runs that follow the scores: figures from the runs that came before anybody looked."""

from __future__ import annotations

import numpy as np
import pytest

from stability import Rating, Ratings, RatingsError, stability_report
from stability.assemble_variance import measure
from stability.estimates import Warnings
from stability.layout import Layout, layout, runs_before_looking

RUN_SD, FIRST, MOST = 0.6, 3, 9


def heard_until_settled(seed: int, items: int = 60, personas: int = 3) -> list[Rating]:
    """Items whose first runs vary more than the median are heard three times as often; newest rows first."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(3, 0.8, (items, 1, 1)) + rng.normal(0, 0.3, (items, personas, 1))
    scores = scores + rng.normal(0, RUN_SD, (items, personas, MOST))
    noise = scores[..., :FIRST].var(axis=2, ddof=1).mean(axis=1)
    rows = [
        Rating(f"i{i}", f"p{p}", str(r), float(scores[i, p, r]))
        for (i, p, r) in np.ndindex(scores.shape)
        if r < FIRST or noise[i] > np.median(noise)
    ]
    return rows[::-1]


def run_variance(lay: Layout) -> float:
    return float(measure(lay, "fixed", np.random.default_rng(0), Warnings()).parts.run[0])


def test_all_runs_understate_run_variance_and_first_runs_do_not() -> None:
    every, first = [], []
    for seed in range(40):
        whole = layout(Ratings.from_rows(heard_until_settled(seed)), "score")
        kept = runs_before_looking(whole.runs_by_item)
        assert kept == FIRST
        first.append(run_variance(whole.first(kept)))
        every.append(run_variance(whole))
    error = float(np.std(first, ddof=1)) / np.sqrt(len(first))
    assert abs(np.mean(first) - RUN_SD**2) < 3 * error
    assert np.mean(every) < 0.95 * RUN_SD**2, "the bias that it removes"


def test_the_figures_are_those_of_a_table_of_the_first_runs() -> None:
    rows = heard_until_settled(1)
    told = stability_report(Ratings.from_rows(rows)).dimensions["score"]
    assert "first_runs" in {warning.code for warning in told.warnings}
    only = stability_report(Ratings.from_rows([row for row in rows if int(row.run) < FIRST])).dimensions["score"]
    assert told.components == only.components
    assert told.flips == only.flips
    counts = told.missing.personas["p0"]
    assert counts.asked == sum(row.persona == "p0" for row in rows), "what went missing is counted over all runs"


def test_runs_named_in_words_keep_their_order_of_appearance() -> None:
    rows = [Rating(f"i{i}", "p", name, float(place)) for i in range(12) for place, name in enumerate(("b", "a", "c"))]
    told = stability_report(Ratings.from_rows(rows), first_runs=2).dimensions["score"]
    assert told.components.run.value == pytest.approx(0.5), "of 0 and 1, not of 0, 1, 2"


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([3, 3, 3, 3], None),
        ([5, 4, 5, 5], None),
        ([3, 3, 6, 12], 3),
        ([1, 3, 6, 12], None),
        ([3] * 99 + [20], None),
        ([], None),
    ],
)
def test_a_rule_is_told_from_a_few_lost_rows(runs: list[int], expected: int | None) -> None:
    assert runs_before_looking(np.array(runs, dtype=np.int64)) == expected


def test_one_first_run_is_refused() -> None:
    with pytest.raises(RatingsError, match="first_runs 1"):
        stability_report(Ratings.from_rows([Rating("a", "p", "1", 3.0)]), first_runs=1)
