"""How a commitment test and an audit of adherence look from outside."""

from __future__ import annotations

from pydantic import Field

from service.api.answers.jobs import Answer, JobAnswer, job_fields
from service.application import ProbeRecord


class ProbeAnswer(JobAnswer):
    """Something asked about a run that has been heard."""

    run_id: str
    times: int
    calls: int = Field(description="Of every such question about this run so far.")
    cost_usd: float | None
    simulated: bool | None = Field(description="Whether the simulated judge had a part in it; null until completed.")


class CommitmentPoint(Answer):
    """How settled one dimension's verdict was after a number of turns."""

    after: int = Field(description="Debate turns kept at each table; 0 is what was said alone.")
    n_used: int
    n_asked: int
    modal_share: float | None = Field(description="Share of the most frequent verdict; null where none was decided.")
    entropy: float | None = Field(description="Of the rounded verdicts, in bits: 0 where all agree.")
    values: tuple[float | None, ...]


class CommitmentAnswer(ProbeAnswer):
    """The commitment test of a run."""

    dimensions: dict[str, tuple[CommitmentPoint, ...]] | None = Field(description="Null until completed.")


class RatingAnswer(Answer):
    """How well one judge stayed in role, by one question."""

    mean: float | None = Field(description="Over contributions; null where no rating could be used.")
    low: float | None = Field(description="95 % interval over contributions; null below two of them.")
    high: float | None
    n_used: int
    n_asked: int


class DriftAnswer(Answer):
    """How a figure changes over a judge's contributions."""

    slope: float | None = Field(description="Change per contribution; null below two contributions.")
    slope_low: float | None = Field(description="95 % interval; null below three contributions.")
    slope_high: float | None
    onset: int | None = Field(description="The first contribution, from 0, clearly away from the first; null for none.")


class JudgeAnswer(Answer):
    """One judge, as the observer rated it."""

    ratings: dict[str, RatingAnswer] = Field(description="By question: `role` 0-3, the others 1-5.")
    drift: DriftAnswer = Field(description="Of the role rating; it sets in a whole point under the first.")


class AdherenceAnswer(ProbeAnswer):
    """The audit of how well a run's personas stayed in role."""

    observer: str
    judges: dict[str, JudgeAnswer] | None = Field(description="By judge; null until completed.")


def commitment_answer(record: ProbeRecord) -> CommitmentAnswer:
    """The record as an answer."""
    known = record.commitment
    return CommitmentAnswer(
        **_fields(record),
        dimensions=None
        if known is None
        else {name: tuple(CommitmentPoint.model_validate(point) for point in points) for name, points in known.items()},
    )


def adherence_answer(record: ProbeRecord) -> AdherenceAnswer:
    """The record as an answer."""
    known = record.adherence
    return AdherenceAnswer(
        **_fields(record),
        observer=record.observer or "",
        judges=None if known is None else {judge: JudgeAnswer.model_validate(own) for judge, own in known.items()},
    )


def _fields(record: ProbeRecord) -> dict[str, object]:
    return {
        "id": record.id,
        **job_fields(record.state),
        "created_at": record.created_at,
        "run_id": record.run_id,
        "times": record.times,
        "calls": record.spent.calls,
        "cost_usd": record.spent.cost_usd,
        "simulated": record.simulated,
    }
