"""`repeats: {min, max, half_width}` as the service asks it."""

from __future__ import annotations

import numpy as np
import pytest

from stability import StoppingRule, next_look, pooled_run_variance, runs_wanted, stopping_half_width

ASKED = {"runs_min": 3, "runs_max": 20, "half_width": 0.5}


@pytest.mark.parametrize(
    ("scores", "pooled", "more"),
    [
        ([], 0.4, 3),
        ([3.0, 4.0], 0.4, 1),
        ([3.0, 3.0, 3.0], 0.01, 0),
        ([3.0, 3.0, 3.0], None, 3),
        ([3.0, 3.0, 3.0], 1.0, 3),
        ([1.0, 5.0, 3.0, 2.0], 1.0, 2),
        ([1.0, 5.0] * 10, 1.0, 0),
        ([3.0, None, 3.0], 0.01, 0),
        ([None, None, 3.0], 0.01, 3),
    ],
    ids=["none yet", "one short", "known", "nothing pooled", "equal by luck", "between looks", "cap", "one lost", "two lost"],
)  # fmt: skip
def test_runs_wanted(scores: list[float | None], pooled: float | None, more: int) -> None:
    assert runs_wanted(scores, **ASKED, pooled_variance=pooled) == more  # type: ignore[arg-type]


def test_it_is_the_stopping_rule() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        scores = generator.integers(1, 6, 6).tolist()
        look = next_look(scores, StoppingRule.between(3, 20, half_width=0.5), 0.5)
        assert (runs_wanted(scores, **ASKED, pooled_variance=0.5) == 0) == (look.decision == "stop")  # type: ignore[arg-type]
        assert stopping_half_width(scores, pilot_variance=0.5, looks=4) == pytest.approx(look.half_width)


def test_one_number_of_runs_is_no_rule() -> None:
    assert runs_wanted([3.0], runs_min=1, runs_max=1, half_width=0.5, pooled_variance=None) == 0
    assert runs_wanted([], runs_min=2, runs_max=2, half_width=0.5, pooled_variance=None) == 2


def test_pooled_variance_is_the_mean_of_first_runs() -> None:
    items = [[1.0, 3.0, 9.0], [2.0, 2.0], [4.0], [None, 1.0, 5.0]]
    assert pooled_run_variance(items, 2) == pytest.approx((2.0 + 0.0) / 2), (
        "9 came later; None and one score say nothing"
    )
    assert pooled_run_variance([[3.0], []], 3) is None


def test_the_rule_covers_with_a_pooled_variance_from_first_runs() -> None:
    generator = np.random.default_rng(1)
    spread = np.sqrt(generator.gamma(4, 0.1, 400))
    scores = generator.normal(0, spread[:, None], (400, 20))
    pooled = pooled_run_variance(scores.tolist(), 3)
    inside = []
    for row in scores:
        n = 3
        while more := runs_wanted(row[:n].tolist(), **ASKED, pooled_variance=pooled):  # type: ignore[arg-type]
            n += more
        look = next_look(row[:n], StoppingRule.between(3, 20, half_width=0.5), pooled)
        assert look.half_width is not None
        inside.append(abs(row[:n].mean()) <= look.half_width)
    assert np.mean(inside) >= 0.95
