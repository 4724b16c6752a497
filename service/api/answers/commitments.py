"""How a commitment test looks from outside."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from service.application import CommitmentRecord


class CommitmentPoint(BaseModel):
    """How settled one dimension's verdict was after a number of turns."""

    after: int = Field(description="Debate turns kept at each table; 0 is what was said alone.")
    n_used: int
    n_asked: int
    modal_share: float | None = Field(description="Share of the most frequent verdict; null where none was decided.")
    entropy: float | None = Field(description="Of the rounded verdicts, in bits: 0 where all agree.")
    values: tuple[float | None, ...]


class CommitmentAnswer(BaseModel):
    """The commitment test of a run."""

    run_id: str
    created_at: datetime
    times: int
    calls: int
    cost_usd: float | None
    simulated: bool
    dimensions: dict[str, tuple[CommitmentPoint, ...]]


def commitment_answer(record: CommitmentRecord) -> CommitmentAnswer:
    """The record as an answer."""
    return CommitmentAnswer(
        run_id=record.run_id,
        created_at=record.created_at,
        times=record.times,
        calls=record.calls,
        cost_usd=record.cost_usd,
        simulated=record.simulated,
        dimensions={
            name: tuple(CommitmentPoint(**point._asdict()) for point in points)
            for name, points in record.dimensions.items()
        },
    )
