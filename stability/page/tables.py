"""The report's tables: what each row says in words, its value and interval, its counts and its universe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from stability.page import figures
from stability.page.charts import LINES, PARTS
from stability.report import ArmReport, DimensionReport, Estimate, OverlapNull, Plan, Texts

Cell = str
Row = tuple[Cell, ...]
ESTIMATE_COLUMNS = ("figure", "value", "95% interval", "n used of asked", "universe")
PLAN_ROWS = 12
LIST_SHOWN_MAX = 6
PARTS_NAMED = {part.key: part.name for part in PARTS}
ARMS_NAMED = {line.key: line.name for line in LINES}
CLAIMS = {
    "holds": "holds: chance moves a score at least as much as the persona does",
    "exceeded": "exceeded: personas differ by more than chance",
    "not_resolved": "not resolved: these data cannot say",
    "undefined": "undefined",
}
ARM_VERDICTS = {
    "more_stable": "more stable than spending the same calls without it",
    "not_distinguishable": "no evidence that it beats averaging",
    "less_stable": "less stable than averaging at equal cost",
    "undefined": "undefined",
}

KEYS_NAMED = {
    "arms": "",
    "changed": "scores that changed",
    "towards_majority": "changes towards the majority",
    "away_from_majority": "changes away from the majority",
    "with_verified_evidence": "changes with verified evidence",
    "towards_humans": "changes towards the human score",
    "away_from_humans": "changes away from the human score",
    "pull": "share of the way to the others' mean",
    "spontaneous": "changes after seeing nothing new",
    "conformity": "further changes after seeing the others' scores",
    "persuasion": "further changes after seeing their arguments",
    "conformity_pull": "pull of the others' scores",
    "persuasion_pull": "pull of their arguments",
    "kendall_tau": "Kendall's tau between rankings from disjoint runs",
    "mean_scores": "mean score",
}
"""Keys of the report whose own word says too little."""
OPEN = frozenset({"Changes of position", "Agreement with humans"})


class Table(NamedTuple):
    """A caption, column heads and rows of text; `open` shows it without a click."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    open: bool = True


def detail_tables(dimension: DimensionReport) -> tuple[Table, ...]:
    """Every table of one dimension, in reading order, those without a row left out."""
    plain = dimension.model_dump(
        include={"position_changes", "systems", "humans", "certainty", "individuation", "missing"}
    )
    tables = (
        _variance(dimension),
        _trust(dimension),
        _arms(dimension),
        _plans(dimension),
        _agreement(dimension),
        *(
            _free(caption, values)
            for caption, values in (
                ("Changes of position", _differences_first(plain["position_changes"])),
                ("Ranking of systems", plain["systems"]),
                ("Agreement with humans", plain["humans"]),
                ("Certainty", plain["certainty"]),
                ("Individuation of personas", plain["individuation"]),
                ("Missing", plain["missing"]),
            )
        ),
    )
    return tuple(table for table in tables if table.rows)


def texts_table(texts: Texts | None) -> Table | None:
    """What transcripts and persona cards show; None without them."""
    if texts is None:
        return None
    again, echo = texts.repetition_above, texts.echo_above
    named = (
        (f"Turns that repeat the persona's own words ({_null(again)})", texts.repetitive, True),
        (f"Turns that repeat another persona's words ({_null(echo)})", texts.echoing, True),
        ("Turns that move a score and cite nothing", texts.moved_without_reason, True),
        ("Turns whose words gainsay their score", texts.words_against_score, True),
        ("Different reasons among those given for an item alone (Vendi)", texts.different_reasons, False),
    )
    rows = [estimate_row(name, value, percent=percent) for name, value, percent in named]
    cards = texts.personas
    if cards is not None:
        counts = f"{cards.personas} of {cards.personas}"
        rows.append(
            (
                "Different personas by their cards (Vendi)",
                figures.rounded(cards.vendi),
                "none",
                counts,
                "these personas",
            )
        )
    return Table(f"From {texts.runs:,} of {texts.runs_asked:,} transcripts", ESTIMATE_COLUMNS, tuple(rows))


def _null(null: OverlapNull) -> str:
    source = f"{null.pairs:,} pairs of independent texts" if null.measured else "published, for want of re-runs"
    return f"overlap above {figures.rounded(null.above)}: {source}"


