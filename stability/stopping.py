"""How wide the interval of one item's mean still is: what the service asks before it re-runs an item."""

from __future__ import annotations

from collections.abc import Sequence

from stability.measures.sequential import StoppingRule, next_look


def stopping_half_width(values: Sequence[float], *, pilot_variance: float | None, looks: int = 3) -> float | None:
    """Half-width of the item's mean at one of `looks` planned looks; None while it cannot be known.

    values: the scores so far; pilot_variance: run variance pooled over other items. Statistics of `next_look`.
    """
    rule = StoppingRule(looks=tuple(range(2, 2 + looks)), half_width=1.0)
    return next_look(list(values), rule, pilot_variance).half_width
