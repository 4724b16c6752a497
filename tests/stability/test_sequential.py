"""The stopping rule: by hand and at its edges; against naive peeking on simulated items in test_coverage.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stability.measures.sequential import StoppingRule, betting_interval, next_look

WIDTH = StoppingRule(half_width=0.5)
PASS = StoppingRule(threshold=3.5)


def test_half_width_by_hand() -> None:
    # SS = 2, n = 5: s~2 = (4 * 0.4 + 2) / 8 = 0.45; t_8 at 1 - 0.05/6 times sqrt(.45/5)
    found = next_look([2, 3, 3, 3, 4], WIDTH, 0.4)
    assert found.mean == 3
    assert found.half_width == pytest.approx(stats.t.ppf(1 - 0.05 / 6, 8) * 0.3)
    assert found.decision == "continue"
    assert found.next_look == 10


def test_equal_answers_do_not_end_it_by_themselves() -> None:
    assert next_look([3.0] * 5, WIDTH, 2.0).decision == "continue"
    assert next_look([3.0] * 5, WIDTH, 0.05).decision == "stop"
    alone = next_look([3.0] * 5, WIDTH, None)
    assert (alone.decision, alone.half_width) == ("continue", None)
    assert next_look([3.0] * 20, WIDTH, None).decision == "borderline"


@pytest.mark.parametrize(("runs", "following"), [(0, 5), (1, 5), (4, 5), (6, 10), (19, 20)])
def test_no_decision_between_looks(runs: int, following: int) -> None:
    found = next_look([3.0] * runs, WIDTH, 1e-6)
    assert (found.decision, found.next_look) == ("continue", following)


def test_cap_ends_in_borderline_or_stop() -> None:
    wide = [1.0, 5.0] * 10
    assert next_look(wide, WIDTH, 4.0).decision == "borderline"
    assert next_look([*wide, 3.0], WIDTH, 4.0).next_look is None
    assert next_look([3.0] * 20, WIDTH, 0.1).decision == "stop"


def test_pass_fail_names_its_side() -> None:
    assert next_look([5.0] * 5, PASS, 0.2).passed is True
    low = next_look([1.0] * 5, PASS, 0.2)
    assert (low.decision, low.passed) == ("stop", False)
    unclear = next_look([3.0, 4.0] * 10, PASS, 0.3)
    assert (unclear.decision, unclear.passed) == ("borderline", None)


def test_failed_runs_count_as_runs_and_not_as_scores() -> None:
    found = next_look([3.0, np.nan, np.nan, np.nan, 4.0], WIDTH, 0.2)
    assert found.mean == 3.5
    assert found.half_width == pytest.approx(stats.t.ppf(1 - 0.05 / 6, 5) * np.sqrt((0.8 + 0.5) / 5 / 2))
    nothing = next_look([np.nan] * 20, WIDTH, 0.2)
    assert (nothing.decision, nothing.mean) == ("borderline", None)


def test_rules_are_checked() -> None:
    assert StoppingRule.between(3, 20, half_width=0.5).looks == (3, 6, 12, 20)
    assert StoppingRule.between(5, 5, threshold=3).looks == (5,)
    for wrong in ({}, {"half_width": 1.0, "threshold": 3.0}, {"half_width": 0.0}, {"half_width": 1, "looks": (5, 3)}):
        with pytest.raises(ValueError, match=r"half_width|looks"):
            StoppingRule(**wrong)
    with pytest.raises(ValueError, match="level"):
        StoppingRule(half_width=1, level=95)


def test_betting_interval_equals_the_product_written_out() -> None:
    x, grid = np.array([0.25, 1.0, 0.5, 0.75]), np.linspace(0, 1, 161)
    kept = []
    for m in grid[1:-1]:
        largest = 0.0
        for t in range(1, 5):
            up = np.mean([np.prod(1 + c / m * (x[:t] - m)) for c in (0.06, 0.15, 0.3, 0.5, 0.7, 0.9)])
            down = np.mean([np.prod(1 - c / (1 - m) * (x[:t] - m)) for c in (0.06, 0.15, 0.3, 0.5, 0.7, 0.9)])
            largest = max(largest, (up + down) / 2)
        if largest < 20:
            kept.append(m)
    found = betting_interval(1 + 4 * x, lowest=1, highest=5)
    assert found.low == pytest.approx(1 + 4 * (min(kept) - 1 / 160))
    assert found.high == pytest.approx(1 + 4 * (max(kept) + 1 / 160))


def test_betting_interval_shrinks_and_survives_the_ends() -> None:
    assert betting_interval([], lowest=1, highest=5) == (1, 5)
    assert betting_interval([np.nan], lowest=1, highest=5) == (1, 5)
    ends = betting_interval([5.0] * 30, lowest=1, highest=5)
    assert ends.high == 5
    assert ends.low > 4
    few, many = (betting_interval([2.0, 4.0] * n, lowest=1, highest=5) for n in (5, 40))
    assert few.low < many.low < 3 < many.high < few.high
