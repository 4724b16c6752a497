"""Building one persona set."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa

from clustering import ClusteringError, PersonaOptions, PersonaSet
from llm import CallLedger, ModelConfigurationError
from service.application.context import Context
from service.application.documents import Documents
from service.application.persona_sets import set_columns
from service.application.records import Status
from service.application.spending import spent_columns
from service.errors import NotFoundError
from service.jobs.progress import ProgressKeeper, begin, end, keeping
from service.store import Budget, BudgetExhaustedError, StoreLedger, tables


async def build(context: Context, persona_set_id: str, worker_id: str, *, metered: Any, await_lease: Any) -> None:
    """Builds a persona set until it has ended; returns at once where there is nothing left to do."""
    row = await begin(context, tables.persona_sets, persona_set_id, worker_id)
    if row is None:
        return
    ledger = StoreLedger(
        context.store, row.id, row.id, resumed=row.attempts > 1, budget=_budget(row), await_lease=await_lease
    )
    async with keeping(context, tables.persona_sets, persona_set_id) as keeper:
        values = await _outcome_of(context, row, metered(ledger), keeper)
    values |= {**spent_columns(ledger.calls), "progress": keeper.latest}
    await end(context, tables.persona_sets, row, values)


def _budget(row: sa.Row[Any]) -> Budget | None:
    most = row.request.get("budget_usd_max")
    return Budget(tables.persona_sets, row.id, most) if most is not None else None


async def _outcome_of(context: Context, row: sa.Row[Any], ledger: CallLedger, keeper: ProgressKeeper) -> dict[str, Any]:
    try:
        persona_set = await _build(context, row, ledger, keeper)
    except BudgetExhaustedError as error:
        return {"status": Status.CANCELLED, "error_code": "budget_exhausted", "error": str(error)}
    except ModelConfigurationError as error:
        return {"status": Status.FAILED, "error_code": "model_unusable", "error": str(error)}
    except NotFoundError as error:
        return {"status": Status.FAILED, "error_code": "not_found", "error": str(error)}
    except ClusteringError as error:
        return {"status": Status.FAILED, "error_code": "unusable_documents", "error": str(error)}
    return {"status": Status.COMPLETED, **set_columns(persona_set)}


async def _build(context: Context, row: sa.Row[Any], ledger: CallLedger, keeper: ProgressKeeper) -> PersonaSet:
    from clustering import build_persona_set, measure_reproducibility, with_reproducibility

    documents = await Documents(context).load(row.owner, tuple(row.request["documents"]))
    spec = row.request.get("model")
    options = PersonaOptions.model_validate(row.request["options"])
    model = context.models.get(spec) if spec else None
    embedder = await asyncio.to_thread(context.models.embedder)
    built = await build_persona_set(
        documents, options=options, model=model, embedder=embedder, ledger=ledger, progress=keeper.staged
    )
    if not options.resamples:
        return built
    measured = await measure_reproducibility(
        documents, options=options, resamples=options.resamples, embedder=embedder, model=model, ledger=ledger,
        progress=keeper.staged, whole=built,
    )  # fmt: skip
    return with_reproducibility(built, measured)
