"""The commitment test of a run that has been heard: its verdict drawn anew after each turn of its debate."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Phase
from agents import commitment as draw_commitment
from service.application.context import Context, now
from service.application.heard import HeardRun, heard_run
from service.application.records import CommitmentRecord
from service.application.runs import Runs
from service.application.stored import stored
from service.errors import ConflictError, NotFoundError
from service.store import BudgetExhaustedError, tables

_record: TypeAdapter[CommitmentRecord] = TypeAdapter(CommitmentRecord)


class Commitments:
    """One test a run, kept until a larger one replaces it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, owner: str | None, run_id: str) -> CommitmentRecord:
        """The last test of a run. Raises NotFoundError while there is none."""
        await Runs(self._context).get(owner, run_id)
        query = sa.select(tables.commitments.c.body).where(tables.commitments.c.run_id == run_id)
        async with self._context.store.read() as connection:
            body = (await connection.execute(query)).scalar_one_or_none()
        if body is None:
            raise NotFoundError(f"nobody has asked how settled the verdict of run {run_id!r} was: PUT a test")
        with stored("commitment test of run", run_id):
            return _record.validate_json(body)

    async def measure(self, owner: str | None, run_id: str, times: int) -> CommitmentRecord:
        """Asks the run's own models for `times` fresh verdicts after each turn, and stores how far they agree.

        Waits for every answer. Each stands in the run's ledger as it comes, so that a test that was broken off, or is
        asked for with more draws, goes on from there and pays for nothing twice. Raises NotFoundError while the run
        has no transcript; ConflictError where it holds no debate, its rubric is gone or its budget is spent; llm.ModelConfigurationError.
        """
        heard = await heard_run(self._context, owner, run_id)
        if not any(turn.phase is Phase.DEBATE for turn in heard.result.transcript.turns):
            raise ConflictError(f"nobody debated in run {run_id!r}: there is no turn after which to ask again")
        try:
            record = await _draw(heard, times)
        except BudgetExhaustedError as error:
            raise ConflictError(f"the commitment test stopped: {error}") from error
        await self._context.store.write(lambda connection: _keep(connection, record))
        return record


async def _draw(heard: HeardRun, times: int) -> CommitmentRecord:
    drawn = await draw_commitment(
        heard.item,
        heard.persona_set,
        heard.rubric,
        heard.evaluation.protocol,
        heard.result.transcript,
        models=heard.models,
        times=times,
        seed=heard.result.run.seed,
        ledger=heard.ledger,
    )
    spent = heard.spent_since()
    return CommitmentRecord(
        run_id=heard.result.run.id,
        created_at=now(),
        times=times,
        calls=spent.calls,
        cost_usd=spent.cost_usd,
        simulated=heard.result.simulated,
        dimensions=drawn,
    )


async def _keep(connection: AsyncConnection, record: CommitmentRecord) -> None:
    table = tables.commitments
    await connection.execute(sa.delete(table).where(table.c.run_id == record.run_id))
    row = {"run_id": record.run_id, "created_at": record.created_at, "body": _record.dump_json(record).decode()}
    await connection.execute(sa.insert(table), row)
