"""Probes: questions about a run that has been heard, asked as jobs. When was its verdict settled, did its personas stay
in role? One of each kind a run; what was answered is kept, so that a larger one pays only for what is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Commitment, Phase
from llm import ModelConfigurationError
from service.application.context import Context, now
from service.application.evaluation_rows import job_state
from service.application.heard import HeardRun, heard_run
from service.application.paging import owned
from service.application.probe_records import JudgeAdherence, ProbeKind, ProbeRecord
from service.application.records import Progress, Status
from service.application.requests import AdherenceRequest, CommitmentRequest
from service.application.spending import spent_of
from service.errors import ConflictError, InvalidRequestError, NotFoundError, Problem
from service.store import insert_if_absent, new_id, tables

ProbeRequest = CommitmentRequest | AdherenceRequest
CommitmentResult = dict[str, tuple[Commitment, ...]]
AdherenceResult = dict[str, JudgeAdherence]
RESULTS: Mapping[ProbeKind, TypeAdapter[Any]] = {
    ProbeKind.COMMITMENT: TypeAdapter(CommitmentResult),
    ProbeKind.ADHERENCE: TypeAdapter(AdherenceResult),
}
"""How a kind's result is written down."""
_OPEN = (Status.QUEUED, Status.RUNNING)


class Probes:
    """The commitment test and the audit of adherence, each once a run."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def put(self, owner: str | None, run_id: str, request: ProbeRequest) -> ProbeRecord:
        """Stores the probe for a worker to make; the one that is there already where it asks the same.

        Raises NotFoundError while the run has no transcript; ConflictError where it holds no debate to cut off, its item
        is gone, or another request of the kind is at work; InvalidRequestError for an observer that cannot be used.
        """
        heard = await heard_run(self._context, owner, run_id)
        kind, asked = _kind_of(request), self._asked(heard, request)
        row = {
            "id": new_id("pb"),
            "owner": heard.evaluation.owner,
            "created_at": now(),
            "status": Status.QUEUED,
            "run_id": run_id,
            "kind": kind,
            "request": asked,
        }
        await self._context.store.write(lambda connection: _store(connection, row))
        self._context.work_waits.ring()
        return await self.get(owner, run_id, kind)

    async def get(self, owner: str | None, run_id: str, kind: ProbeKind) -> ProbeRecord:
        """The last probe of the kind. Raises NotFoundError while nobody has asked for one."""
        table = tables.probes
        query = sa.select(table).where(table.c.run_id == run_id, table.c.kind == kind, owned(table, owner))
        async with self._context.store.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(f"nobody has asked for the {kind} of run {run_id!r}: PUT one")
        return probe_record(row._mapping)

    async def cancel(self, owner: str | None, run_id: str, kind: ProbeKind) -> ProbeRecord:
        """Asks nothing more; what was answered is kept for the next one. One that has ended stays as it is."""
        found = await self.get(owner, run_id, kind)
        table = tables.probes
        cancel = (
            sa.update(table)
            .where(table.c.id == found.id, table.c.status.in_(_OPEN))
            .values(status=Status.CANCELLED, ended_at=now(), error_code="cancelled", error="cancelled by its owner")
        )
        await self._context.store.write(lambda connection: connection.execute(cancel))
        self._context.something_happened.ring()
        return await self.get(owner, run_id, kind)

    def _asked(self, heard: HeardRun, request: ProbeRequest) -> dict[str, Any]:
        """What the job is to do, after the checks that cost nothing."""
        if isinstance(request, CommitmentRequest):
            if not any(turn.phase is Phase.DEBATE for turn in heard.result.transcript.turns):
                raise ConflictError(
                    f"nobody debated in run {heard.result.run.id!r}: there is no turn after which to ask again"
                )
            return {"times": request.times}
        if request.observer is None:
            return {"times": request.times, "observer": heard.models[0].spec}
        try:
            return {"times": request.times, "observer": self._context.models.check(request.observer).spec}
        except ModelConfigurationError as error:
            raise InvalidRequestError(str(error), [Problem("/observer", str(error), "model_not_usable")]) from error


async def _store(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Puts a probe in the place of one that has ended, and hands it that one's answers."""
    table = tables.probes
    of_kind = sa.select(table).where(table.c.run_id == row["run_id"], table.c.kind == row["kind"])
    old = (await connection.execute(of_kind.with_for_update())).one_or_none()
    if old is not None:
        same = old.request == row["request"]
        if same and old.status in (*_OPEN, Status.COMPLETED):
            return
        if old.status in _OPEN:
            raise ConflictError(
                f"the {old.kind} of run {old.run_id!r} is {old.status} with {old.request}; cancel it first"
            )
        await connection.execute(sa.delete(table).where(table.c.id == old.id))
    stored = await connection.execute(insert_if_absent(connection, table).values(**row))
    if old is not None and stored.rowcount:
        calls = tables.calls
        keep = sa.update(calls).where(calls.c.subject_id == old.id).values(subject_id=row["id"])
        await connection.execute(keep)


def _kind_of(request: ProbeRequest) -> ProbeKind:
    return ProbeKind.COMMITMENT if isinstance(request, CommitmentRequest) else ProbeKind.ADHERENCE


def probe_record(row: Mapping[Any, Any]) -> ProbeRecord:
    """The record of a row."""
    kind = ProbeKind(row["kind"])
    result = RESULTS[kind].validate_json(row["body"]) if row["body"] else None
    return ProbeRecord(
        id=row["id"],
        owner=row["owner"],
        run_id=row["run_id"],
        kind=kind,
        state=job_state(row, Progress(**row["progress"]) if row["progress"] else Progress(0, 0)),
        created_at=row["created_at"],
        times=row["request"]["times"],
        observer=row["request"].get("observer"),
        spent=spent_of(row),
        simulated=row["simulated"],
        commitment=result if kind is ProbeKind.COMMITMENT else None,
        adherence=result if kind is ProbeKind.ADHERENCE else None,
    )
