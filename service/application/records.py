"""What the application answers with: plain rows, never database objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from agents import DebateProtocol, Item, Rubric
from clustering import PersonaSet

T = TypeVar("T")


class Status(StrEnum):
    """Where a job stands. It says nothing about the verdict: an evaluation that abstains has completed."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        return self not in (Status.QUEUED, Status.RUNNING)


ENDED = tuple(status for status in Status if status.ended)
OPEN = (Status.QUEUED, Status.RUNNING)


class Scope(StrEnum):
    """What a key may do; each holds the ones before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in the asked order and whether more follow; the next page starts `after` the last row's (created_at, id)."""

    rows: tuple[T, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """done of total; `stage` names what is being done, where there is more than one thing."""

    done: int
    total: int
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """A job's life so far."""

    status: Status
    timestamps: Mapping[str, datetime]
    """By status that it has reached: `queued` always."""
    progress: Progress
    error: str | None = None
    """Why it failed, or what was lost on the way, for a person."""
    error_code: str | None = None
    """`budget_exhausted`, `model_unusable`, `too_few_judgements`, `worker_lost`, `internal`, ..."""
    waiting_for: Mapping[str, float] = field(default_factory=dict)
    """Seconds since which a worker has waited for a model of this job that does not answer, by its spec; not in lists."""


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    id: str
    owner: str
    title: str
    media_type: str
    characters: int
    content_hash: str
    created_at: datetime
    text: str | None
    """None in lists."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkippedDocument:
    """A file, or a part of one, that could not be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class DocumentsAdded:
    """One upload may hold many documents (jsonl, csv)."""

    documents: tuple[DocumentRecord, ...]
    skipped: tuple[SkippedDocument, ...]


@dataclass(frozen=True, slots=True)
class PersonaSetRecord:
    id: str
    owner: str
    name: str
    state: JobState
    created_at: datetime
    content_hash: str | None
    """None until completed."""
    personas: int | None
    groups: int | None
    method: str | None
    parent: str | None
    """The ps_ id that it was edited from."""
    document_ids: tuple[str, ...]
    persona_set: PersonaSet | None
    """None in lists and until completed."""
    cost_usd: float | None
    """Of extraction; None where unknown, 0 where no model was asked."""


@dataclass(frozen=True, slots=True)
class RubricRecord:
    id: str
    owner: str
    name: str
    content_hash: str
    created_at: datetime
    rubric: Rubric


@dataclass(frozen=True, slots=True)
class Spent:
    """What the calls of a job came to; None where a part is unknown."""

    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    cost_usd_by_purpose: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """What stands behind scores: nothing is known of it before a run has ended."""

    models: tuple[str, ...] = ()
    """Models as the providers named them."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """sha256 by prompt id."""


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """One dimension of an evaluation over its runs, in one arm."""

    value: float | None
    """Mean of the runs' verdicts; None where none decided."""
    ci_low: float | None
    ci_high: float | None
    ci_method: str | None
    """`t` with two decided runs or more; `stopping-rule` for adaptive repeats; None without an interval."""
    n_used: int
    n_asked: int
    agree: int
    """Runs whose verdict has the modal outcome: pass or fail where there is a threshold, else the rounded grade."""
    passed: bool | None
    """The mean against the threshold."""
    run_values: tuple[float | None, ...]
    """By repeat; None where undecided or not heard."""
    single_sd: float | None
    """Run-to-run standard deviation of a single persona's phase-1 scores, pooled; None with one run."""
    outcomes: tuple[str, ...] = ()
    """By repeat: decided, abstained, unparseable, failed, or the run's status where it did not complete."""


@dataclass(frozen=True, slots=True)
class HumanScore:
    """A person's score; a later one of the same dimension stands over it, and both are kept."""

    dimension: str
    value: float
    author: str
    note: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    id: str
    owner: str
    batch_id: str | None
    custom_id: str | None
    state: JobState
    created_at: datetime
    item_id: str
    item_kind: str
    cluster: str | None
    system: str | None
    item: Item | None
    """None in lists."""
    persona_set_id: str
    persona_set_hash: str
    rubric_id: str
    rubric_hash: str
    protocol: DebateProtocol
    models: tuple[str, ...]
    repeats_min: int
    repeats_max: int
    half_width: float | None
    """None for a fixed number of repeats."""
    seed: int
    priority: int
    budget_usd_max: float | None
    simulated: bool
    scores: Mapping[str, Mapping[str, DimensionScore]]
    """By arm, then dimension; empty until a run has completed."""
    answered: Answered
    human_scores: tuple[HumanScore, ...]
    """Oldest first."""
    spent: Spent
    instability: float | None
    """Largest run-to-run variance of a dimension's verdict in the widest arm: the order of the pages. None below two runs."""
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    id: str
    owner: str
    evaluation_id: str
    batch_id: str | None
    state: JobState
    created_at: datetime
    repeat: int
    seed: int
    worker_id: str | None
    attempts: int
    """How often it was begun: above 1, another worker took it over."""
    outcome: str | None
    """Of the hearing; None until completed."""
    verdicts: Mapping[str, Any]
    """`Verdict` dumps by arm."""
    spent: Spent
    simulated: bool | None
    code_version: str | None


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something that happened to an evaluation."""

    number: int
    """From 1, without gaps, in order."""
    kind: str
    """`evaluation.queued`, `run.running`, `run.turn`, `run.completed`, `evaluation.completed`, ..."""
    data: Mapping[str, Any]
    """Ids and figures; never judged text."""
    created_at: datetime
    terminal: bool
    """No event follows."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    id: str
    owner: str
    name: str
    state: JobState
    created_at: datetime
    counts: Mapping[str, int]
    """Evaluations by status, and `total`."""
    persona_set_id: str
    rubric_id: str
    protocol: DebateProtocol
    models: tuple[str, ...]
    repeats_min: int
    repeats_max: int
    half_width: float | None
    seed: int
    priority: int
    budget_usd_max: float | None
    spent: Spent
    simulated: bool
    report_status: Literal["pending", "ready", "failed"]
    report_error: str | None = None
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """One line of a batch's results."""

    custom_id: str
    type: Literal["succeeded", "errored", "cancelled", "expired"]
    evaluation_id: str
    scores: Mapping[str, Mapping[str, DimensionScore]]
    answered: Answered
    error: str | None
    error_code: str | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a request would spend. Nothing was spent or stored."""

    runs: int
    """At most, where repeats are adaptive."""
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None where a model's price is unknown."""
    by_purpose: Mapping[str, Mapping[str, float | int | None]]
    """calls, input_tokens, output_tokens, cost_usd by purpose."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    id: str
    name: str
    owner: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The first answer to an idempotency key, given again."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Check:
    """One part of readiness."""

    name: str
    state: Literal["ok", "degraded", "failed"]
    detail: str


@dataclass(frozen=True, slots=True)
class Health:
    ready: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """For metrics: what waits, runs and lives."""

    queued: int
    running: int
    workers_alive: int
    oldest_queued_s: float | None
    flips: Mapping[str, float] = field(default_factory=dict)
