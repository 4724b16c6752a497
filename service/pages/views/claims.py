"""How far a verdict can be trusted, and why, in words that need no statistics."""

from __future__ import annotations

from collections.abc import Sequence

from service.pages.formatting import mean, plural, score, spread

NOT_HEARD = ("queued", "running", "pending", "cancelled", "expired")
AT_THE_MARK = 0.005
PAIR_LABELS = ("b", "tie", "a")
PAIR_NAMES = {"a": "A is better", "b": "B is better"}


def said(trust: str, counts: Sequence[tuple[str, str, int]]) -> str:
    """What the repeats say: `3 of 5 hearings say pass, 2 say fail`.

    counts: key, label and number of the repeats that came out alike, the most common first.
    """
    ended = [one for one in counts if one[0] not in NOT_HEARD]
    total = sum(number for _, _, number in ended)
    if trust == "undecided":
        return f"None of {plural(total, 'hearing')} gave a verdict." if total else "Not heard yet."
    if trust == "single":
        return "Heard once: nothing is known of its stability."
    if trust == "steady":
        return f"All {total} hearings say {ended[0][1]}."
    parts = [f"{number} {_say(key, label, number)}" for key, label, number in ended]
    first = parts[0].split(" ", 1)
    return f"{first[0]} of {total} hearings {', '.join([first[1], *parts[1:]])}."


def _say(key: str, label: str, number: int) -> str:
    if key not in ("pass", "fail", "grade"):
        return f"gave no verdict ({label})"
    return f"{'say' if number > 1 else 'says'} {label}"


def grade_name(labels: Sequence[str], label: str) -> str:
    """A level's label; of a comparison of two outputs, which one is better."""
    return PAIR_NAMES.get(label, label) if tuple(labels) == PAIR_LABELS else label


def why(trust: str, value: float | None, sd: float | None, threshold: float | None) -> str:
    """Why repeats part, or could have: how near to the pass mark the mean lies beside how far one hearing swings."""
    if value is None or not sd or trust not in ("split", "steady"):
        return ""
    swing = f"one hearing swings by ±{spread(sd)}"
    if threshold is None:
        return f"The mean is {mean(value)}, and {swing}." if trust == "split" else ""
    gap = abs(value - threshold)
    place = "on" if gap < AT_THE_MARK else f"{score(gap, 2)} {'above' if value > threshold else 'below'}"
    where = f"The mean lies {place} the pass mark of {score(threshold)}"
    if trust == "steady":
        return f"{where}, and {swing}: it was near." if gap <= sd else ""
    if gap <= sd:
        return f"{where}, and {swing}: chance picks the side."
    return f"{where}, but {swing}, and that was enough to cross it."
