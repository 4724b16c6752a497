"""Raking against an independent implementation, and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from clustering import (
    CalibrationError,
    Persona,
    PersonaSet,
    calibrate_personas,
    drop_personas,
    edit_persona,
    given_persona_set,
    rake,
)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # ipfn's own use of pandas
def test_weights_match_every_margin_as_an_independent_implementation_does() -> None:
    import pandas as pd
    from ipfn import ipfn

    rng = np.random.default_rng(4)
    sex, age = rng.choice(["f", "m"], 80).tolist(), rng.choice(["old", "young", "mid"], 80).tolist()
    margins = {"sex": {"f": 0.6, "m": 0.4}, "age": {"old": 0.5, "mid": 0.3, "young": 0.2}}
    raked = rake({"sex": sex, "age": age}, margins)
    frame = pd.DataFrame({"sex": sex, "age": age, "total": 1.0})
    wanted = [
        pd.Series({key: value * 80 for key, value in margins[name].items()}).rename_axis(name)
        for name in ("sex", "age")
    ]
    other = ipfn.ipfn(frame, wanted, [["sex"], ["age"]], convergence_rate=1e-10, max_iteration=1000).iteration()
    assert raked.weights == pytest.approx(other["total"].to_numpy(), abs=1e-5)
    assert raked.largest_gap < 1e-8
    assert "only_margins_match" in raked.warnings


def test_one_margin_by_hand() -> None:
    raked = rake({"role": ["a", "a", "a", "b"]}, {"role": {"a": 0.5, "b": 0.5}})
    assert raked.weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert raked.effective_size == pytest.approx(16 / (3 * 4 / 9 + 4))
    assert raked.warnings == ("only_margins_match",)


def test_a_two_by_two_table_by_hand() -> None:
    """Cells f/old 2, f/young 1, m/old 1, m/young 1; f .5 and old .5. Equal margins make the cells p, .5-p, .5-p, p,
    and raking keeps the cross ratio 2*1/(1*1): p²/(.5-p)² = 2, so p = .5*sqrt(2)/(1+sqrt(2))."""
    sex, age = ["f", "f", "f", "m", "m"], ["old", "old", "young", "old", "young"]
    raked = rake({"sex": sex, "age": age}, {"sex": {"f": 0.5, "m": 0.5}, "age": {"old": 0.5, "young": 0.5}})
    p = 0.5 * np.sqrt(2) / (1 + np.sqrt(2))
    assert raked.weights / 5 == pytest.approx([p / 2, p / 2, 0.5 - p, 0.5 - p, p])


def test_lopsided_weights_are_warned_of() -> None:
    raked = rake({"role": ["a"] * 9 + ["b"]}, {"role": {"a": 0.1, "b": 0.9}})
    assert raked.effective_size < 5
    assert "small_effective_size" in raked.warnings


@pytest.mark.parametrize(
    ("values", "margins", "message", "code"),
    [
        (["a"], {}, "no margins", "no_margins"),
        (["a", "b"], {"role": {"a": 1.0}}, "no margin for", "unknown_category"),
        (["a"], {"role": {"a": 0.5, "b": 0.5}}, "nobody on the panel", "empty_category"),
        (["a", "b"], {"role": {"a": 0.0, "b": 1.0}}, "above 0", "bad_share"),
        (["a", "b"], {"role": {"a": -0.5, "b": 1.5}}, "from 0 to 1", "bad_share"),
        (["a", "b"], {"role": {"a": float("nan"), "b": 1.0}}, "from 0 to 1", "bad_share"),
        (["a", "b"], {"role": {"a": 0.5, "b": 0.6}}, "sum to 1.1", "not_one"),
        (["a", "b"], {"role": {"a": 50, "b": 50}}, "sum to 100", "not_one"),
        ([], {"role": {"a": 1.0}}, "give one for each", "missing_value"),
    ],
)
def test_margins_that_cannot_be_met_are_refused(
    values: list[str], margins: dict[str, dict[str, float]], message: str, code: str
) -> None:
    with pytest.raises(CalibrationError, match=message) as caught:
        rake({"role": values}, margins)
    assert caught.value.code == code


def test_shares_that_rounding_left_short_of_one_are_scaled() -> None:
    raked = rake({"role": ["a", "b", "c"]}, {"role": {"a": 0.333, "b": 0.333, "c": 0.333}})
    assert raked.weights == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(
    ("sex", "age", "old"),
    [
        (["f", "m"], ["old", "young"], 0.3),  # everybody who is f is old: f .5 and old .3 contradict each other
        (["f", "m", "f"], ["old", "young", "young"], 0.5),  # f and young would have to weigh nothing
    ],
)
def test_margins_that_need_combinations_nobody_has_are_infeasible(sex: list[str], age: list[str], old: float) -> None:
    with pytest.raises(CalibrationError, match="combinations") as caught:
        rake({"sex": sex, "age": age}, {"sex": {"f": 0.5, "m": 0.5}, "age": {"old": old, "young": 1 - old}})
    assert caught.value.code == "infeasible"


def test_weights_that_are_not_found_in_time_are_refused() -> None:
    sex, age = ["f", "f", "f", "m", "m"], ["old", "old", "young", "old", "young"]
    margins = {"sex": {"f": 0.5, "m": 0.5}, "age": {"old": 0.5, "young": 0.5}}
    with pytest.raises(CalibrationError, match="1 rounds") as caught:
        rake({"sex": sex, "age": age}, margins, iterations_max=1)
    assert caught.value.code == "not_converged"


@pytest.fixture
def panel() -> PersonaSet:
    ages = ("31", "54", "")
    cards = [
        Persona(
            id=f"p{n}", name="n", stakeholder="s", group_id=group, perspective="x",
            demographics={"age": ages[n]} if ages[n] else {},
        )
        for n, group in enumerate("aab")
    ]  # fmt: skip
    return given_persona_set(cards)


def test_weights_flow_into_the_personas_of_a_new_set(panel: PersonaSet) -> None:
    after = calibrate_personas(panel, {}, {"group": {"a": 0.5, "b": 0.5}})
    assert [one.weight for one in after.personas] == pytest.approx([0.75, 0.75, 1.5])
    assert (after.parent, after.method) == (panel.content_hash, "edited")
    assert after.calibration is not None
    assert after.calibration.effective_size == pytest.approx(9 / (2 * 0.75**2 + 1.5**2))
    assert after.calibration.values == {"group": {"p0": "a", "p1": "a", "p2": "b"}}
    assert "only_margins_match" in after.warnings
    again = calibrate_personas(after, {}, {"group": {"a": 2 / 3, "b": 1 / 3}})
    assert [one.weight for one in again.personas] == pytest.approx([1, 1, 1])


def test_values_come_from_the_caller_first_then_from_demographics(panel: PersonaSet) -> None:
    margins = {"age": {"31": 0.5, "54": 0.25, "70": 0.25}}
    after = calibrate_personas(panel, {"age": {"p2": "70"}}, margins)
    assert [one.weight for one in after.personas] == pytest.approx([1.5, 0.75, 0.75])
    with pytest.raises(CalibrationError, match="no value for") as caught:
        calibrate_personas(panel, {}, margins)
    assert (caught.value.code, caught.value.place) == ("missing_value", ("attributes", "age"))


@pytest.mark.parametrize(
    ("attributes", "margins", "code", "place"),
    [
        ({}, {"hair": {"grey": 1.0}}, "unknown_attribute", ("margins", "hair")),
        ({"hair": {"p0": "grey"}}, {"group": {"a": 0.5, "b": 0.5}}, "unknown_attribute", ("attributes", "hair")),
        ({"hair": {"p9": "grey"}}, {"hair": {"grey": 1.0}}, "unknown_persona", ("attributes", "hair", "p9")),
        ({}, {"group": {"a": 1.0}}, "unknown_category", ("margins", "group")),
    ],
)
def test_what_the_panel_lacks_is_named_with_its_place(
    panel: PersonaSet, attributes: dict[str, dict[str, str]], margins: dict[str, dict[str, float]], code: str,
    place: tuple[str, ...],
) -> None:  # fmt: skip
    with pytest.raises(CalibrationError) as caught:
        calibrate_personas(panel, attributes, margins)
    assert (caught.value.code, caught.value.place) == (code, place)


def test_a_changed_panel_no_longer_claims_to_match(panel: PersonaSet) -> None:
    calibrated = calibrate_personas(panel, {}, {"group": {"a": 0.5, "b": 0.5}})
    renamed = edit_persona(calibrated, "p0", name="Ada")
    assert renamed.calibration == calibrated.calibration
    for changed in (drop_personas(calibrated, ["p0"]), edit_persona(calibrated, "p0", weight=3)):
        assert changed.calibration is None
        assert changed.warnings[-1] == "margins_no_longer_match"
        assert "only_margins_match" not in changed.warnings


def test_a_set_that_was_never_calibrated_says_nothing_of_it(panel: PersonaSet) -> None:
    assert "calibration" not in panel.model_dump(mode="json")
