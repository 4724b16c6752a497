"""Building one persona set."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from clustering import ClusteringError, PersonaOptions, PersonaSet
from llm import CallLedger, ModelConfigurationError
from service.application.context import Context, now
from service.application.documents import Documents
from service.application.persona_sets import set_columns
from service.application.records import OPEN, Status
from service.application.spending import spent_columns
from service.errors import NotFoundError
from service.store import Budget, BudgetExhaustedError, StoreLedger, tables, until_reachable

_PROGRESS_EVERY_S = 0.3


class _Progress:
    """Takes progress from the building thread; a task writes the latest into the row."""

    def __init__(self) -> None:
        self.latest: dict[str, Any] | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.latest = {"done": done, "total": total, "stage": stage}


async def build(context: Context, persona_set_id: str, worker_id: str, *, metered: Any, await_lease: Any) -> None:
    """Builds a persona set until it has ended; returns at once where there is nothing left to do."""
    row = await context.store.write(lambda connection: _begin(connection, persona_set_id, worker_id))
    if row is None:
        return
    ledger = StoreLedger(
        context.store, row.id, row.id, resumed=row.attempts > 1, budget=_budget(row), await_lease=await_lease
    )
    progress = _Progress()
    writer = asyncio.create_task(_write_progress(context, persona_set_id, progress))
    try:
        values = await _outcome_of(context, row, metered(ledger), progress)
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    values |= {**spent_columns(ledger.calls), "ended_at": now(), "progress": progress.latest}
    table = tables.persona_sets
    end = (
        sa.update(table)
        .where(table.c.id == persona_set_id, table.c.attempts == row.attempts, table.c.status == Status.RUNNING)
        .values(**values)
    )
    await until_reachable(lambda: context.store.write(lambda connection: connection.execute(end)))
    context.something_happened.ring()


async def _begin(connection: AsyncConnection, persona_set_id: str, worker_id: str) -> sa.Row[Any] | None:
    table = tables.persona_sets
    begin = (
        sa.update(table)
        .where(table.c.id == persona_set_id, table.c.status.in_(OPEN))
        .values(
            status=Status.RUNNING,
            worker_id=worker_id,
            attempts=table.c.attempts + 1,
            started_at=sa.func.coalesce(table.c.started_at, now()),
        )
        .returning(table.c.id, table.c.owner, table.c.request, table.c.attempts)
    )
    return (await connection.execute(begin)).one_or_none()


def _budget(row: sa.Row[Any]) -> Budget | None:
    most = row.request.get("budget_usd_max")
    return Budget(tables.persona_sets, row.id, most) if most is not None else None


async def _outcome_of(context: Context, row: sa.Row[Any], ledger: CallLedger, progress: _Progress) -> dict[str, Any]:
    try:
        persona_set = await _build(context, row, ledger, progress)
    except BudgetExhaustedError as error:
        return {"status": Status.CANCELLED, "error_code": "budget_exhausted", "error": str(error)}
    except ModelConfigurationError as error:
        return {"status": Status.FAILED, "error_code": "model_unusable", "error": str(error)}
    except NotFoundError as error:
        return {"status": Status.FAILED, "error_code": "not_found", "error": str(error)}
    except ClusteringError as error:
        return {"status": Status.FAILED, "error_code": "unusable_documents", "error": str(error)}
    return {"status": Status.COMPLETED, **set_columns(persona_set)}


async def _build(context: Context, row: sa.Row[Any], ledger: CallLedger, progress: _Progress) -> PersonaSet:
    from clustering import build_persona_set, measure_reproducibility, with_reproducibility

    documents = await Documents(context).load(row.owner, tuple(row.request["documents"]))
    spec = row.request.get("model")
    options = PersonaOptions.model_validate(row.request["options"])
    model = context.models.get(spec) if spec else None
    embedder = await asyncio.to_thread(context.models.embedder)
    built = await build_persona_set(
        documents, options=options, model=model, embedder=embedder, ledger=ledger, progress=progress
    )
    if not options.resamples:
        return built
    measured = await measure_reproducibility(
        documents, options=options, resamples=options.resamples, embedder=embedder, model=model, ledger=ledger,
        progress=progress, whole=built,
    )  # fmt: skip
    return with_reproducibility(built, measured)


async def _write_progress(context: Context, persona_set_id: str, progress: _Progress) -> None:
    table, written = tables.persona_sets, None
    while True:
        await asyncio.sleep(_PROGRESS_EVERY_S)
        if progress.latest is not None and progress.latest is not written:
            written = progress.latest
            update = sa.update(table).where(table.c.id == persona_set_id).values(progress=written)
            await context.store.write(lambda connection, update=update: connection.execute(update))  # type: ignore[misc]
