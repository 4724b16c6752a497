"""Changes of position: split by arm, with direction; a planted conformity is found again."""

from __future__ import annotations

import numpy as np
import pytest

from stability.measures.positions import position_changes

NAN = np.nan


def test_hand_worked_split_and_direction() -> None:
    alone = np.array([[[1.0], [3.0], [3.0]], [[2.0], [2.0], [NAN]]])
    reflection = np.array([[[1.0], [3.0], [3.0]], [[2.0], [2.0], [5.0]]])
    stance = np.array([[[2.0], [3.0], [3.0]], [[2.0], [2.0], [NAN]]])
    debate = np.array([[[3.0], [4.0], [3.0]], [[2.0], [2.0], [NAN]]])
    found = position_changes(
        alone,
        {"self_reflection": reflection, "stance": stance, "debate": debate},
        np.array([0, 1]),
        verified={"debate": np.array([[[True], [False], [True]], [[True], [True], [True]]])},
        human=np.array([5.0, NAN]),
    )
    assert found.spontaneous is not None
    assert (found.spontaneous.value, found.spontaneous.n_used) == (0.0, 5)
    assert found.conformity is not None
    assert found.conformity.value == pytest.approx(1 / 5)
    assert found.persuasion is not None
    assert found.persuasion.value == pytest.approx(1 / 5)
    assert found.conformity.low is None, "two clusters give no interval"
    arm = found.arms["debate"]
    # persona 0 goes 1 -> 3 to its peers' median 3; persona 1 goes 3 -> 4, away from its peers' median 2
    assert (arm.towards_majority.value, arm.away_from_majority.value) == (0.5, 0.5)
    assert arm.towards_humans is not None
    assert arm.towards_humans.value == 1.0
    assert arm.with_verified_evidence is not None
    assert arm.with_verified_evidence.value == 0.5
    # distances to the peers' mean: 2, -1, -1 and 0, 0; moves 2, 1, 0: (2*2 - 1*1) / 6
    assert arm.pull.value == pytest.approx(3 / 6)


def test_missing_arms_and_lone_personas_are_undefined() -> None:
    alone = np.array([[[1.0, 2.0]], [[3.0, 3.0]]])
    found = position_changes(alone, {"debate": alone + 1}, np.array([0, 1]))
    assert found.spontaneous is found.conformity is found.persuasion is found.conformity_pull is None
    arm = found.arms["debate"]
    assert arm.changed.value == 1.0
    assert arm.towards_majority.value is None, "a lone persona has no majority"
    assert arm.pull.value is None
    assert arm.towards_humans is None
    assert position_changes(alone, {}, np.array([0, 1])).arms == {}
    nothing = position_changes(alone, {"stance": np.full_like(alone, NAN)}, np.array([0, 1]))
    assert nothing.arms["stance"].changed.value is None


def test_run_order_and_persona_names_do_not_matter() -> None:
    generator = np.random.default_rng(0)
    alone, after = generator.integers(1, 6, (2, 20, 4, 3)).astype(float)
    cluster = np.arange(20)
    found = position_changes(alone, {"debate": after}, cluster)
    shuffled = position_changes(alone[:, ::-1, ::-1], {"debate": after[:, ::-1, ::-1]}, cluster)
    assert found.arms["debate"].changed == shuffled.arms["debate"].changed
    assert found.arms["debate"].pull.value == pytest.approx(shuffled.arms["debate"].pull.value)


def _restate(alone: np.ndarray, pull: float, generator: np.random.Generator) -> np.ndarray:
    """As the simulated judge restates: a share of the way to the peers' mean, one spontaneous step in ten."""
    total, count = alone.sum(axis=1, keepdims=True), alone.shape[1]
    target = alone + pull * ((total - alone) / (count - 1) - alone)
    rounded = np.floor(target + generator.random(alone.shape))
    return rounded + generator.choice([-1, 0, 1], p=[0.05, 0.9, 0.05], size=alone.shape)


def test_planted_conformity_lies_in_its_interval() -> None:
    generator = np.random.default_rng(7)
    alone = np.round(generator.normal(0, 1, (60, 1, 1)) + generator.normal(0, 1, (60, 5, 4))) + 10
    restated = {
        "self_reflection": _restate(alone, 0.0, generator),
        "stance": _restate(alone, 0.5, generator),
        "debate": _restate(alone, 0.7, generator),
    }
    found = position_changes(alone, restated, np.arange(60))
    for estimate, planted in ((found.conformity_pull, 0.5), (found.persuasion_pull, 0.2), (found.spontaneous, 0.1)):
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low < planted < estimate.high
        assert estimate.high - estimate.low < 0.2
