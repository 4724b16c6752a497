"""Evaluations, runs and turns, as answered."""

from __future__ import annotations

from datetime import datetime

from agents import DebateProtocol, Item, Run, Transcript, Turn, Verdict
from llm import Call
from service.api.answers.jobs import Answer, JobAnswer, SpentAnswer, job_fields
from service.api.answers.scores import HumanScoreAnswer, ScoresAnswer, human_answer, scores_answer
from service.application import EvaluationRecord, RunRecord, public_names


class RepeatsAnswer(Answer):
    """How often the item is heard: `min` to `max` times, until the interval's half width is reached where one is asked."""

    min: int
    max: int
    half_width: float | None


class EvaluationAnswer(JobAnswer):
    """One item, heard again and again."""

    batch_id: str | None
    custom_id: str | None
    item_id: str
    item_kind: str
    cluster: str | None
    system: str | None
    item: Item | None
    """Null in lists."""
    persona_set_id: str
    persona_set_hash: str
    rubric_id: str
    rubric_hash: str
    protocol: DebateProtocol
    models: tuple[str, ...]
    repeats: RepeatsAnswer
    seed: int
    priority: int
    budget_usd_max: float | None
    simulated: bool
    """Whether the simulated judge judges: for trying the service, not for judging."""
    scores: ScoresAnswer | None
    """By arm and dimension; null where `fields` leaves them out."""
    human_scores: tuple[HumanScoreAnswer, ...]
    spent: SpentAnswer
    instability: float | None
    transcripts: dict[str, Transcript] | None = None
    """By run id; null unless `fields` holds `transcript`."""


def evaluation_answer(
    record: EvaluationRecord, *, with_scores: bool = True, transcripts: dict[str, Transcript] | None = None
) -> EvaluationAnswer:
    return EvaluationAnswer(
        id=record.id,
        **job_fields(record.state),
        created_at=record.created_at,
        batch_id=record.batch_id,
        custom_id=record.custom_id,
        item_id=record.item_id,
        item_kind=record.item_kind,
        cluster=record.cluster,
        system=record.system,
        item=record.item,
        persona_set_id=record.persona_set_id,
        persona_set_hash=record.persona_set_hash,
        rubric_id=record.rubric_id,
        rubric_hash=record.rubric_hash,
        protocol=record.protocol,
        models=public_names(record.models),
        repeats=RepeatsAnswer(min=record.repeats_min, max=record.repeats_max, half_width=record.half_width),
        seed=record.seed,
        priority=record.priority,
        budget_usd_max=record.budget_usd_max,
        simulated=record.simulated,
        scores=scores_answer(record.scores, record.models, record.answered) if with_scores else None,
        human_scores=tuple(human_answer(score) for score in record.human_scores),
        spent=SpentAnswer.of(record.spent),
        instability=record.instability,
        transcripts=transcripts,
    )


class RunAnswer(JobAnswer):
    """One hearing of the item, all its arms over one shared first phase."""

    evaluation_id: str
    batch_id: str | None
    repeat: int
    seed: int
    attempts: int
    """How often it was begun: above 1, another worker took it over."""
    outcome: str | None
    verdicts: dict[str, Verdict]
    """By arm."""
    spent: SpentAnswer
    simulated: bool | None
    code_version: str | None


class RunDetailAnswer(RunAnswer):
    """A run with its identity and what answered."""

    run: Run | None
    """Everything that decides the hearing: null until completed."""
    models_answered: tuple[str, ...]
    """Models as the providers named them."""
    prompts: dict[str, str]
    """sha256 by prompt id; each can be read under /v1/prompts/SHA256."""


def run_fields(record: RunRecord) -> dict[str, object]:
    """The fields of a `RunAnswer`."""
    return {
        "id": record.id,
        **job_fields(record.state),
        "created_at": record.created_at,
        "evaluation_id": record.evaluation_id,
        "batch_id": record.batch_id,
        "repeat": record.repeat,
        "seed": record.seed,
        "attempts": record.attempts,
        "outcome": record.outcome,
        "verdicts": {arm: Verdict.model_validate(verdict) for arm, verdict in record.verdicts.items()},
        "spent": SpentAnswer.of(record.spent),
        "simulated": record.simulated,
        "code_version": record.code_version,
    }


def run_answer(record: RunRecord) -> RunAnswer:
    return RunAnswer.model_validate(run_fields(record))


class RunsAnswer(Answer):
    """Every run of an evaluation, by repeat."""

    data: tuple[RunAnswer, ...]


def run_detail_answer(record: RunRecord, run: Run | None, calls: tuple[Call, ...]) -> RunDetailAnswer:
    return RunDetailAnswer.model_validate(
        {
            **run_fields(record),
            "run": run,
            "models_answered": tuple(sorted({call.model_answered for call in calls if call.model_answered})),
            "prompts": {call.prompt_id: call.prompt_sha256 for call in calls},
        }
    )


class TurnAnswer(Answer):
    """A turn, with every attempt at it: the exact messages that the persona saw and the raw reply."""

    turn: Turn
    calls: tuple[Call, ...]


class EventAnswer(Answer):
    """Something that happened, as an event's `data`; ids and figures, never judged text."""

    number: int
    kind: str
    created_at: datetime
    data: dict[str, object]
    terminal: bool
