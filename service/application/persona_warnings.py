"""What the warning codes of personas and their sets mean, for people."""

from __future__ import annotations

WARNINGS = {
    "demographics_may_bias": "Demographics are shown to the judge: scores may follow who somebody is instead of the material.",
    "single_voices_unplaced": "Some groups are a single voice: they have no persona of their own.",
    "only_margins_match": "The weights match the population's share of each attribute alone; combinations of attributes, and whatever else sets the population apart, need not match.",
    "small_effective_size": "The weights leave less than half of the panel's effective size: few personas decide the verdict.",
    "margins_no_longer_match": "The weights were calibrated for another panel: personas or weights were changed afterwards.",
}


def warning_text(code: str) -> str:
    """The sentence for a code; the code's words where it has none."""
    return WARNINGS.get(code, code.replace("_", " "))
