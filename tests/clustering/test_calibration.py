"""Raking against an independent implementation, and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from clustering import Persona, PersonaInputError, calibrate_personas, given_persona_set, rake


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
    assert raked.warnings == ()


def test_lopsided_weights_are_warned_of() -> None:
    raked = rake({"role": ["a"] * 9 + ["b"]}, {"role": {"a": 0.1, "b": 0.9}})
    assert raked.effective_size < 5
    assert "small_effective_size" in raked.warnings


@pytest.mark.parametrize(
    ("values", "margins", "message"),
    [
        (["a"], {}, "no margins"),
        (["a", "b"], {"role": {"a": 1.0}}, "no margin for"),
        (["a"], {"role": {"a": 0.5, "b": 0.5}}, "nobody on the panel"),
        (["a", "b"], {"role": {"a": 0.0, "b": 1.0}}, "above 0"),
        (["a", "b"], {"role": {"a": float("nan"), "b": 1.0}}, "above 0"),
    ],
)
def test_margins_that_cannot_be_met_are_refused(
    values: list[str], margins: dict[str, dict[str, float]], message: str
) -> None:
    with pytest.raises(PersonaInputError, match=message):
        rake({"role": values}, margins)


def test_weights_flow_into_the_personas_of_a_new_set() -> None:
    cards = [
        Persona(id=f"p{n}", name="n", stakeholder="s", group_id=group, perspective="x") for n, group in enumerate("aab")
    ]
    before = given_persona_set(cards)
    after = calibrate_personas(before, {}, {"group": {"a": 0.5, "b": 0.5}})
    assert [one.weight for one in after.personas] == pytest.approx([0.75, 0.75, 1.5])
    assert after.parent == before.content_hash
