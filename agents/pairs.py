"""Pairs: two outputs, both orders, and what is left when the order alone decides.

A pair is graded on every dimension of its rubric with 1 (output A is better), 0 (tie) or -1 (output B is better).
Both orders are always judged. A persona prefers an output only if it does so in both orders; a preference that
follows the order is a tie by construction (the conservative rule of Zheng et al., arXiv 2306.05685).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from agents.item import PairItem
from agents.rubric import Dimension, Level, Rubric

_LEVELS = (
    Level(value=-1, label="b", anchor="Output B is better."),
    Level(value=0, label="tie", anchor="Neither is better in a way that matters."),
    Level(value=1, label="a", anchor="Output A is better."),
)


@lru_cache(maxsize=64)
def pair_rubric(rubric: Rubric) -> Rubric:
    """The rubric as a comparison: the same dimensions and questions, graded -1 (B), 0 (tie), 1 (A); no pass or fail."""
    compared = [Dimension(name=part.name, question=part.question, levels=_LEVELS) for part in rubric.dimensions]
    return rubric.model_copy(update={"dimensions": tuple(compared)})


def swapped(item: PairItem) -> PairItem:
    """The same pair, shown in the other order."""
    return item.model_copy(update={"output_a": item.output_b, "output_b": item.output_a})


def settle_orders(first: float | None, second: float | None) -> float | None:
    """One score out of both orders, each in the item's terms: their common preference, else a tie.

    None unless both orders were decided: a preference that was only asked for in one order is unknown.
    """
    if first is None or second is None:
        return None
    return first if first == second else 0.0


def position_bias(first: Mapping[str, float | None], second: Mapping[str, float | None]) -> float | None:
    """How far the output that stands first is preferred for it, -1 to 1, over all judges; None where nobody decided both.

    first, second: score by judge in each order, in the item's terms: half the difference is what the order adds.
    """
    both = [(first[name], second[name]) for name in first if name in second]
    shifts = [(a - b) / 2 for a, b in both if a is not None and b is not None]
    return sum(shifts) / len(shifts) if shifts else None
