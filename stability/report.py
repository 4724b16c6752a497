"""The stability report, `rehearing.report/1`: every figure with its interval, its counts and its universe."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from stability.report_why import IndividuationReport, PositionsReport, Provenance, SystemsReport
from stability.statistic import Estimate as Estimate
from stability.statistic import Interval as Interval
from stability.statistic import Part
from stability.statistic import Universe as Universe


class ReportWarning(Part):
    """Something a reader must know before trusting a figure."""

    code: str
    message: str


class Components(Part):
    """Variance components, untruncated: a negative one is not distinguishable from 0."""

    item: Estimate
    persona: Estimate
    item_persona: Estimate
    run: Estimate


class Claim(Part):
    """Is run-to-run variance at least the variance between personas?"""

    delta: Estimate
    """run minus persona."""
    delta_with_interaction: Estimate
    """run minus persona minus item x persona."""
    holds: Literal["holds", "exceeded", "not_resolved", "undefined"]
    ratio: Estimate | None
    """run over persona; null unless the persona effect is distinguishable from 0."""
    ratio_with_interaction: Estimate | None


class Dependability(Part):
    single: Estimate
    """One persona, one run; random universe, absolute."""
    panel: Estimate
    """The observed personas, one run each, in the universe asked for."""
    debate: Estimate | None
    """ICC(1,1) of the debate's verdicts."""


class Plan(Part):
    """What a number of personas and runs would buy."""

    personas: int
    runs: int
    phi: float | None
    calls: int
    cost_usd: float | None
    facets: dict[str, int] = Field(default_factory=dict)
    """Levels of further facets (order, model, prompt), where the table has them."""


class Icc(Part):
    single: Estimate
    average: Estimate


class Alpha(Part):
    runs: dict[str, Estimate]
    """Ordinal Krippendorff alpha of the runs inside each persona."""
    all: Estimate


class Flips(Part):
    categorical: Estimate
    threshold: Estimate | None


class ArmReport(Part):
    """One arm against its baselines. Below 1 the arm is the steadier."""

    sr_single: Estimate
    sr_panel: Estimate
    """Run variance of the arm over that of a panel of independent calls at equal calls: what a unit of stability
    (1 over the run variance) costs in calls, over what it costs with the panel. Hearing again makes a verdict dearer and
    steadier at one rate, so it is the same however often both are heard."""
    sr_panel_tokens: Estimate | None = None
    """The same at equal tokens: the price of stability in tokens."""
    sr_panel_usd: Estimate | None = None
    """The same at equal dollars; None where a price is unknown, or nothing is paid."""
    nsr_panel: Estimate
    """Noise-to-signal ratio of the arm over the panel's: the headline."""
    flips: Estimate
    calls: float | None
    tokens: float | None
    cost_usd: float | None = None
    """Of one verdict; None where the price of one is unknown."""
    verdict: Literal["more_stable", "not_distinguishable", "less_stable", "undefined"]
    score_difference: Estimate | None = None
    """Mean verdict of the arm minus the panel's, on the same items."""
    score_difference_p: float | None = None


class ByCalls(Part):
    """Flip rate of a verdict that averages so many calls: one point of plot 2."""

    calls: float
    flips: Estimate
    design: Literal["single", "panel", "debate", "self_reflection", "stance"]
    tokens: float | None = None
    cost_usd: float | None = None
    """Of one verdict, as far as the table says what a call or the arm cost; None where it does not."""


class HumanAgreement(Part):
    """Correlation of the mean of so many runs with people's scores, over items."""

    runs: int
    spearman: Estimate
    kendall: Estimate
    """tau-b."""
    pearson: Estimate


class WilliamsTest(Part):
    """Do two arms correlate differently with the same people? Null where that is undefined."""

    difference: float | None
    statistic: float | None
    p: float | None
    """Two-sided."""


class HumanDifference(Part):
    """The main arm's correlation with people minus the panel's."""

    arms: tuple[str, str]
    spearman: Estimate
    williams: WilliamsTest


class RiskCoverageCurve(Part):
    """Loss of the verdicts that are answered in order of certainty, and its areas; lower is better, save `normalised`."""

    coverage: tuple[float, ...]
    """At most 50 of its points."""
    risk: tuple[float, ...]
    aurc: float
    base: float
    """Mean loss: the area under the curve of a certainty that knows nothing."""
    oracle: float
    excess: float
    normalised: float | None


class CertaintyThreshold(Part):
    """The least certainty at which verdicts may be accepted; null asks to abstain always."""

    threshold: float | None
    coverage: float
    agreement: float | None
    lower_limit: float | None
    """Of the agreement, Clopper and Pearson."""
    n_accepted: int


class Certainty(Part):
    """Is a certain judge a right one? Against people's scores."""

    judged_by: str
    """When a verdict counts as right."""
    verdicts: int
    aurc: Estimate
    risk_coverage: RiskCoverageCurve | None
    selective_accuracy: dict[str, float | None]
    """By the share of verdicts that is answered, the most certain first."""
    auroc: float | None
    brier: float | None
    ece: float | None
    """Expected calibration error; `ece_floor` is what a perfectly calibrated certainty would show by chance."""
    ece_floor: float | None
    threshold: CertaintyThreshold
    reading: str
    """What the threshold asks of whoever uses the verdicts."""


