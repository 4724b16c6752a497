"""A run that has been heard, with all that is needed to ask its models, or others, about it again."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from agents import Item, Rubric, RunResult
from clustering import PersonaSet
from llm import Model
from service.application.context import Context
from service.application.evaluations import Evaluations
from service.application.persona_sets import PersonaSets
from service.application.records import EvaluationRecord
from service.application.rubrics import Rubrics
from service.application.runs import Runs
from service.errors import ConflictError
from service.store import Budget, tables


class HeardRun(NamedTuple):
    """What a finished run was about."""

    result: RunResult
    evaluation: EvaluationRecord
    item: Item
    persona_set: PersonaSet
    rubric: Rubric
    models: tuple[Model, ...]


async def heard_run(context: Context, owner: str | None, run_id: str) -> HeardRun:
    """Raises NotFoundError while the run has no transcript; ConflictError where its item or personas are gone;
    llm.ModelConfigurationError where a model of it cannot be used any more."""
    run, result = await Runs(context).get(owner, run_id), await Runs(context).result(owner, run_id)
    evaluation = await Evaluations(context).get(owner, run.evaluation_id)
    personas = (await PersonaSets(context).get(None, evaluation.persona_set_id)).persona_set
    rubric = (await Rubrics(context).get(None, evaluation.rubric_id)).rubric
    if evaluation.item is None or personas is None:
        raise ConflictError(f"the item or the personas of evaluation {evaluation.id!r} are gone")
    models = tuple(context.models.get(spec) for spec in evaluation.models)
    return HeardRun(result, evaluation, evaluation.item, personas, rubric, models)


async def budget_of(context: Context, evaluation: EvaluationRecord) -> Budget | None:
    """What the run itself was paid from pays for what is asked of it afterwards, too."""
    if evaluation.batch_id is None:
        table, id_ = tables.evaluations, evaluation.id
    else:
        table, id_ = tables.batches, evaluation.batch_id
    query = sa.select(table.c.budget_usd_max).where(table.c.id == id_)
    async with context.store.read() as connection:
        most = (await connection.execute(query)).scalar_one_or_none()
    return None if most is None else Budget(table, id_, most)
