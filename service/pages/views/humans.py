"""Whether the verdicts agree with people, where people have scored the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.pages.formatting import plural, signed, spread, words
from service.pages.views.figures import estimate_text
from service.pages.views.opening import ARM_NAMES
from stability import DimensionReport, HumanAgreement, HumanDifference

SPOKEN = {"panel": "the panel without debate", "debate": "the debate", "stance": "a panel that sees stances"}
LEVEL = 0.05
"""Of the test of two correlations with the same people."""


@dataclass(frozen=True, slots=True)
class HumanLine:
    """One way to reach a verdict beside the people."""

    name: str
    correlations: tuple[str, ...]
    """Spearman's with its interval, by number of hearings averaged."""


@dataclass(frozen=True, slots=True)
class Humans:
    hearings: tuple[str, ...]
    lines: tuple[HumanLine, ...]
    items: str
    """How many of the items people have scored."""
    difference: str | None
    """The main arm minus the panel, in figures and in words; None where only one of them was heard."""


def humans(own: DimensionReport) -> Humans | None:
    """None where people have scored too few of the items."""
    told = own.humans or {}
    found = {arm: entries for arm, entries in told.items() if not isinstance(entries, HumanDifference)}
    difference = next((entry for entry in told.values() if isinstance(entry, HumanDifference)), None)
    if not found:
        return None
    counts = sorted({entry.runs for entries in found.values() for entry in entries})
    lines = tuple(HumanLine(_name(arm), _correlations(entries, counts)) for arm, entries in found.items())
    used = [entry.spearman for entries in found.values() for entry in entries]
    most = max(used, key=lambda one: one.n_used)
    return Humans(
        hearings=tuple("one hearing" if count == 1 else f"mean of {plural(count, 'hearing')}" for count in counts),
        lines=lines,
        items=f"{most.n_used:,} of {plural(most.n_asked, 'item')}",
        difference=_difference(difference) if difference else None,
    )


def _name(arm: str) -> str:
    return ARM_NAMES.get(arm, words(arm))


def _correlations(entries: Sequence[HumanAgreement], counts: Sequence[int]) -> tuple[str, ...]:
    told = {entry.runs: entry.spearman for entry in entries}
    return tuple(estimate_text(told.get(count)) for count in counts)


def _difference(found: HumanDifference) -> str:
    """Of two tests, both must tell the arms apart before words do."""
    first, second = (SPOKEN.get(arm, words(arm)) for arm in found.arms)
    estimate, p = found.spearman, found.williams.p
    if estimate.value is None:
        return f"How {first} and {second} differ in it is undefined."
    figures = f"{first} minus {second}: {signed(estimate.value)}"
    ci = estimate.ci
    if ci is not None and ci.low is not None and ci.high is not None:
        figures += f" ({spread(ci.low)} to {spread(ci.high)})"
    if p is not None:
        figures += f", Williams' test p {spread(p)}"
    apart = ci is not None and (ci.low or 0) * (ci.high or 0) > 0 and p is not None and p < LEVEL
    if not apart:
        return f"Which of the two agrees better with people, these data cannot say ({figures})."
    better, worse = (first, second) if estimate.value > 0 else (second, first)
    return f"{better[:1].upper()}{better[1:]} agrees better with people than {worse} ({figures})."
