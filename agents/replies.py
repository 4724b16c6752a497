"""The replies that judges are asked for, made to measure for a rubric: reasons before grades, only grades that exist.

The order of the fields is behaviour: a model that grades first writes reasons that contradict its grade.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from agents.rubric import Rubric

REASONS_CHARACTERS = 700
QUOTE_CHARACTERS = 240
QUOTES = 3

Reasons = Annotated[str, Field(max_length=REASONS_CHARACTERS)]
Certainty = Annotated[int, Field(ge=1, le=100)]
Cause = Literal["evidence", "argument", "nothing"]
TurnKind = Literal["claim", "rebuttal", "concession", "question", "pass"]


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quote(_Reply):
    """A quote and where the judge says it stands."""

    quote: Annotated[str, Field(max_length=QUOTE_CHARACTERS)]
    claimed_from: Literal["output", "source", "persona", "transcript"]


Quotes = Annotated[list[Quote], Field(max_length=QUOTES)]


class JudgementReply(_Reply):
    """A judgement alone. `scores` is a field of the rubric's own type, added by `judgement_reply`."""

    evidence: Quotes
    reasoning: Reasons
    abstain: bool
    abstain_reason: Annotated[str, Field(max_length=200)] | None


class SpeechReply(_Reply):
    """One turn of a debate."""

    reply_to: Annotated[str, Field(max_length=120)] | None
    kind: TurnKind
    argument: Reasons
    evidence: Quotes
    changed_because: Cause


class RestatedReply(_Reply):
    """A judgement once more, after what was shown."""

    evidence: Quotes
    reasoning: Reasons
    changed_because: Cause
    abstain: bool


class SynthesisReply(_Reply):
    """A model's summary of a verdict that code has reached."""

    synthesis: Annotated[str, Field(min_length=1, max_length=900)]


class CoordinationReply(_Reply):
    """A model's choice of the next speaker."""

    reason: Annotated[str, Field(max_length=200)]
    speaker: Annotated[str, Field(max_length=120)]


@lru_cache(maxsize=256)
def judgement_reply(rubric: Rubric) -> type[Any]:
    """`JudgementReply` with `scores` on the rubric's scales, then `certainty`."""
    return _graded(JudgementReply, "judgement", rubric)


@lru_cache(maxsize=256)
def speech_reply(rubric: Rubric) -> type[Any]:
    """`SpeechReply` with `scores` and `certainty`."""
    return _graded(SpeechReply, "turn", rubric)


@lru_cache(maxsize=256)
def restated_reply(rubric: Rubric) -> type[Any]:
    """`RestatedReply` with `scores` and `certainty`."""
    return _graded(RestatedReply, "restatement", rubric)


def _graded(reply: type[_Reply], name: str, rubric: Rubric) -> type[Any]:
    return create_model(name, __base__=reply, scores=(_scores(rubric), ...), certainty=(Certainty, ...))


@lru_cache(maxsize=256)
def _scores(rubric: Rubric) -> type[BaseModel]:
    grades: dict[str, Any] = {}
    for dimension in rubric.dimensions:
        offered = Literal[tuple(level.value for level in dimension.levels)]  # type: ignore[valid-type]
        grades[dimension.name] = (offered | None, ...)  # null where this one dimension cannot be judged
    return create_model("scores", __base__=_Reply, **grades)
