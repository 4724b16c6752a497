"""Hearing one run: taken, heard with the ledger, and ended in one commit with everything that follows from it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from agents import HearingInputError, Outcome, RunResult
from llm import CallLedger, ModelConfigurationError
from service.application.answering import answered_column
from service.application.context import Context
from service.application.lifecycle import begin_run, end_run, stop_batch, stop_evaluation
from service.application.rating_rows import rating_rows
from service.application.records import Status
from service.application.scoring import load_scoring
from service.application.spending import spent_columns
from service.application.stopped_runs import settle_dropped
from service.jobs.cases import Case, Cases
from service.jobs.telling import Teller, TurnEvents
from service.store import BudgetExhaustedError, StoreLedger, insert_at_end, note_run_cost, tables, until_reachable
from service.telemetry import name_evaluation

log = logging.getLogger("rehearing.jobs")


def load_hearing_code() -> None:
    """Imports what hearings and their scores need, ahead of the first of them."""
    from agents import load_hearing
    from stability import rows_from_result  # noqa: F401 - loaded here, used by rating_rows

    load_hearing()
    load_scoring()


async def hear_case(
    context: Context,
    run_id: str,
    worker_id: str,
    *,
    cases: Cases,
    teller: Teller,
    await_lease: Callable[[], Awaitable[None]],
    metered: Callable[[CallLedger], CallLedger],
) -> None:
    """Hears a run until it has ended; returns at once where there is nothing left to do.

    Raises StoreError, which leaves the run to be begun again, with every finished call kept.
    """
    begun = await context.store.write(lambda connection: begin_run(connection, run_id, worker_id))
    context.something_happened.ring()
    if begun is None:
        return
    name_evaluation(begun.evaluation_id, run_id, begun.repeat)
    case = await cases.get(begun.evaluation_id)
    ledger = StoreLedger(
        context.store,
        run_id,
        begun.evaluation_id,
        resumed=begun.attempt > 1,
        budget=case.budget,
        await_lease=await_lease,
    )
    turns = TurnEvents(teller, begun.evaluation_id, run_id, begun.repeat)
    try:
        heard = _hear(context, case, run_id, begun.repeat, metered(ledger), turns)
        status, values, result = await _outcome_of(heard, ledger)
        untold = await turns.rest()
    except BaseException:
        turns.drop()
        raise
    values |= {"answered": answered_column(ledger.calls), **spent_columns(ledger.calls)}
    kept = _kept(case, run_id, result) if result is not None else None

    async def operation(connection: AsyncConnection) -> None:
        if not await end_run(connection, run_id, begun, status, values, untold):
            await settle_dropped(connection, run_id)
        elif kept is not None:
            await insert_at_end(connection, kept)
            if case.budget is not None:
                await note_run_cost(connection, case.budget, values["cost_usd"])
        if values.get("error_code") == "budget_exhausted":
            await _stop_the_rest(connection, case, str(values["error"]))

    await until_reachable(lambda: context.store.write(operation))
    context.something_happened.ring()


async def _outcome_of(
    hearing: Awaitable[RunResult], ledger: StoreLedger
) -> tuple[Status, dict[str, Any], RunResult | None]:
    """How the run ended: its status, the columns that say so, and its result where it has one."""
    try:
        result = await hearing
    except BudgetExhaustedError as error:
        return Status.CANCELLED, {"error_code": "budget_exhausted", "error": str(error)}, None
    except ModelConfigurationError as error:
        return Status.FAILED, {"error_code": "model_unusable", "error": str(error)}, None
    except HearingInputError as error:
        return Status.FAILED, {"error_code": "cannot_be_heard", "error": str(error)}, None
    values: dict[str, Any] = {
        "outcome": result.outcome,
        "verdicts": {
            str(arm): verdict.model_dump(mode="json", exclude={"synthesis"}) for arm, verdict in result.verdicts.items()
        },
        "simulated": result.simulated,
        "code_version": result.code_version,
    }
    if result.outcome is Outcome.FAILED:
        told = next((call.error for call in reversed(ledger.calls) if call.error), None)
        values |= {
            "error_code": "too_few_judgements",
            "error": f"too few personas gave a judgement; last: {told or 'no reason'}",
        }
        return Status.FAILED, values, result
    return Status.COMPLETED, values, result


async def _hear(
    context: Context, case: Case, run_id: str, repeat: int, ledger: CallLedger, turns: TurnEvents
) -> RunResult:
    from agents import hear

    models = [context.models.get(spec) for spec in case.models]
    return await hear(
        case.item,
        case.persona_set,
        case.rubric,
        case.protocol,
        models=models,
        repeat=repeat,
        seed=case.seed,
        run_id=run_id,
        ledger=ledger,
        on_turn=turns.tell if case.batch_id is None else None,
        settings=context.ask_settings,
    )


def _kept(case: Case, run_id: str, result: RunResult) -> dict[sa.Table, list[dict[str, Any]]]:
    """The rows with the transcript and the ratings of a run; made before the write, which others wait for."""
    body = {"run_id": run_id, "body": result.model_dump_json()}
    rows = {"run_id": run_id, "batch_id": case.batch_id, "rows": rating_rows(result, case.item)}
    return {tables.results: [body], tables.ratings: [rows]}


async def _stop_the_rest(connection: AsyncConnection, case: Case, message: str) -> None:
    if case.batch_id is None:
        await stop_evaluation(connection, case.evaluation_id, "budget_exhausted", message)
    else:
        await stop_batch(connection, case.batch_id, "budget_exhausted", message)
