"""How lexical drift looks from outside."""

from __future__ import annotations

from pydantic import Field

from service.api.answers.jobs import Answer
from service.api.answers.probes import DriftAnswer
from service.application import DriftRecord


class LexicalPointAnswer(Answer):
    """Distances of one turn's words: 1 minus the cosine, 0 for the same direction."""

    turn_id: str
    step: int = Field(description="Which contribution of its speaker it is, from 0: what it said alone.")
    to_card: float | None = Field(description="Null where the speaker was shown no card.")
    to_plain: float | None = Field(description="To its model's words without a persona; null where there are none.")


class JudgeDriftAnswer(Answer):
    """One judge's words, turn by turn."""

    points: tuple[LexicalPointAnswer, ...]
    to_card: DriftAnswer = Field(description="It sets in 0.1 farther away than the first contribution.")
    to_plain: DriftAnswer


class LexicalDriftAnswer(Answer):
    """How far each persona's words moved from its card, and from what its model says without one."""

    run_id: str
    model: str | None = Field(description="The embedding model.")
    unknown: str | None = Field(description="Why nothing is known; null where it is.")
    card_unknown: str | None = Field(description="Why no distance to a card is known; null where they are.")
    plain_run_id: str | None = Field(description="The run under the anchor `none` whose words are compared with.")
    plain_unknown: str | None = Field(description="Why there is none; null where there is.")
    judges: dict[str, JudgeDriftAnswer]


def drift_answer(record: DriftRecord) -> LexicalDriftAnswer:
    """The record as an answer."""
    return LexicalDriftAnswer.model_validate(record)