def _differences_first(changes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Changes that happen of themselves come before those that an arm is credited with, the arms' own figures last."""
    return changes and {key: changes[key] for key in sorted(changes, key=lambda key: key == "arms")}


def estimate_row(name: str, estimate: Estimate, *, percent: bool = False, component: bool = False) -> Row:
    """A row of `ESTIMATE_COLUMNS`."""
    interval = figures.interval_text(estimate, percent=percent)
    low = estimate.ci.low if estimate.ci else None
    if component and estimate.value is not None and (estimate.value <= 0 or (low is not None and low <= 0)):
        value = f"{figures.rounded(estimate.value)}, not distinguishable from 0"
    else:
        value = figures.rounded(estimate.value, percent=percent)
    return (
        name,
        value,
        interval.removeprefix("95% CI ") if interval else "none",
        f"{estimate.n_used:,} of {estimate.n_asked:,}",
        {"fixed": "these personas", "random": "any such personas"}[estimate.universe],
    )


def _variance(dimension: DimensionReport) -> Table:
    components = dimension.components
    rows = [estimate_row(name, getattr(components, key), component=True) for key, name in PARTS_NAMED.items()]
    rows += [
        estimate_row(f"{PARTS_NAMED.get(key, key)}: share", share, percent=True)
        for key, share in dimension.shares.items()
    ]
    rows += [
        estimate_row(
            f"What {name} changes" if name != "run" else "Re-runs that differ in nothing", value, component=True
        )
        for name, value in dimension.facets.items()
    ]
    return Table("Where the variance comes from", ESTIMATE_COLUMNS, tuple(rows))


def _trust(dimension: DimensionReport) -> Table:
    claim, dependability = dimension.claim, dimension.dependability
    named = (
        ("Run variance minus persona variance (delta)", claim.delta, False),
        ("… minus the interaction too", claim.delta_with_interaction, False),
        ("Run variance over persona variance", claim.ratio, False),
        ("… over persona and interaction", claim.ratio_with_interaction, False),
        ("Dependability of one call", dependability.single, False),
        ("Dependability of the panel", dependability.panel, False),
        ("Dependability of one debate", dependability.debate, False),
        ("Flip rate: another grade", dimension.flips.categorical, True),
        ("Flip rate: across the pass threshold", dimension.flips.threshold, True),
        ("Effective number of judges", dimension.effective_judges, False),
        ("Different scorers among the personas", dimension.effective_personas, False),
    )
    rows = [estimate_row(name, value, percent=percent) for name, value, percent in named if value is not None]
    p_values = (("main effect of persona", "main"), ("effect of persona at all", "any"))
    rows += [
        (f"p, no {name} (permutation)", figures.p_text(dimension.permutation.get(key)), "none", "", "these personas")
        for name, key in p_values
        if key in dimension.permutation
    ]
    return Table(f"How far to trust it. Claim {CLAIMS[claim.holds]}", ESTIMATE_COLUMNS, tuple(rows))


def _arms(dimension: DimensionReport) -> Table:
    baselines = ("against the panel, equal calls", "noise to signal against the panel", "against one judge")
    columns = ("arm", *baselines, "flip rate", "score minus the panel's", "calls", "tokens", "reading")
    rows = tuple(_arm_row(name, arm) for name, arm in dimension.arms.items())
    return Table("What each arm buys: run variance over that of its baseline; below 1 is steadier", columns, rows)


def _arm_row(name: str, arm: ArmReport) -> Row:
    difference = figures.estimate_text(arm.score_difference) if arm.score_difference else "undefined"
    p = f", p {figures.p_text(arm.score_difference_p)}" if arm.score_difference_p is not None else ""
    more = (("equal tokens", arm.sr_panel_tokens), ("equal dollars", arm.sr_panel_usd))
    matched = "".join(f"; {at} {figures.estimate_text(ratio)}" for at, ratio in more if ratio)
    return (
        ARMS_NAMED.get(name, name),
        figures.estimate_text(arm.sr_panel) + matched,
        figures.estimate_text(arm.nsr_panel),
        figures.estimate_text(arm.sr_single),
        figures.estimate_text(arm.flips, percent=True),
        difference + p,
        _count(arm.calls),
        _count(arm.tokens),
        ARM_VERDICTS[arm.verdict],
    )


def _count(value: float | None) -> str:
    return "unknown" if value is None else figures.rounded(value)


def _plans(dimension: DimensionReport) -> Table:
    columns = ("personas", "runs", "further facets", "calls per verdict", "dependability", "cost")
    rows = [_plan_row(plan, cheapest=plan == dimension.cheapest) for plan in _best_plans(dimension)]
    caption = "The best dependability that so many calls buy"
    return Table(caption, columns, tuple(rows), open=False)


def _best_plans(dimension: DimensionReport) -> list[Plan]:
    """The cheapest plan and the frontier: plans that no plan of as few calls surpasses."""
    best: list[Plan] = []
    for plan in sorted(dimension.plan, key=lambda plan: (plan.calls, -(plan.phi or 0.0))):
        if plan.phi is not None and (not best or plan.phi > (best[-1].phi or 0.0)):
            best.append(plan)
    shown = best[:PLAN_ROWS]
    if dimension.cheapest is not None and dimension.cheapest not in shown:
        shown.append(dimension.cheapest)
    return shown


def _plan_row(plan: Plan, *, cheapest: bool) -> Row:
    facets = ", ".join(f"{name} {count}" for name, count in plan.facets.items()) or "none"
    calls = f"{plan.calls:,}" + (" (cheapest that reaches the target)" if cheapest else "")
    return str(plan.personas), str(plan.runs), facets, calls, figures.rounded(plan.phi), figures.dollars(plan.cost_usd)


def _agreement(dimension: DimensionReport) -> Table:
    rows = []
    for persona, icc in dimension.icc.items():
        rows.append(estimate_row(f"ICC of one run, {persona}", icc.single))
        rows.append(estimate_row(f"ICC of the mean of its runs, {persona}", icc.average))
    for name, icc in dimension.icc_personas.items():
        rows.append(estimate_row(f"ICC of one persona as rater, {name}", icc.single))
        rows.append(estimate_row(f"ICC of all personas as raters, {name}", icc.average))
    rows += [
        estimate_row(f"Ordinal alpha of runs, {persona}", alpha) for persona, alpha in dimension.alpha.runs.items()
    ]
    rows.append(estimate_row("Ordinal alpha of all personas and runs", dimension.alpha.all))
    return Table("Agreement of runs and of personas", ESTIMATE_COLUMNS, tuple(rows), open=False)


def _free(caption: str, values: Mapping[str, Any] | None) -> Table:
    """A part of the report whose keys depend on the table: each leaf a row, its path the name."""
    return Table(caption, ESTIMATE_COLUMNS, tuple(_leaves(values or {}, "")), open=caption in OPEN)


def _leaves(value: Any, path: str) -> Iterator[Row]:
    estimate = _as_estimate(value)
    if estimate is not None:
        yield estimate_row(path, estimate)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, ": ".join(part for part in (path, _words(key)) if part))
    elif isinstance(value, Sequence) and not isinstance(value, str) and all(_is_plain(inner) for inner in value):
        yield path, _list_text(value), "none", "", ""
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value, 1):
            yield from _leaves(*_by_runs(inner, path, number))
    else:
        yield path, _leaf_text(value), "none", "", ""


