"""The use cases, in plain Python: REST, pages and command line call only these.

    async with open_application(Settings()) as app:      # service.opening.open_service also works on the jobs
        await app.documents.add(owner, data: bytes, name: str) -> DocumentsAdded
                          .read(owner, data, name, *, seen=None) -> NewDocuments
                          .take(owner, documents) -> NewDocuments                  (read already)
                          .store([NewDocuments, ...]) -> DocumentsAdded
                          .list(owner, *, after: Place | None = None, limit=50) -> Page[DocumentRecord]
                          .get(owner, id) -> DocumentRecord      .delete(owner, id)
                          .titles(owner, ids) -> dict of id to title
        await app.persona_sets.create(owner, PersonaSetRequest) -> PersonaSetRecord       (a job)
                          .list .get .delete    .map(owner, id) -> tuple[MapPoint, ...]
                          .edit(owner, id, PersonaSetEdit) -> PersonaSetRecord            (a new set)
                          .calibrate(owner, id, PersonaSetCalibration) -> PersonaSetRecord (a new set)
                          .assign(owner, id, documents) -> tuple[Assignment, ...]         (nothing is stored)
                          .estimate(owner, PersonaSetRequest) -> Estimate
        await app.rubrics.put(owner, Rubric) -> RubricRecord    .list    .get(owner, id or content hash)
        await app.evaluations.create(owner, EvaluationRequest) -> EvaluationRecord        (a job)
                          .estimate(owner, EvaluationRequest) -> Estimate
                          .list(owner, EvaluationFilter(), *, after, limit, order="newest"|"least_stable")
                          .ranked(owner, EvaluationFilter(), by=Ranking(), number, limit) -> RankedPage
                          .get(owner, id) .cancel(owner, id) .delete(owner, id)
                          .wait(owner, id, timeout_s) -> EvaluationRecord   (as soon as it has ended)
                          .add_human_score(owner, id, HumanScoreRequest) -> EvaluationRecord
                          .events(owner, id, after: int = 0, limit=500) -> tuple[EventRecord, ...]
                          .wait_for_events(owner, id, after, timeout_s) -> tuple[EventRecord, ...]
        await app.runs.list(owner, evaluation_id) -> tuple[RunRecord, ...]   .get(owner, run_id)
                          .result(owner, run_id) -> RunResult    .transcript(owner, run_id) -> Transcript
                          .turn(owner, run_id, turn_id) -> tuple[Turn, tuple[Call, ...]]
                          .calls(owner, run_id) -> tuple[Call, ...]
        await app.probes.put(owner, run_id, CommitmentRequest | AdherenceRequest) -> ProbeRecord   (a job)
                          .get(owner, run_id, ProbeKind)    .cancel(owner, run_id, ProbeKind)
        await app.drifts.get(owner, run_id) -> DriftRecord
        await app.batches.create(owner, BatchRequest, chunks: AsyncIterable[bytes] | Spool) -> BatchRecord
                          .spooled(chunks) -> context manager of a Spool
                          .estimate(owner, BatchRequest, chunks) -> Estimate
                          .list .get .cancel .delete
                          .results(owner, id) -> AsyncIterator[BatchResult]  (one for every line, always)
                          .remake_report(owner, id) -> BatchRecord
                          .report(owner, id) -> StabilityReport      .ratings(owner, id) -> path of a Parquet file
                          .export(owner, id) -> AsyncIterator[bytes] .import_(owner, chunks) -> BatchRecord
        await app.stability.report(data: bytes | Path, *, format=None, mapping=None, thresholds=None, ...) -> StabilityReport
        await app.prompts.get(sha256) -> tuple[Prompt, ...]
        await app.keys.create(name, owner, scopes) -> (KeyRecord, secret)   .list()   .revoke(id)
                          .authenticate(secret) -> KeyRecord     .any_exist() -> bool
        await app.idempotency.begin(owner, key, fingerprint) -> Claim | StoredAnswer
                          .keep(Claim, StoredAnswer)             .abandon(Claim)
        await app.health() -> Health     await app.queue_figures() -> QueueFigures
        await app.purge(older_than: timedelta, dry_run=False) -> Purged
        app.settings   app.models.get(spec) -> Model   app.limits

`owner` is a key's owner, or None for every owner's rows (an admin, or a service without keys, which stores its rows
under `LOCAL_OWNER`). Another owner's row is a NotFoundError. `Place` is (created_at, id) of a page's last row. What creates
something takes `keep=`, for what has to be in the same commit.
"""

from service.application.application import Application, open_application
from service.application.batch_files import Spool
from service.application.context import LOCAL_OWNER
from service.application.documents import NewDocuments
from service.application.evaluations import EvaluationFilter
from service.application.idempotency import Claim, Keep
from service.application.paging import Place
from service.application.probe_records import DriftRecord, JudgeAdherence, ProbeKind, ProbeRecord
from service.application.ranking import RankedPage, Ranking, Swings
from service.application.records import (
    Answered,
    BatchRecord,
    BatchResult,
    Check,
    DimensionScore,
    DocumentRecord,
    DocumentsAdded,
    Estimate,
    EvaluationRecord,
    EventRecord,
    Health,
    HumanScore,
    JobState,
    KeyRecord,
    Page,
    PersonaSetRecord,
    Progress,
    QueueFigures,
    RubricRecord,
    RunRecord,
    Scope,
    SkippedDocument,
    Spent,
    Status,
    StoredAnswer,
)
from service.application.requests import (
    EITHER,
    AdaptiveRepeats,
    AdherenceRequest,
    BatchLine,
    BatchRequest,
    CommitmentRequest,
    EvaluationRequest,
    Hearing,
    HumanScoreRequest,
    PersonaMerge,
    PersonaSetCalibration,
    PersonaSetEdit,
    PersonaSetRequest,
    Webhook,
)
from service.application.retention import Purged
from service.application.waiting import public_name, public_names

__all__ = [
    "EITHER",
    "LOCAL_OWNER",
    "AdaptiveRepeats",
    "AdherenceRequest",
    "Answered",
    "Application",
    "BatchLine",
    "BatchRecord",
    "BatchRequest",
    "BatchResult",
    "Check",
    "Claim",
    "CommitmentRequest",
    "DimensionScore",
    "DocumentRecord",
    "DocumentsAdded",
    "DriftRecord",
    "Estimate",
    "EvaluationFilter",
    "EvaluationRecord",
    "EvaluationRequest",
    "EventRecord",
    "Health",
    "Hearing",
    "HumanScore",
    "HumanScoreRequest",
    "JobState",
    "JudgeAdherence",
    "Keep",
    "KeyRecord",
    "NewDocuments",
    "Page",
    "PersonaMerge",
    "PersonaSetCalibration",
    "PersonaSetEdit",
    "PersonaSetRecord",
    "PersonaSetRequest",
    "Place",
    "ProbeKind",
    "ProbeRecord",
    "Progress",
    "Purged",
    "QueueFigures",
    "RankedPage",
    "Ranking",
    "RubricRecord",
    "RunRecord",
    "Scope",
    "SkippedDocument",
    "Spent",
    "Spool",
    "Status",
    "StoredAnswer",
    "Swings",
    "Webhook",
    "open_application",
    "public_name",
    "public_names",
]
