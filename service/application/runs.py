"""Runs: what was said in each hearing, and what every persona saw."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from agents import RunResult, Transcript, Turn
from llm import Call
from service.application.context import Context
from service.application.evaluation_rows import run_record
from service.application.paging import owned
from service.application.records import RunRecord
from service.application.stored import stored
from service.errors import NotFoundError
from service.store import load_calls, tables


class Runs:
    """Each repeat of each item."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, owner: str | None, evaluation_id: str) -> tuple[RunRecord, ...]:
        """Every run of an evaluation by repeat. Raises NotFoundError."""
        table, evaluations = tables.runs, tables.evaluations
        async with self._context.store.read() as connection:
            exists = sa.select(evaluations.c.id).where(evaluations.c.id == evaluation_id, owned(evaluations, owner))
            if (await connection.execute(exists)).one_or_none() is None:
                raise NotFoundError(f"no evaluation {evaluation_id!r}")
            query = sa.select(table).where(table.c.evaluation_id == evaluation_id).order_by(table.c.repeat)
            return tuple(run_record(row._mapping) for row in await connection.execute(query))

    async def get(self, owner: str | None, run_id: str) -> RunRecord:
        """Raises NotFoundError."""
        return run_record((await self._row(owner, run_id))._mapping)

    async def result(self, owner: str | None, run_id: str) -> RunResult:
        """The whole hearing. Raises NotFoundError while there is none, StoreDamagedError for one that cannot be read."""
        row = await self._row(owner, run_id)
        query = sa.select(tables.results.c.body).where(tables.results.c.run_id == run_id)
        async with self._context.store.read() as connection:
            body = (await connection.execute(query)).scalar_one_or_none()
        if body is None:
            raise NotFoundError(f"run {run_id!r} is {row.status} and has no transcript")
        with stored("result of run", run_id):
            return RunResult.model_validate_json(body)

    async def transcript(self, owner: str | None, run_id: str) -> Transcript:
        """Everything that was said. Raises NotFoundError while there is none."""
        return (await self.result(owner, run_id)).transcript

    async def turn(self, owner: str | None, run_id: str, turn_id: str) -> tuple[Turn, tuple[Call, ...]]:
        """One turn, and its calls with the exact messages that its persona saw. Raises NotFoundError."""
        transcript = await self.transcript(owner, run_id)
        for turn in transcript.turns:
            if turn.id == turn_id:
                calls = {call.key: call for call in await load_calls(self._context.store, run_id)}
                return turn, tuple(calls[key] for key in turn.call_keys if key in calls)
        raise NotFoundError(f"run {run_id!r} has no turn {turn_id!r}")

    async def calls(self, owner: str | None, run_id: str) -> tuple[Call, ...]:
        """Every call of a run, in the order of recording. Raises NotFoundError."""
        await self._row(owner, run_id)
        return tuple(await load_calls(self._context.store, run_id))

    async def _row(self, owner: str | None, run_id: str) -> sa.Row[Any]:
        query = sa.select(tables.runs).where(tables.runs.c.id == run_id, owned(tables.runs, owner))
        async with self._context.store.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(f"no run {run_id!r}")
        return row
