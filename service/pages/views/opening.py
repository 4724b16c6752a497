"""What a batch's report says in plain words, its arms side by side and its systems ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.application import Ranking, Swings
from service.pages.formatting import UNKNOWN, count, dollars, score, words
from service.pages.views.evaluations import EvaluationRow, Warned, warned
from service.pages.views.figures import estimate_text, items_href
from stability import ArmReport, ByCalls, DimensionReport, Estimate, StabilityReport

ONE_JUDGE, PANEL = "single", "panel"
ARM_NAMES = {ONE_JUDGE: "one judge", PANEL: "panel, no debate", "stance": "stances only"}
BASELINES = {ONE_JUDGE: "the least that can be spent", PANEL: "independent calls: what the others are held against"}
READINGS = {
    "more_stable": "swings less than the mean of as many independent calls",
    "not_distinguishable": "swings no less than the mean of as many independent calls, as far as these data tell",
    "less_stable": "swings more than the mean of as many independent calls",
    "undefined": "cannot be compared: see the warnings",
}


@dataclass(frozen=True, slots=True)
class Opening:
    """The batch for somebody who has never seen a stability report."""

    total: int
    disagreeing: int
    """Items of which at least one hearing came out unlike the others."""
    disagreeing_href: str
    unreliable: tuple[str, ...]
    """Dimensions on which one hearing is not enough, by name."""
    reliable: tuple[str, ...]
    unknown: tuple[str, ...]
    worst: Warned | None


@dataclass(frozen=True, slots=True)
class ArmLine:
    """One way to reach a verdict: what it costs and how far it can be trusted."""

    name: str
    href: str
    calls: str
    tokens: str
    cost: str
    """Dollars of one verdict; "unknown" where a price is."""
    flips: str
    against_panel: str
    """On how many items its verdict swings less than the panel's, and more; empty for the panel itself."""
    dependability: str
    price: str
    """Of a unit of stability, over the panel's."""
    reading: str


@dataclass(frozen=True, slots=True)
class SystemLine:
    name: str
    mean: str
    href: str


@dataclass(frozen=True, slots=True)
class Systems:
    """The judged systems, the best first."""

    lines: tuple[SystemLine, ...]
    rank_stability: str
    """Kendall's tau of rankings from disjoint runs, with its interval."""


def opening(
    batch_id: str, report: StabilityReport, rows: Sequence[EvaluationRow], total: int, disagreeing: int
) -> Opening:
    """rows: the least stable items, the worst first."""
    named = {
        verdict: tuple(words(name) for name, own in report.dimensions.items() if own.verdict == verdict)
        for verdict in ("not_stable", "stable", "undefined")
    }
    return Opening(
        total=total,
        disagreeing=disagreeing,
        disagreeing_href=items_href(batch_id, only="disagree"),
        unreliable=named["not_stable"],
        reliable=named["stable"],
        unknown=named["undefined"],
        worst=warned(rows),
    )


def arm_lines(
    batch_id: str, dimension: str, own: DimensionReport, swings: Mapping[Ranking, Swings]
) -> tuple[ArmLine, ...]:
    """One judge and the panel once each, then every arm; a flip rate only where the report has one."""
    first: dict[str, ByCalls] = {}
    for point in sorted(own.flips_by_calls, key=lambda point: point.calls):
        first.setdefault(point.design, point)
    trusted: dict[str, Estimate | None] = {
        ONE_JUDGE: own.dependability.single,
        PANEL: own.dependability.panel,
        "debate": own.dependability.debate,
    }
    lines = []
    for design in (ONE_JUDGE, PANEL, *own.arms):
        arm = own.arms.get(design)
        found = first.get(design)
        if arm is None and found is None:
            continue
        spent = arm or found
        heard_in = PANEL if design == ONE_JUDGE else design
        lines.append(
            ArmLine(
                name=ARM_NAMES.get(design, words(design)),
                href=items_href(batch_id, dimension=dimension, arm=heard_in),
                calls=score(spent.calls) if spent else UNKNOWN,
                tokens=count(None if spent is None or spent.tokens is None else round(spent.tokens)),
                cost="unknown" if spent is None or spent.cost_usd is None else dollars(spent.cost_usd),
                flips=estimate_text(arm.flips if arm else found.flips if found else None, share=True),
                against_panel=_against(swings.get(Ranking(dimension, design))) if arm else "",
                dependability=estimate_text(trusted.get(design)) if trusted.get(design) else "–",
                price=_price(arm) if arm else "1",
                reading=READINGS[arm.verdict] if arm else BASELINES[design],
            )
        )
    return tuple(lines)


def _price(arm: ArmReport) -> str:
    """`1.8 (1.2 to 2.7) in calls, 2.1 (1.4 to 3.2) in dollars`; what is unknown is left out, save of calls."""
    told = [("calls", arm.sr_panel), ("tokens", arm.sr_panel_tokens), ("dollars", arm.sr_panel_usd)]
    return ", ".join(f"{estimate_text(ratio)} in {unit}" for unit, ratio in told if ratio is not None)


def _against(found: Swings | None) -> str:
    """`less on 3, more on 6, alike on 1`: items."""
    if found is None or not sum(found):
        return UNKNOWN
    return ", ".join(f"{how} on {number:,}" for how, number in found._asdict().items() if number)


def systems_ranked(batch_id: str, dimension: str, own: DimensionReport) -> Systems | None:
    """None without systems, and for a report of before their means were kept."""
    if own.systems is None or not own.systems.mean_scores:
        return None
    return Systems(
        tuple(
            SystemLine(name, score(mean, 2), items_href(batch_id, dimension=dimension, system=name))
            for name, mean in own.systems.mean_scores.items()
        ),
        estimate_text(own.systems.kendall_tau),
    )
