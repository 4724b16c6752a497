"""How often an item is heard: a fixed number, or until the stopping rule is satisfied (statistics, 1.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Rubric
from service.application.records import DimensionScore, Status
from service.store import tables

PILOT_ITEMS_MAX = 200
"""Other items whose run variance is pooled as the rule's prior; 20 x 3 runs suffice."""


def looks(repeats_min: int, repeats_max: int) -> tuple[int, ...]:
    """When the rule looks: at the least number of runs, then at each doubling, at last at the most."""
    found = [repeats_min]
    while found[-1] * 2 < repeats_max:
        found.append(found[-1] * 2)
    return tuple(dict.fromkeys([*found, repeats_max]))


async def repeats_wanted(
    connection: AsyncConnection,
    evaluation: sa.Row[Any],
    rubric: Rubric,
    runs: Sequence[sa.Row[Any]],
    scores: Mapping[str, Mapping[str, DimensionScore]],
) -> int:
    """How many more runs an evaluation needs, all its runs having ended; 0 where it is done."""
    if evaluation.half_width is None or len(runs) >= evaluation.repeats_max or not scores:
        return 0
    if any(run.status not in (Status.COMPLETED, Status.FAILED) for run in runs):
        return 0
    plan = looks(evaluation.repeats_min, evaluation.repeats_max)
    last = scores[list(scores)[-1]]
    for dimension in rubric.dimensions:
        values = [value for value in last[dimension.name].run_values if value is not None]
        pilot = await _pooled_variance(connection, evaluation, list(scores)[-1], dimension.name)
        if not _narrow(values, pilot, evaluation.half_width, len(plan)):
            return next(look for look in plan if look > len(runs)) - len(runs)
    return 0


def _narrow(values: Sequence[float], pilot_variance: float | None, half_width: float, looks_planned: int) -> bool:
    from stability import stopping_half_width

    width = stopping_half_width(values, pilot_variance=pilot_variance, looks=looks_planned)
    return width is not None and width <= half_width


async def _pooled_variance(
    connection: AsyncConnection, evaluation: sa.Row[Any], arm: str, dimension: str
) -> float | None:
    """Run variance pooled over other items heard the same way; None where there are none."""
    table = tables.evaluations
    query = (
        sa.select(table.c.scores)
        .where(
            table.c.owner == evaluation.owner,
            table.c.persona_set_id == evaluation.persona_set_id,
            table.c.rubric_id == evaluation.rubric_id,
            table.c.id != evaluation.id,
            table.c.instability.is_not(None),
        )
        .order_by(table.c.created_at.desc())
        .limit(PILOT_ITEMS_MAX)
    )
    squares, freedom = 0.0, 0
    for scores in (await connection.execute(query)).scalars():
        values = [value for value in scores.get(arm, {}).get(dimension, {}).get("run_values", []) if value is not None]
        if len(values) > 1:
            mean = sum(values) / len(values)
            squares += sum((value - mean) ** 2 for value in values)
            freedom += len(values) - 1
    return squares / freedom if freedom else None