def _by_runs(value: Any, path: str, number: int) -> tuple[Any, str]:
    """An entry of a list and its name: by its number of runs where it has one, else by its place."""
    if isinstance(value, Mapping) and isinstance(runs := value.get("runs"), int):
        return {key: inner for key, inner in value.items() if key != "runs"}, f"{path}, {runs} run{'s' * (runs != 1)}"
    return value, f"{path} {number}"


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))


def _list_text(values: Sequence[object]) -> str:
    """A list on one line; a long one by its length, its first and its last value (all are in the JSON)."""
    if len(values) > LIST_SHOWN_MAX:
        return f"{_leaf_text(values[0])} … {_leaf_text(values[-1])} ({len(values)} values)"
    return ", ".join(_leaf_text(value) for value in values) or "none"


def _words(key: object) -> str:
    return KEYS_NAMED.get(str(key), str(key).replace("_", " "))


def _leaf_text(value: object) -> str:
    if value is None:
        return "undefined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return figures.rounded(value) if isinstance(value, (int, float)) else str(value)


def _as_estimate(value: object) -> Estimate | None:
    if isinstance(value, Estimate):
        return value
    if isinstance(value, Mapping) and set(value) == set(Estimate.model_fields):
        try:
            return Estimate.model_validate(value)
        except ValidationError:
            return None
    return None