class MissingCounts(Part):
    """What one persona, or one arm's verdicts, failed to give, and what the worst case would make of it."""

    asked: int
    used: int
    failed: int
    abstained: int
    failed_rate: float | None
    abstained_rate: float | None
    mean: float | None
    mean_bounds: tuple[float, float] | None
    """If all that is missing were the lowest grade, and the highest."""
    pass_rate: float | None
    pass_rate_bounds: tuple[float, float] | None
    """If all that is missing failed, and if it passed."""


class Missing(Part):
    """Failures and abstentions: outcomes, not zeros."""

    personas: dict[str, MissingCounts]
    arms: dict[str, MissingCounts]
    abstention_flips: Estimate | None
    """Chance that a persona abstains in one of two runs and not in the other; null where nobody abstained."""


class DimensionReport(Part):
    verdict: Literal["stable", "not_stable", "undefined"]
    sentence: str
    components: Components
    shares: dict[str, Estimate]
    facets: dict[str, Estimate] = Field(default_factory=dict)
    """Variance of one call that order, model or prompt add, and that of runs which differ in none of them (`run`)."""
    claim: Claim
    dependability: Dependability
    plan: tuple[Plan, ...]
    cheapest: Plan | None
    icc: dict[str, Icc]
    """Runs as raters, inside each persona."""
    icc_personas: dict[str, Icc] = Field(default_factory=dict)
    """Personas as raters on their mean scores: `agreement` (harshness is error) and `consistency` (it is not)."""
    alpha: Alpha
    flips: Flips
    flips_by_calls: tuple[ByCalls, ...] = ()
    arms: dict[str, ArmReport]
    position_changes: PositionsReport | None
    systems: SystemsReport | None
    effective_judges: Estimate
    effective_personas: Estimate | None = None
    """How many different scorers the personas amount to, once what they agree on is taken off."""
    permutation: dict[str, float | int | None]
    """`main`, `any`: p values; `permutations`: how many were drawn."""
    humans: dict[str, tuple[HumanAgreement, ...] | HumanDifference] | None
    """By arm, its agreement with people's scores for one run and for all; `difference`: the main arm and the panel."""
    certainty: Certainty | None
    individuation: IndividuationReport | None = None
    missing: Missing
    warnings: tuple[ReportWarning, ...]


class OverlapNull(Part):
    """How far texts overlap that did not repeat one another; a turn above it repeats."""

    above: float
    """95th percentile of the 4-gram overlap."""
    pairs: int
    """Pairs of independent texts behind it."""
    measured: bool
    """On these transcripts; else a published figure, because there were fewer than 20 pairs."""


class PersonaTexts(Part):
    """How different the personas' cards are."""

    personas: int
    vendi: float | None
    """Effective number of different cards (Vendi score of their TF-IDF cosines): 1 to the number of personas."""
    distinct_2: float | None
    """Different word pairs over all."""
    compression_ratio: float | None
    """Bytes over zlib's bytes: high where the cards repeat one another."""


class Texts(Part):
    """What was said, of the runs whose transcripts were read. Rates are of turns that could show it."""

    runs: int
    runs_asked: int
    turns: int
    """Of the personas who debated."""
    repetitive: Estimate
    """Turns of the debate that overlap an earlier one of the same persona more than independent re-runs do."""
    echoing: Estimate
    """Turns of the debate that overlap an earlier one of another persona more than personas do who did not hear each other."""
    moved_without_reason: Estimate
    """Scored turns of the debate that move a score a point or more and cite neither argument nor evidence."""
    words_against_score: Estimate
    """Turns whose words pass what their score fails, or the other way round, of those whose words lean one way."""
    repetition_above: OverlapNull
    echo_above: OverlapNull
    different_reasons: Estimate
    """Effective number of different reasons (Vendi) among those that the personas give alone for one item."""
    personas: PersonaTexts | None


NO_TRANSCRIPTS = "no transcripts: a ratings table holds scores alone"


class Population(Part):
    items: int
    clusters: int
    personas: int
    runs: int
    """Most runs of one cell."""
    ratings_used: int
    ratings_asked: int


class StabilityReport(Part):
    """What repeated hearings say about how far a verdict can be trusted."""

    schema_: Literal["rehearing.report/1"] = Field(default="rehearing.report/1", alias="schema")
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True
    )
    population: Population
    dimensions: dict[str, DimensionReport]
    provenance: Provenance = Provenance()
    warnings: tuple[ReportWarning, ...] = ()
    texts: Texts | None = None
    texts_reason: str | None = NO_TRANSCRIPTS
    """Why `texts` is null; null where it is not."""


def report_schema() -> dict[str, object]:
    """JSON Schema of `rehearing.report/1`; docs/report.schema.json holds a copy."""
    return StabilityReport.model_json_schema(by_alias=True, mode="serialization")
