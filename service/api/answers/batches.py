"""Batches and their results, as answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agents import DebateProtocol
from service.api.answers.evaluations import RepeatsAnswer
from service.api.answers.jobs import Answer, JobAnswer, SpentAnswer, job_fields
from service.api.answers.scores import ScoresAnswer, scores_answer
from service.application import BatchRecord, BatchResult, public_names


class BatchAnswer(JobAnswer):
    """Many items, heard alike."""

    name: str
    request_counts: dict[str, int]
    """Evaluations by status, and `total`. Of a batch of 2,000 items or more that is under way they are, with `progress` and `spent`,
    some seconds old; once it has ended they are exact."""
    persona_set_id: str
    rubric_id: str
    protocol: DebateProtocol
    models: tuple[str, ...]
    repeats: RepeatsAnswer
    seed: int
    priority: int
    budget_usd_max: float | None
    spent: SpentAnswer
    """So far."""
    simulated: bool
    report_status: Literal["pending", "ready", "failed"]
    report_error: str | None


def batch_answer(record: BatchRecord) -> BatchAnswer:
    return BatchAnswer(
        id=record.id,
        **job_fields(record.state),
        created_at=record.created_at,
        name=record.name,
        request_counts=dict(record.counts),
        persona_set_id=record.persona_set_id,
        rubric_id=record.rubric_id,
        protocol=record.protocol,
        models=public_names(record.models),
        repeats=RepeatsAnswer(min=record.repeats_min, max=record.repeats_max, half_width=record.half_width),
        seed=record.seed,
        priority=record.priority,
        budget_usd_max=record.budget_usd_max,
        spent=SpentAnswer.of(record.spent),
        simulated=record.simulated,
        report_status=record.report_status,
        report_error=record.report_error,
    )


class Succeeded(Answer):
    """The item was heard as often as asked; how sure the verdict is stands in the scores."""

    type: Literal["succeeded"] = "succeeded"
    evaluation_id: str
    scores: ScoresAnswer


class Ended(Answer):
    """The item has no verdict, or not all of its repeats. `scores` holds what was done."""

    type: Literal["errored", "cancelled", "expired"]
    evaluation_id: str
    scores: ScoresAnswer
    code: str | None
    detail: str | None


class BatchLineAnswer(Answer):
    """One line of the results: one for every line that was sent, in any order."""

    custom_id: str
    result: Annotated[Succeeded | Ended, Field(discriminator="type")]


def batch_line_answer(result: BatchResult, models: tuple[str, ...]) -> BatchLineAnswer:
    scores = scores_answer(result.scores, models, result.answered)
    if result.type == "succeeded":
        return BatchLineAnswer(
            custom_id=result.custom_id, result=Succeeded(evaluation_id=result.evaluation_id, scores=scores)
        )
    return BatchLineAnswer(
        custom_id=result.custom_id,
        result=Ended(
            type=result.type,
            evaluation_id=result.evaluation_id,
            scores=scores,
            code=result.error_code,
            detail=result.error,
        ),
    )
