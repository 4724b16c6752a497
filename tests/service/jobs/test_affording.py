"""Of a job with a budget no more is begun at once than the rest of it pays for, by the dearest run that it has seen."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from service.application import EvaluationRequest, PersonaSetRequest, Status, open_application
from service.jobs.affording import runs_to_begin
from service.store import Budget, note_run_cost, tables

RUNS = 100


@pytest.mark.parametrize(
    ("costs", "spent", "in_hand", "begun"),
    [
        ([], 0.0, 0, 1),  # nobody knows what one costs
        ([], 0.0, 1, 0),
        ([0.01] * 60, 0.6, 0, 40),
        ([0.01] * 60, 0.6, 5, 35),
        ([0.01] * 59 + [0.1], 0.69, 0, 3),  # a later one was dearer
        ([0.01] * 30 + [0.1] + [0.01] * 29, 0.69, 0, 3),  # and need not have been the last
        ([0.01, None, 0.02], 0.5, 0, 25),
        ([0.3], 0.9, 0, 1),  # the rest does not quite pay for one
        ([0.0] * 3, 0.0, 0, RUNS - 3),
    ],
)
async def test_what_is_left_pays_for_what_is_begun(
    settings: Any,
    personas: Any,
    rubric: Any,
    item: Any,
    costs: list[float | None],
    spent: float,
    in_hand: int,
    begun: int,
) -> None:
    runs = tables.runs
    async with open_application(settings) as app:
        made = await app.persona_sets.create(None, PersonaSetRequest(personas=personas))
        request = EvaluationRequest(item=item, persona_set=made.id, rubric=rubric, repeats=RUNS, budget_usd_max=1.0)
        evaluation = await app.evaluations.create(None, request)
        budget = Budget(tables.evaluations, evaluation.id, 1.0)

        async def hear(connection: Any) -> None:
            for repeat, cost in enumerate(costs):
                ended = sa.update(runs).where(runs.c.repeat == repeat)
                await connection.execute(ended.values(status=Status.COMPLETED, cost_usd=cost))
                await note_run_cost(connection, budget, cost)
            held = sa.update(runs).where(runs.c.repeat.in_(range(len(costs), len(costs) + in_hand)))
            await connection.execute(held.values(status=Status.RUNNING))
            await connection.execute(sa.update(tables.evaluations).values(budget_usd_spent=spent))

        await app.context.store.write(hear)
        async with app.context.store.read() as connection:
            assert len(await runs_to_begin(connection, 1000)) == begun
