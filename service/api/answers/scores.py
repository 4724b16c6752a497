"""Statistics and scores, as answered: never a number without its interval, its counts and its source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from service.api.answers.jobs import Answer
from service.application import Answered, DimensionScore, HumanScore, public_names


class IntervalAnswer(Answer):
    """A confidence interval."""

    low: float | None
    high: float | None
    level: float
    method: str


class SourceAnswer(Answer):
    """Where a score came from."""

    kind: Literal["debate", "panel", "self_reflection", "stance", "single_persona", "human"]
    models: tuple[str, ...]
    """Specs that were asked."""
    models_answered: tuple[str, ...] = ()
    """As the providers named what answered, in any run so far; empty until one has ended."""
    prompts: dict[str, str] = Field(default_factory=dict)
    """sha256 by prompt id; each can be read under /v1/prompts/SHA256."""
    author: str | None = None
    """Of a human score."""


class ScoreAnswer(Answer):
    """One dimension of an evaluation in one arm, over its repeats."""

    value: float | None
    """Mean of the repeats' verdicts; null where none decided, which is not 0."""
    ci: IntervalAnswer | None
    n_used: int
    n_asked: int
    universe: Literal["fixed", "random"] = "fixed"
    """These personas: the interval says what would change if they were heard again."""
    agree: int
    """Repeats whose verdict is the commonest: pass or fail where there is a threshold, else the rounded grade."""
    passed: bool | None
    run_values: tuple[float | None, ...]
    outcomes: tuple[str, ...]
    single_sd: float | None
    """Run-to-run standard deviation of one persona alone, in units of the scale; null with one repeat."""
    source: SourceAnswer


class HumanScoreAnswer(Answer):
    """A person's score. A later one stands over it; all are kept."""

    dimension: str
    value: float
    note: str
    created_at: datetime
    source: SourceAnswer


Scores = Mapping[str, Mapping[str, DimensionScore]]
ScoresAnswer = dict[str, dict[str, ScoreAnswer]]
"""By arm, then dimension."""

LEVEL = 0.95


def scores_answer(scores: Scores, models: tuple[str, ...], answered: Answered) -> ScoresAnswer:
    """Every arm's scores."""
    told: ScoresAnswer = {}
    for arm, parts in scores.items():
        source = SourceAnswer.model_validate(
            {
                "kind": arm,
                "models": public_names(models),
                "models_answered": answered.models,
                "prompts": answered.prompts,
            }
        )
        told[arm] = {name: _score(one, source) for name, one in parts.items()}
    return told


def _score(score: DimensionScore, source: SourceAnswer) -> ScoreAnswer:
    interval = None
    if score.ci_method is not None:
        interval = IntervalAnswer(low=score.ci_low, high=score.ci_high, level=LEVEL, method=score.ci_method)
    return ScoreAnswer(
        value=score.value,
        ci=interval,
        n_used=score.n_used,
        n_asked=score.n_asked,
        agree=score.agree,
        passed=score.passed,
        run_values=score.run_values,
        outcomes=score.outcomes,
        single_sd=score.single_sd,
        source=source,
    )


def human_answer(score: HumanScore) -> HumanScoreAnswer:
    return HumanScoreAnswer(
        dimension=score.dimension,
        value=score.value,
        note=score.note,
        created_at=score.created_at,
        source=SourceAnswer(kind="human", models=(), author=score.author or None),
    )


class WithScores(Answer):
    """Anything that carries scores by arm and dimension."""

    scores: ScoresAnswer = Field(default_factory=dict)
