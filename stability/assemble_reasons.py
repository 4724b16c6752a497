"""Why a figure or its interval is missing: a sweep over the finished report, so that no null goes unexplained."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from stability.estimates import Warnings
from stability.report import DimensionReport, Estimate

LISTED_MAX = 6
REASONS = {
    "fixed": ("no_interval", "no interval, because leaving out an item changes nothing or makes the figure undefined"),
    "random": (
        "no_interval_other_personas",
        "no interval for other personas, because nothing varies or the figure is undefined when they are drawn anew",
    ),
}
"""Code and words for a missing interval, by universe."""


def explain(report: DimensionReport, warnings: Warnings) -> None:
    """Warns of figures that are undefined and of those without an interval, naming them."""
    found = list(_estimates(report, ""))
    undefined = [name for name, estimate in found if estimate.value is None]
    if undefined:
        warnings.add(
            "undefined_figures",
            f"undefined for want of data, of re-runs or of anything that varies: {_listed(undefined)}",
        )
    if "few_clusters" in warnings:
        return
    for universe, (code, reason) in REASONS.items():
        bare = [name for name, told in found if told.value is not None and not told.ci and told.universe == universe]
        if bare:
            warnings.add(code, f"{reason}: {_listed(bare)}")


def _estimates(value: object, path: str) -> Iterator[tuple[str, Estimate]]:
    if isinstance(value, Estimate):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _estimates(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, Estimate | BaseModel | dict):
                yield from _estimates(inner, f"{path}.{name}" if path else str(name))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED_MAX} more" if len(names) > LISTED_MAX else ""
    return ", ".join(names[:LISTED_MAX]) + more
