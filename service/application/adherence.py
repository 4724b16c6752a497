"""How well the personas of a heard run stayed in role, rated by an observer; on request, and kept in the run's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents import Adherence, Drift, adherence, drift, observe
from service.application.context import Context
from service.application.heard import heard_run
from service.errors import ConflictError
from service.store import BudgetExhaustedError


@dataclass(frozen=True, slots=True)
class AdherenceRecord:
    """Ratings of every judge's contributions to one run."""

    run_id: str
    observer: str
    """Spec of the model that rated."""
    times: int
    """Ratings asked for each contribution."""
    calls: int
    """Of every question about this run since it was heard."""
    cost_usd: float | None
    simulated: bool
    ratings: Mapping[str, Mapping[str, Adherence]]
    """By judge, then by question: `role` 0-3, the others 1-5."""
    drift: Mapping[str, Drift]
    """By judge."""


class Observers:
    """Whoever rates how a run's personas kept to their roles."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def measure(self, owner: str | None, run_id: str, times: int, observer: str | None = None) -> AdherenceRecord:
        """Has `observer` (None for the run's first model) rate every contribution `times` times.

        Every answer stands in the run's ledger as it comes, so that a measurement that was broken off goes on from there.
        Raises NotFoundError while the run has no transcript; ConflictError where its budget is spent or its item is gone;
        llm.ModelConfigurationError where the observer cannot be used.
        """
        heard = await heard_run(self._context, owner, run_id)
        rater = self._context.models.get(observer) if observer else heard.models[0]
        try:
            seen = await observe(
                heard.item,
                heard.persona_set,
                heard.rubric,
                heard.evaluation.protocol,
                heard.result.transcript,
                models=heard.models,
                observer=rater,
                times=times,
                repeat=heard.result.run.repeat,
                seed=heard.result.run.seed,
                ledger=heard.ledger,
            )
        except BudgetExhaustedError as error:
            raise ConflictError(f"the observer stopped: {error}") from error
        judges = sorted({one.seat_id for one in seen})
        spent = heard.spent_since()
        return AdherenceRecord(
            run_id=run_id,
            observer=rater.spec,
            times=times,
            calls=spent.calls,
            cost_usd=spent.cost_usd,
            simulated=heard.result.simulated or rater.spec.startswith("simulated"),
            ratings={judge: adherence(seen, judge) for judge in judges},
            drift={judge: drift(seen, judge) for judge in judges},
        )
