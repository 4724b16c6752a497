"""What every job's resource has in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from service.application import Estimate, JobState, Spent, Status


class Answer(BaseModel):
    """One JSON object of the API."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class ProgressAnswer(Answer):
    """done of total; `stage` where there is more than one thing to do."""

    done: int
    total: int
    stage: str | None


class JobError(Answer):
    """Why a job failed, or what was lost on the way."""

    code: str | None
    detail: str | None


class JobAnswer(Answer):
    """A job is its own status. That is not the verdict: an evaluation whose judges abstained has completed."""

    id: str
    status: Status
    timestamps: dict[Status, datetime]
    """When it reached each status."""
    progress: ProgressAnswer
    error: JobError | None
    waiting_for: dict[str, float]
    """Seconds since which it has waited for a model that does not answer, by the model: what is done stays, and it goes
    on when that answers. Empty in lists. The model's address is shown to administrators alone."""
    created_at: datetime


def job_fields(state: JobState) -> dict[str, Any]:
    """The fields of a `JobAnswer` that come from the job's state."""
    failed = state.error is not None or state.error_code is not None
    return {
        "status": state.status,
        "timestamps": dict(state.timestamps),
        "progress": ProgressAnswer.model_validate(state.progress),
        "waiting_for": dict(state.waiting_for),
        "error": JobError(code=state.error_code, detail=state.error) if failed else None,
    }


class SpentAnswer(Answer):
    """What the calls came to; null where a part is unknown, which is not zero."""

    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_usd_by_purpose: dict[str, float | None]

    @classmethod
    def of(cls, spent: Spent) -> SpentAnswer:
        return cls(
            calls=spent.calls,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            cost_usd=spent.cost_usd,
            cost_usd_by_purpose=dict(spent.cost_usd_by_purpose),
        )


class EstimateAnswer(Answer):
    """What a request would spend (`dry_run=true`). Nothing was spent or stored."""

    dry_run: Literal[True] = True
    runs: int
    """At most, where repeats are adaptive."""
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """Null where a model's price is unknown."""
    by_purpose: dict[str, dict[str, float | int | None]]

    @classmethod
    def of(cls, estimate: Estimate) -> EstimateAnswer:
        purposes: Mapping[str, Mapping[str, float | int | None]] = estimate.by_purpose
        return cls(
            runs=estimate.runs,
            calls=estimate.calls,
            input_tokens=estimate.input_tokens,
            output_tokens=estimate.output_tokens,
            cost_usd=estimate.cost_usd,
            by_purpose={name: dict(figures) for name, figures in purposes.items()},
        )
