"""Rows of evaluations and runs into records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agents import DebateProtocol, item_adapter
from service.application.answering import answered_of
from service.application.records import EvaluationRecord, HumanScore, JobState, Progress, RunRecord, Status
from service.application.scoring import load_scores
from service.application.spending import spent_of
from service.application.stored import stored


def job_state(row: Mapping[Any, Any], progress: Progress) -> JobState:
    """The life of any job's row."""
    status = Status(row["status"])
    moments = {"queued": row["created_at"], "running": row["started_at"]}
    if status.ended:
        moments[str(status)] = row["ended_at"]
    timestamps: dict[str, datetime] = {name: moment for name, moment in moments.items() if moment is not None}
    return JobState(status, timestamps, progress, row["error"], row["error_code"])


def evaluation_record(row: Mapping[Any, Any], *, item: bool, human: Sequence[HumanScore] = ()) -> EvaluationRecord:
    """The record of a row; its item only when asked for, because it may be long."""
    with stored("evaluation", row["id"]):
        return EvaluationRecord(
            id=row["id"],
            owner=row["owner"],
            batch_id=row["batch_id"],
            custom_id=row["custom_id"],
            state=job_state(row, Progress(row["runs_ended"], row["runs"])),
            created_at=row["created_at"],
            item_id=row["item_id"],
            item_kind=row["item_kind"],
            cluster=row["cluster"],
            system=row["system"],
            item=item_adapter.validate_json(row["item"]) if item else None,
            persona_set_id=row["persona_set_id"],
            persona_set_hash=row["persona_set_hash"],
            rubric_id=row["rubric_id"],
            rubric_hash=row["rubric_hash"],
            protocol=DebateProtocol.model_validate(row["protocol"]),
            models=tuple(row["models"]),
            repeats_min=row["repeats_min"],
            repeats_max=row["repeats_max"],
            half_width=row["half_width"],
            seed=row["seed"],
            priority=row["priority"],
            budget_usd_max=row["budget_usd_max"],
            simulated=row["simulated"],
            scores=load_scores(row["scores"]),
            answered=answered_of(row["answered"]),
            human_scores=tuple(human),
            spent=spent_of(row),
            instability=row["instability"],
            webhook_url=row["webhook_url"],
        )


def human_score(row: Mapping[Any, Any]) -> HumanScore:
    return HumanScore(row["dimension"], row["value"], row["author"], row["note"], row["created_at"])


def run_record(row: Mapping[Any, Any]) -> RunRecord:
    """The record of a run's row."""
    with stored("run", row["id"]):
        return RunRecord(
            id=row["id"],
            owner=row["owner"],
            evaluation_id=row["evaluation_id"],
            batch_id=row["batch_id"],
            state=job_state(row, Progress(int(Status(row["status"]).ended), 1)),
            created_at=row["created_at"],
            repeat=row["repeat"],
            seed=row["seed"],
            worker_id=row["worker_id"],
            attempts=row["attempts"],
            outcome=row["outcome"],
            verdicts=row["verdicts"] or {},
            spent=spent_of(row),
            simulated=row["simulated"],
            code_version=row["code_version"],
        )
