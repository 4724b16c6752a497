"""Making one probe: a heard run's models, or an observer, asked about it again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa

from agents import adherence, commitment, drift, observe
from llm import CallLedger, ModelConfigurationError
from service.application.context import Context
from service.application.heard import HeardRun, budget_of, heard_run
from service.application.probe_records import JudgeAdherence, ProbeKind
from service.application.probes import RESULTS, AdherenceResult, CommitmentResult
from service.application.records import Status
from service.application.spending import spent_columns
from service.errors import ConflictError, NotFoundError
from service.jobs.progress import ProgressKeeper, begin, end, keeping
from service.store import BudgetExhaustedError, StoreLedger, tables

Result = CommitmentResult | AdherenceResult


async def probe(
    context: Context,
    probe_id: str,
    worker_id: str,
    *,
    await_lease: Callable[[], Awaitable[None]],
    metered: Callable[[CallLedger], CallLedger],
) -> None:
    """Asks until the probe has ended; returns at once where there is nothing left to do."""
    row = await begin(context, tables.probes, probe_id, worker_id)
    if row is None:
        return
    context.something_happened.ring()
    try:
        heard = await heard_run(context, None, row.run_id)
    except (ConflictError, NotFoundError, ModelConfigurationError) as error:
        values: dict[str, Any] = {"status": Status.FAILED, "error_code": "cannot_be_asked", "error": str(error)}
        await end(context, tables.probes, row, values)
        return
    budget = await budget_of(context, heard.evaluation)
    ledger = StoreLedger(  # calls are there from the first attempt on, where an earlier probe has left its own
        context.store, probe_id, heard.evaluation.id, resumed=True, budget=budget, await_lease=await_lease
    )
    async with keeping(context, tables.probes, probe_id) as keeper:
        values = await _outcome_of(context, row, heard, metered(ledger), keeper)
    if values["status"] is Status.COMPLETED and not values.pop("decided"):
        told = next((call.error for call in reversed(ledger.calls) if call.error), None)
        values |= {"status": Status.FAILED, "body": None, "error_code": "no_usable_answer"}
        values["error"] = f"no answer could be used; last: {told or 'no reason'}"
    await end(context, tables.probes, row, values | spent_columns(ledger.calls) | {"progress": keeper.latest})


async def _outcome_of(
    context: Context, row: sa.Row[Any], heard: HeardRun, ledger: CallLedger, keeper: ProgressKeeper
) -> dict[str, Any]:
    kind = ProbeKind(row.kind)
    try:
        result = await _MAKE[kind](context, row.request, heard, ledger, keeper)
    except BudgetExhaustedError as error:
        return {"status": Status.CANCELLED, "error_code": "budget_exhausted", "error": str(error)}
    except ModelConfigurationError as error:
        return {"status": Status.FAILED, "error_code": "model_unusable", "error": str(error)}
    asked = [model.spec for model in heard.models] + [row.request.get("observer") or ""]
    return {
        "status": Status.COMPLETED,
        "decided": _decided(result),
        "simulated": heard.result.simulated or any(spec.startswith("simulated") for spec in asked),
        "body": RESULTS[kind].dump_json(result).decode(),
    }


async def _commitment(
    context: Context, request: dict[str, Any], heard: HeardRun, ledger: CallLedger, keeper: ProgressKeeper
) -> CommitmentResult:
    return await commitment(
        heard.item,
        heard.persona_set,
        heard.rubric,
        heard.evaluation.protocol,
        heard.result.transcript,
        models=heard.models,
        times=request["times"],
        repeat=heard.result.run.repeat,
        seed=heard.result.run.seed,
        ledger=ledger,
        progress=keeper.counted,
        settings=context.ask_settings,
    )


async def _adherence(
    context: Context, request: dict[str, Any], heard: HeardRun, ledger: CallLedger, keeper: ProgressKeeper
) -> AdherenceResult:
    seen = await observe(
        heard.item,
        heard.persona_set,
        heard.rubric,
        heard.evaluation.protocol,
        heard.result.transcript,
        models=heard.models,
        observer=context.models.get(request["observer"]),
        times=request["times"],
        repeat=heard.result.run.repeat,
        seed=heard.result.run.seed,
        ledger=ledger,
        progress=keeper.counted,
        settings=context.ask_settings,
    )
    judges = sorted({one.seat_id for one in seen})
    return {judge: JudgeAdherence(adherence(seen, judge), drift(seen, judge)) for judge in judges}


_MAKE: dict[ProbeKind, Callable[..., Awaitable[Result]]] = {
    ProbeKind.COMMITMENT: _commitment,
    ProbeKind.ADHERENCE: _adherence,
}


def _decided(result: Result) -> bool:
    """Whether any answer could be used."""
    for own in result.values():
        parts = own.ratings.values() if isinstance(own, JudgeAdherence) else own
        if any(part.n_used for part in parts):
            return True
    return False
