"""The verdict sentence: what the figures say, in words that a newcomer can check against them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from stability.report import ArmReport, Claim, Estimate
from stability.report_why import PositionsReport

FLIPS_MAX = 0.10
"""A verdict is stable when the upper limit of its flip rate is at most this,"""
PHI_MIN = 0.80
"""and the lower limit of its dependability at least this."""

Stable = Literal["stable", "not_stable", "undefined"]


class Case(NamedTuple):
    """What the sentence is about."""

    name: str
    calls: float | None
    """Calls of one verdict; None where no single judge spoke."""
    personas: int
    dependability: Estimate
    flips: Estimate
    claim: Claim
    main_p: float | None
    arm: str | None
    told: ArmReport | None
    rerun: bool
    """Whether any cell, or any verdict, was run twice."""
    scored: bool
    enough: bool
    """Whether there are clusters enough for intervals."""
    varies: bool
    whose: str = "judge"
    """Whose verdict the flip rate is of, where no arm but the single judges spoke."""
    still: bool = False
    """Whether every re-run of a single judgement gave the same score."""


def stable(dependability: Estimate, flips: Estimate) -> Stable:
    """Both limits must be met; undefined where either interval is missing and neither decides it.

    A dependability of exactly 1 has no interval, because no re-run differed and leaving clusters out changes nothing.
    It counts as met: whether that was luck of few items is what the flip rate's exact upper limit tells.
    """
    low = dependability.ci.low if dependability.ci else None
    if low is None and dependability.value == 1:
        low = 1.0
    high = flips.ci.high if flips.ci else None
    if dependability.value is None and flips.value == 0:  # nothing varies: neither good nor bad can be told
        return "undefined"
    if (low is not None and low < PHI_MIN) or (high is not None and high > FLIPS_MAX):
        return "not_stable"
    return "stable" if low is not None and high is not None else "undefined"


def sentence(case: Case) -> str:
    """The template of the report, with every way of not knowing said plainly."""
    verdict = stable(case.dependability, case.flips)
    named = {"stable": "STABLE", "not_stable": "NOT STABLE", "undefined": "UNDEFINED"}[verdict]
    at = f" at {_count(case.calls)}" if case.calls is not None else ""
    reason = f": {_unknown(case)}" if verdict == "undefined" else ""
    if verdict == "not_stable" and _good_enough(case):
        reason = ": the estimates would do, but their margins of error are too wide (more items would narrow them)"
    parts = [f"{case.name}: {named}{at}{reason}."]
    parts += [text for text in (_flip(case), _claim(case), _arm(case)) if text]
    return " ".join(parts)


def _good_enough(case: Case) -> bool:
    """Whether both estimates meet what their limits do not."""
    phi, flips = case.dependability.value, case.flips.value
    return phi is not None and flips is not None and phi >= PHI_MIN and flips <= FLIPS_MAX


def _count(calls: float) -> str:
    """Whole calls: hearings that cost different numbers of calls have a mean between."""
    whole = round(calls)
    about = "" if abs(calls - whole) < 0.05 else "about "
    return f"{about}{whole} call{'s' if whole != 1 else ''}"


def _unknown(case: Case) -> str:
    if not case.scored:
        return "the table holds no score"
    if not case.rerun:
        nothing = f"no case has two verdicts of {case.arm.replace('_', ' ')}" if case.arm else "nothing was run twice"
        return f"{nothing}, so not enough runs to say; run each case 2 times or more"
    if not case.varies:
        return "every score is the same, so these items cannot show whether the verdict can be trusted"
    if not case.enough:
        return "fewer than 10 items (or source documents), so no margin of error can be given"
    return "the figures that it needs have no margin of error here (see the warnings)"


def _flip(case: Case) -> str:
    flips = case.flips
    if flips.value is None:
        return ""
    limits = f" (95% CI {_percent(flips.ci.low)} to {_percent(flips.ci.high)})" if flips.ci else " (no interval)"
    whose = case.arm.replace("_", " ") if case.arm else case.whose
    return f"Hearing a case again changes the {whose}'s verdict in {_percent(flips.value)} of cases{limits}."


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{100 * value:.3g}%"


def _claim(case: Case) -> str:
    """Chance against persona, hedged by the claim test and the permutation test."""
    claim, who = case.claim, _who(case)
    if claim.holds == "undefined":
        if case.personas == 1 and case.scored:
            return "One persona: what another would say is unknown."
        joint = claim.delta_with_interaction.value
        if joint is None:
            return ""
        more = "more" if joint < 0 else "less"
        return f"On this one item personas differ {more} than re-runs of one persona do (no margin of error)."
    apart = case.main_p is not None and case.main_p <= 0.05
    if case.still:
        return f"No re-run of a persona changed its score; {'personas differ in their mean score' if apart else who + ' differ no more than chance would have it'}."
    if claim.ratio is not None and claim.ratio.value is not None:
        ratio = claim.ratio
        limits = (
            f" (95% CI {_times(ratio.ci.low)} to {_times(ratio.ci.high)}, {who})"
            if ratio.ci
            else f" ({who}, no interval)"
        )
        text = f"Re-running the same persona moves the score {_as_much(ratio.value)} (in variance) as changing persona{limits}"
    elif apart:
        text = "Personas differ in their mean score"
    else:
        text = f"Changing persona makes no difference that can be told from chance ({who})"
    end = {
        "holds": "chance in re-runs is larger than the difference between personas",
        "exceeded": "the difference between personas is larger than chance in re-runs",
        "not_resolved": "which of the two is larger is not resolved",
    }[claim.holds]
    return f"{text}; {end}."


def _who(case: Case) -> str:
    if case.claim.delta.universe == "random":
        return "personas of this kind"
    return f"these {case.personas} personas"


def _times(value: float | None) -> str:
    return "any" if value is None else f"{value:.2g}" if value < 100 else f"{value:.0f}"


_MOVED = {
    "spontaneous": "change when a judge merely looks again",
    "conformity": "more change after seeing the others' scores (conformity)",
    "persuasion": "more change after hearing their arguments (persuasion)",
}


def moved(changes: PositionsReport | None) -> str:
    """Why judges change their scores, by comparing the arms; empty where the arms to compare were not heard.

    changes: `position_changes` of a report. Differences may be negative: then fewer scores change.
    """
    if changes is None:
        return ""
    known = [
        (part, words)
        for name, words in _MOVED.items()
        if (part := getattr(changes, name)) is not None and part.value is not None
    ]
    parts = [f"{_percent(part.value)}{_limits(part)} {words}" for part, words in known]
    text = f"Of the scores given alone, {', '.join(parts)}." if parts else ""
    pull = changes.conformity_pull
    if pull is not None and pull.value is not None:
        way = f"the others' scores alone draw a judge {_percent(pull.value)}{_limits(pull)} of the way to their mean."
        text = f"{text} {way[0].upper()}{way[1:]}".strip()
    return text


def _limits(part: Estimate) -> str:
    limits = part.ci
    return f" (95% CI {_percent(limits.low)} to {_percent(limits.high)})" if limits else " (no interval)"


def _as_much(value: float | None) -> str:
    """`2.3 times as much`, and about 1 said in words."""
    return "about as much" if value is not None and 0.95 <= value < 1.05 else f"{_times(value)} times as much"


def _arm(case: Case) -> str:
    if case.arm is None or case.told is None:
        return ""
    name = case.arm.replace("_", " ").capitalize()
    calls = _count(case.told.calls).replace(" calls", " independent calls") if case.told.calls else "as many calls"
    return {
        "more_stable": f"{name} is more stable than spending the same on {calls} without it.",
        "less_stable": f"{name} is less stable than averaging {calls} at equal cost.",
        "not_distinguishable": f"There is no evidence that {name.lower()} beats averaging {calls}.",
        "undefined": f"Whether {name.lower()} beats averaging {calls} is undefined (see the warnings).",
    }[case.told.verdict]
