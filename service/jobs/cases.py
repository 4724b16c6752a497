"""What the runs of an evaluation are about, out of the store: read once for all of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import DebateProtocol, Item, Rubric, item_adapter
from clustering import PersonaSet
from service.application.context import Context
from service.application.hearings import PACKED_PERSONA_SET, open_persona_set
from service.application.rubrics import parse_rubric
from service.application.stored import stored
from service.store import Budget, tables

_REMEMBERED = 16
"""Evaluations: their runs come one after another. An item may be megabytes long, so there are few."""
_READ_CASE = (
    sa.select(
        tables.evaluations,
        PACKED_PERSONA_SET,
        sa.type_coerce(tables.rubrics.c.body, sa.Text).label("rubric"),
    )
    .join(tables.persona_sets, tables.persona_sets.c.id == tables.evaluations.c.persona_set_id)
    .join(tables.rubrics, tables.rubrics.c.id == tables.evaluations.c.rubric_id)
    .where(tables.evaluations.c.id == sa.bindparam("evaluation"))
)
_READ_BATCH_BUDGET = sa.select(tables.batches.c.budget_usd_max).where(tables.batches.c.id == sa.bindparam("batch"))


class Case(NamedTuple):
    """Everything that the runs of an evaluation are heard with; none of it ever changes."""

    evaluation_id: str
    batch_id: str | None
    item: Item
    persona_set: PersonaSet
    rubric: Rubric
    protocol: DebateProtocol
    models: tuple[str, ...]
    seed: int
    budget: Budget | None
    """What the runs spend from: the batch's, or the evaluation's."""


class Cases:
    """The cases that were heard last, and any other out of the store."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: OrderedDict[str, Case] = OrderedDict()

    async def get(self, evaluation_id: str) -> Case:
        """The case of an evaluation of which a run has been begun. Raises StoreError."""
        case = self._known.get(evaluation_id)
        if case is None:
            case = self._known[evaluation_id] = await self._read(evaluation_id)
        self._known.move_to_end(evaluation_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return case

    async def _read(self, evaluation_id: str) -> Case:
        async def operation(connection: AsyncConnection) -> tuple[sa.Row[Any], Budget | None]:
            row = (await connection.execute(_READ_CASE, {"evaluation": evaluation_id})).one()
            return row, await _budget(connection, row)

        row, budget = await self._context.store.look(operation)
        with stored("evaluation", evaluation_id):
            return _case(row, budget)


def _case(row: sa.Row[Any], budget: Budget | None) -> Case:
    return Case(
        evaluation_id=row.id,
        batch_id=row.batch_id,
        item=item_adapter.validate_json(row.item),
        persona_set=open_persona_set(row.packed).persona_set,
        rubric=parse_rubric(row.rubric),
        protocol=DebateProtocol.model_validate(row.protocol),
        models=tuple(row.models),
        seed=row.seed,
        budget=budget,
    )


async def _budget(connection: AsyncConnection, evaluation: Any) -> Budget | None:
    if evaluation.batch_id is None:
        found = evaluation.budget_usd_max
        return Budget(tables.evaluations, evaluation.id, found) if found is not None else None
    found = (await connection.execute(_READ_BATCH_BUDGET, {"batch": evaluation.batch_id})).scalar_one()
    return Budget(tables.batches, evaluation.batch_id, found) if found is not None else None
