"""The commitment test of a run that has been heard: its verdict drawn anew after each turn of its debate."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Phase, RunResult
from agents import commitment as draw_commitment
from llm import spending
from service.application.context import Context, now
from service.application.evaluations import Evaluations
from service.application.persona_sets import PersonaSets
from service.application.records import CommitmentRecord, EvaluationRecord
from service.application.rubrics import Rubrics
from service.application.runs import Runs
from service.errors import ConflictError, NotFoundError
from service.store import Budget, BudgetExhaustedError, StoreLedger, tables

_record: TypeAdapter[CommitmentRecord] = TypeAdapter(CommitmentRecord)


class Commitments:
    """One test a run, kept until a larger one replaces it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runs, self._evaluations = Runs(context), Evaluations(context)
        self._persona_sets, self._rubrics = PersonaSets(context), Rubrics(context)

    async def get(self, owner: str | None, run_id: str) -> CommitmentRecord:
        """The last test of a run. Raises NotFoundError while there is none."""
        await self._runs.get(owner, run_id)
        query = sa.select(tables.commitments.c.body).where(tables.commitments.c.run_id == run_id)
        async with self._context.store.read() as connection:
            body = (await connection.execute(query)).scalar_one_or_none()
        if body is None:
            raise NotFoundError(f"nobody has asked how settled the verdict of run {run_id!r} was: PUT a test")
        return _record.validate_json(body)

    async def measure(self, owner: str | None, run_id: str, times: int) -> CommitmentRecord:
        """Asks the run's own models for `times` fresh verdicts after each turn, and stores how far they agree.

        Waits for every answer. Each stands in the run's ledger as it comes, so that a test that was broken off, or is
        asked for with more draws, goes on from there and pays for nothing twice. Raises NotFoundError while the run
        has no transcript; ConflictError where it holds no debate, its rubric is gone or its budget is spent; llm.ModelConfigurationError.
        """
        run, result = await self._runs.get(owner, run_id), await self._runs.result(owner, run_id)
        if not any(turn.phase is Phase.DEBATE for turn in result.transcript.turns):
            raise ConflictError(f"nobody debated in run {run_id!r}: there is no turn after which to ask again")
        evaluation = await self._evaluations.get(owner, run.evaluation_id)
        budget = await self._budget(evaluation)
        ledger = StoreLedger(self._context.store, run_id, evaluation.id, resumed=True, budget=budget)
        try:
            record = await self._draw(evaluation, result, ledger, times)
        except BudgetExhaustedError as error:
            raise ConflictError(f"the commitment test stopped: {error}") from error
        await self._context.store.write(lambda connection: _keep(connection, record))
        return record

    async def _draw(
        self, evaluation: EvaluationRecord, result: RunResult, ledger: StoreLedger, times: int
    ) -> CommitmentRecord:
        personas = (await self._persona_sets.get(None, evaluation.persona_set_id)).persona_set
        rubric = (await self._rubrics.get(None, evaluation.rubric_id)).rubric
        if evaluation.item is None or personas is None:
            raise ConflictError(f"the item or the personas of evaluation {evaluation.id!r} are gone")
        models = [self._context.models.get(spec) for spec in evaluation.models]
        drawn = await draw_commitment(
            evaluation.item,
            personas,
            rubric,
            evaluation.protocol,
            result.transcript,
            models=models,
            times=times,
            seed=result.run.seed,
            ledger=ledger,
        )
        of_hearing = _keys(result)
        spent = spending(call for call in ledger.calls if call.key not in of_hearing)
        return CommitmentRecord(
            run_id=result.run.id,
            created_at=now(),
            times=times,
            calls=spent.calls,
            cost_usd=spent.cost_usd,
            simulated=result.simulated,
            dimensions=drawn,
        )

    async def _budget(self, evaluation: EvaluationRecord) -> Budget | None:
        """What the run itself was paid from pays for its test, too."""
        if evaluation.batch_id is None:
            table, id_ = tables.evaluations, evaluation.id
        else:
            table, id_ = tables.batches, evaluation.batch_id
        query = sa.select(table.c.budget_usd_max).where(table.c.id == id_)
        async with self._context.store.read() as connection:
            most = (await connection.execute(query)).scalar_one_or_none()
        return None if most is None else Budget(table, id_, most)


def _keys(result: RunResult) -> set[str]:
    """The calls of the hearing itself."""
    turns = result.transcript.turns
    return {key for turn in turns for key in (*turn.call_keys, *turn.coordination_keys)}


async def _keep(connection: AsyncConnection, record: CommitmentRecord) -> None:
    table = tables.commitments
    await connection.execute(sa.delete(table).where(table.c.run_id == record.run_id))
    row = {"run_id": record.run_id, "created_at": record.created_at, "body": _record.dump_json(record).decode()}
    await connection.execute(sa.insert(table), row)
