"""The report on any table: every key of the schema, no NaN, no crash, and a sentence that agrees with its numbers."""

from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stability import StabilityReport, read_ratings, stability_report
from stability.report import ReportWarning

ESTIMATE = {"value", "ci", "n_used", "n_asked", "universe"}
KEYS = {
    "": "schema population dimensions",
    "population": "items clusters personas runs ratings_used ratings_asked",
    "dimension": "verdict sentence components shares claim dependability plan cheapest icc alpha flips arms "
    "position_changes systems effective_judges permutation humans certainty missing warnings",
    "dimension.components": "item persona item_persona run",
    "dimension.shares": "item persona item_persona run",
    "dimension.claim": "delta delta_with_interaction holds ratio ratio_with_interaction",
    "dimension.dependability": "single panel debate",
    "dimension.plan.0": "personas runs phi calls cost_usd",
    "dimension.cheapest": "personas runs phi calls cost_usd",
    "dimension.icc.p0": "single average",
    "dimension.alpha": "runs all",
    "dimension.flips": "categorical threshold",
    "dimension.arms.debate": "sr_single sr_panel nsr_panel flips calls tokens",
    "dimension.position_changes": "spontaneous conformity persuasion",
    "dimension.systems": "kendall_tau",
    "dimension.permutation": "main any",
}
"""The published form; a report may say more, never less."""
ESTIMATES = """
components.item components.persona components.item_persona components.run shares.item shares.run
claim.delta claim.delta_with_interaction claim.ratio claim.ratio_with_interaction dependability.single
dependability.panel dependability.debate icc.p0.single icc.p0.average alpha.runs.p0 alpha.all
flips.categorical flips.threshold arms.debate.sr_single arms.debate.sr_panel arms.debate.nsr_panel
arms.debate.flips systems.kendall_tau effective_judges
"""


def rich_table() -> bytes:
    """Every column that gives a part of the report its data."""
    rng = np.random.default_rng(0)
    lines = ["item,persona,run,score,arm,phase,system,human,certainty,tokens,calls"]
    for item in range(12):
        quality = rng.normal(5, 2)
        for run in range(4):
            alone = [round(quality + 1.5 * persona + rng.normal()) for persona in range(3)]
            start = f"i{item},{{}},{run},{{}},{{}},{{}},s{item % 3},{quality:.1f},"
            lines += [start.format(f"p{p}", score, "", "alone") + ".8,100," for p, score in enumerate(alone)]
            for arm in ("self_reflection", "stance", "debate"):
                lines += [
                    start.format(f"p{p}", s + rng.integers(2), arm, "restated") + ".8,100," for p, s in enumerate(alone)
                ]
                lines.append(start.format("", round(np.mean(alone)), arm, "verdict") + ".8,900,9")
    return "\n".join(lines).encode()


def at(report: object, path: str) -> object:
    for part in filter(None, path.split(".")):
        report = report[int(part)] if isinstance(report, list) else report[part]  # type: ignore[index]
    return report


def test_every_key_of_the_schema_stands_in_a_report() -> None:
    made = stability_report(read_ratings(rich_table()), thresholds=5.5)
    told = json.loads(made.model_dump_json(by_alias=True))
    told["dimension"] = told["dimensions"]["score"]
    assert told["schema"] == "rehearing.report/1"
    for path, keys in KEYS.items():
        found = at(told, path)
        assert isinstance(found, dict), path
        assert set(keys.split()) <= set(found), path
    for path in ESTIMATES.split():
        found = at(told["dimension"], path)
        assert isinstance(found, dict), path
        assert set(found) == ESTIMATE, path
        assert found["value"] is not None, path
    interval = at(told["dimension"], "claim.ratio.ci")
    assert isinstance(interval, dict)
    assert set(interval) == {"low", "high", "level", "method"}
    assert set(ReportWarning.model_fields) == {"code", "message"}
    assert at(told["dimension"], "humans") is not None
    assert at(told["dimension"], "certainty") is not None


CELL = st.one_of(st.just(""), st.integers(1, 5).map(str), st.floats(-1e6, 1e6, allow_subnormal=False).map(repr))


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Small tables with holes, ties, wild scores, and any of the phases and arms."""
    items, personas, runs = draw(st.integers(1, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    cell = draw(st.sampled_from([CELL, st.sampled_from(["", "3"]), st.sampled_from(["1", "2"])]))
    arms = draw(st.lists(st.sampled_from(["panel", "debate", "self_reflection", "stance"]), unique=True, max_size=2))
    lines = ["item,persona,run,score,arm,phase,human,certainty"]
    for item in range(items):
        human = draw(st.sampled_from(["", "1", "4"]))
        for run in range(runs):
            for persona in range(personas):
                lines.append(f"i{item},p{persona},{run},{draw(cell)},,alone,{human},.5")
            for arm in arms:
                lines.append(f"i{item},p0,{run},{draw(cell)},{arm},restated,{human},")
                lines.append(f"i{item},,{run},{draw(cell)},{arm},verdict,{human},.9")
    kept = draw(st.integers(1, len(lines)))
    return "\n".join(lines[:kept]).encode()


@settings(max_examples=60, deadline=None)
@given(tables(), st.sampled_from(["fixed", "random"]), st.sampled_from([None, 2.5]))
def test_any_table_has_a_report(content: bytes, universe: str, threshold: float | None) -> None:
    made = stability_report(read_ratings(content), thresholds=threshold, universe=universe)  # type: ignore[arg-type]
    told = made.model_dump_json(by_alias=True)
    json.loads(told, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name)))
    assert StabilityReport.model_validate_json(told) == made
    for dimension in made.dimensions.values():
        agrees(dimension.sentence, json.loads(dimension.model_dump_json()))


def agrees(sentence: str, told: dict[str, object]) -> None:
    """What the sentence claims stands in the numbers."""
    named = {"stable": ": STABLE", "not_stable": ": NOT STABLE", "undefined": ": UNDEFINED"}
    assert named[str(told["verdict"])] in sentence
    holds = at(told, "claim.holds")
    ends = {
        "holds": "chance in re-runs is larger than the difference",
        "exceeded": "the difference between personas is larger than chance",
        "not_resolved": "which of the two is larger is not resolved",
    }
    for name, words in ends.items():
        assert words not in sentence or holds == name
    low = at(told, "claim.delta.ci.low") if at(told, "claim.delta.ci") else None
    assert holds != "holds" or (isinstance(low, float) and low > 0)
    shares = [value["value"] for value in at(told, "shares").values()]  # type: ignore[attr-defined]
    assert all(share is None or 0 <= share <= 1 for share in shares)
    assert all(share is None for share in shares) or math.isclose(sum(share or 0 for share in shares), 1)
    for estimate in (at(told, "dependability.single"), at(told, "flips.categorical")):
        value = estimate["value"]  # type: ignore[index]
        assert value is None or 0 <= value <= 1
    if "nothing was run twice" in sentence:
        assert at(told, "components.run.value") is None
