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
    from stability import runs_wanted

    arm = list(scores)[-1]
    wanted = 0
    for dimension in rubric.dimensions:
        found = list(scores[arm][dimension.name].run_values)
        found += [None] * (len(runs) - len(found))
        more = runs_wanted(
            found,
            runs_min=evaluation.repeats_min,
            runs_max=evaluation.repeats_max,
            half_width=evaluation.half_width,
            pooled_variance=await _pooled_variance(connection, evaluation, arm, dimension.name),
        )
        wanted = max(wanted, more)
    return wanted


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
    from stability import pooled_run_variance

    others = (await connection.execute(query)).scalars()
    values = [scores.get(arm, {}).get(dimension, {}).get("run_values", []) for scores in others]
    return pooled_run_variance(values, evaluation.repeats_min)
