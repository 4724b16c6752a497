"""The tables. What a list shows stands in columns; what one page shows stands packed in a row of its own."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from service.store.columns import Json, Moment, Packed, Searched

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = sa.String(40)
Sha = sa.String(64)
Name = sa.String(200)


def _owned() -> list[Column[object]]:
    return [
        Column("id", Id, primary_key=True),
        Column("owner", Name, nullable=False),
        Column("created_at", Moment, nullable=False),
    ]


def _job() -> list[Column[object]]:
    return [
        Column("status", sa.String(10), nullable=False),
        Column("started_at", Moment),
        Column("ended_at", Moment),
        Column("expires_at", Moment),
        Column("error", sa.Text),
        Column("error_code", sa.String(40)),
        Column("webhook_url", sa.Text),
        Column("webhook_secret", sa.Text),
    ]


def _told() -> list[Column[object]]:
    """For jobs whose end somebody may want to be told of."""
    return [
        Column("told_at", Moment),
        Column("tell_after", Moment),
        Column("tellings", sa.Integer, nullable=False, server_default="0"),
    ]


def _untold(name: str) -> Index:
    """Of the jobs whose end has yet to be told."""
    where = sa.text("webhook_url IS NOT NULL AND told_at IS NULL")
    return Index(f"ix_{name}_untold", "ended_at", sqlite_where=where, postgresql_where=where)


def _dispatched() -> list[Column[object]]:
    """For rows that one workflow works on."""
    return [
        Column("dispatched_at", Moment),
        Column("worker_id", Name),
        Column("attempts", sa.Integer, nullable=False, server_default="0"),
    ]


def _spent() -> list[Column[object]]:
    return [
        Column("calls", sa.Integer, nullable=False, server_default="0"),
        Column("input_tokens", sa.BigInteger),
        Column("output_tokens", sa.BigInteger),
        Column("cost_usd", sa.Float),
        Column("cost_by_purpose", Json),
    ]


def _hearing(*, indexed: bool = False) -> list[Column[object]]:
    """How items are heard; the same for every evaluation of a batch. indexed: persona set and rubric, each alone."""
    return [
        Column("persona_set_id", Id, ForeignKey("persona_sets.id"), nullable=False, index=indexed),
        Column("persona_set_hash", Sha, nullable=False),
        Column("rubric_id", Id, ForeignKey("rubrics.id"), nullable=False, index=indexed),
        Column("rubric_hash", Sha, nullable=False),
        Column("protocol", Json, nullable=False),
        Column("models", Json, nullable=False),
        Column("repeats_min", sa.Integer, nullable=False),
        Column("repeats_max", sa.Integer, nullable=False),
        Column("half_width", sa.Float),
        Column("seed", sa.BigInteger, nullable=False),
        Column("priority", sa.Integer, nullable=False),
        Column("budget_usd_max", sa.Float),
        Column("budget_usd_spent", sa.Float, nullable=False, server_default="0"),
        Column("dearest_run_usd", sa.Float),
        Column("simulated", sa.Boolean, nullable=False),
    ]


documents = Table(
    "documents", metadata, *_owned(),
    Column("title", sa.Text, nullable=False),
    Column("media_type", Name, nullable=False),
    Column("characters", sa.Integer, nullable=False),
    Column("content_hash", Sha, nullable=False),
    Column("attributes", Json, nullable=False),
    Column("body", Packed, nullable=False),
    Index("ix_documents_list", "owner", "created_at", "id"),
    Index("ix_documents_list_all", "created_at", "id"),
)  # fmt: skip

persona_sets = Table(
    "persona_sets", metadata, *_owned(), *_job(), *_dispatched(), *_spent(), *_told(), _untold("persona_sets"),
    Column("name", Name, nullable=False),
    Column("request", Json, nullable=False),
    Column("progress", Json),
    Column("content_hash", Sha),
    Column("personas", sa.Integer),
    Column("groups", sa.Integer),
    Column("method", sa.String(20)),
    Column("parent", Id),
    Column("body", Packed),
    Column("loading_at", Moment),
    Index("ix_persona_sets_loading", "loading_at", sqlite_where=sa.text("loading_at IS NOT NULL"), postgresql_where=sa.text("loading_at IS NOT NULL")),
    Index("ix_persona_sets_list", "owner", "created_at", "id"),
    Index("ix_persona_sets_list_all", "created_at", "id"),
    Index("ix_persona_sets_waiting", "created_at", sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'")),
)  # fmt: skip
"""loading_at: when a set was stored that came with a batch which is not whole yet; null for every other."""

rubrics = Table(
    "rubrics", metadata, *_owned(),
    Column("name", Name, nullable=False),
    Column("content_hash", Sha, nullable=False),
    Column("body", Json, nullable=False),
    UniqueConstraint("owner", "content_hash"),
    Index("ix_rubrics_list", "owner", "created_at", "id"),
    Index("ix_rubrics_list_all", "created_at", "id"),
)  # fmt: skip

TO_BE_COUNTED = "items >= 2000 AND (ended_at IS NULL OR counts IS NULL)"
"""Of large batches the counts are kept: smaller ones are counted whenever somebody looks, in half a millisecond."""

batches = Table(
    "batches", metadata, *_owned(), *_job(), *_hearing(indexed=True), *_dispatched(), *_told(), _untold("batches"),
    Column("name", Name, nullable=False),
    Column("items", sa.Integer, nullable=False),
    Column("report_status", sa.String(10), nullable=False, server_default="pending"),
    Column("report_error", sa.Text),
    Column("report", Packed),
    Column("loading_at", Moment),
    Column("counts", Json),
    Column("counted_at", Moment),
    Index("ix_batches_loading", "loading_at", sqlite_where=sa.text("loading_at IS NOT NULL"), postgresql_where=sa.text("loading_at IS NOT NULL")),
    Index("ix_batches_to_be_counted", "counted_at", sqlite_where=sa.text(TO_BE_COUNTED), postgresql_where=sa.text(TO_BE_COUNTED)),
    Index("ix_batches_list", "owner", "created_at", "id"),
    Index("ix_batches_list_all", "created_at", "id"),
    Index("ix_batches_open", "created_at", sqlite_where=sa.text("report_status = 'pending'"), postgresql_where=sa.text("report_status = 'pending'")),
)  # fmt: skip
"""loading_at: when the last items were stored of a batch that is not whole yet; null for every other. counts: what its items came
to when they were counted last; null where they have to be counted."""

evaluations = Table(
    "evaluations", metadata, *_owned(), *_job(), *_hearing(), *_spent(), *_told(), _untold("evaluations"),
    Column("batch_id", Id, ForeignKey("batches.id", ondelete="CASCADE")),
    Column("custom_id", Name),
    Column("item_id", Name, nullable=False),
    Column("item_kind", sa.String(20), nullable=False),
    Column("item_hash", Sha, nullable=False),
    Column("cluster", sa.Text),
    Column("system", sa.Text),
    Column("item", Packed, nullable=False),
    Column("runs", sa.Integer, nullable=False),
    Column("runs_ended", sa.Integer, nullable=False, server_default="0"),
    Column("events", sa.Integer, nullable=False, server_default="0"),
    Column("scores", Json),
    Column("answered", Json),
    Column("instability", sa.Float),
    Column("disagreement", sa.Float),
    Column("disagreements", Searched),
    UniqueConstraint("batch_id", "custom_id"),
    Index("ix_evaluations_list", "owner", "created_at", "id"),
    Index("ix_evaluations_list_all", "created_at", "id"),
    Index("ix_evaluations_by_kind_all", "item_kind", "created_at", "id"),
    Index("ix_evaluations_by_kind", "owner", "item_kind", "created_at", "id"),
    Index("ix_evaluations_by_status_all", "status", "created_at", "id"),
    Index("ix_evaluations_by_status", "owner", "status", "created_at", "id"),
    Index("ix_evaluations_by_rubric", "rubric_id", "created_at", "id"),
    Index("ix_evaluations_by_persona_set", "persona_set_id", "created_at", "id"),
    Index("ix_evaluations_ranked", "owner", "disagreement", "instability", "id"),
    Index("ix_evaluations_ranked_in_batch", "batch_id", "disagreement", "instability", "id"),
    Index("ix_evaluations_list_batch", "batch_id", "created_at", "id"),
    Index("ix_evaluations_counted", "batch_id", "status", "calls", "input_tokens", "output_tokens", "cost_usd"),
    Index("ix_evaluations_by_system_all", "system", "created_at", "id", sqlite_where=sa.text("system IS NOT NULL"), postgresql_where=sa.text("system IS NOT NULL")),
    Index("ix_evaluations_by_system", "owner", "system", "created_at", "id", sqlite_where=sa.text("system IS NOT NULL"), postgresql_where=sa.text("system IS NOT NULL")),
    Index("ix_evaluations_by_item", "item_id", "created_at", "id"),
    Index("ix_evaluations_reheard", "status", "created_at", sqlite_where=sa.text("status = 'completed' AND repeats_max > 1"), postgresql_where=sa.text("status = 'completed' AND repeats_max > 1")),
)  # fmt: skip

runs = Table(
    "runs", metadata, *_owned(), *_job(), *_dispatched(), *_spent(),
    Column("evaluation_id", Id, ForeignKey("evaluations.id", ondelete="CASCADE"), nullable=False),
    Column("batch_id", Id),
    Column("repeat", sa.Integer, nullable=False),
    Column("seed", sa.BigInteger, nullable=False),
    Column("priority", sa.Integer, nullable=False),
    Column("outcome", sa.String(20)),
    Column("verdicts", Json),
    Column("answered", Json),
    Column("simulated", sa.Boolean),
    Column("code_version", Name),
    UniqueConstraint("evaluation_id", "repeat"),
    Index("ix_runs_waiting", "priority", "id", sqlite_where=sa.text("status = 'queued' AND dispatched_at IS NULL"), postgresql_where=sa.text("status = 'queued' AND dispatched_at IS NULL")),
    Index("ix_runs_dispatched", "dispatched_at", sqlite_where=sa.text("status = 'queued' AND dispatched_at IS NOT NULL"), postgresql_where=sa.text("status = 'queued' AND dispatched_at IS NOT NULL")),
    Index("ix_runs_expiring", "expires_at", sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'")),
    Index("ix_runs_queue", "status", "dispatched_at", "priority", "id"),
    Index("ix_runs_by_batch", "batch_id", "id"),
    Index("ix_runs_list_batch", "batch_id", "created_at", "id"),
)  # fmt: skip

results = Table(
    "results", metadata,
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("body", Packed, nullable=False),
)  # fmt: skip
"""The whole `RunResult` of a run, transcript included."""

ratings = Table(
    "ratings", metadata,
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("batch_id", Id),
    Column("rows", Packed, nullable=False),
    Index("ix_ratings_by_batch", "batch_id", "run_id"),
)  # fmt: skip
"""The ratings of one run as JSON columns: a report takes its figures from these, and reads a sample of transcripts for what was said."""

probes = Table(
    "probes", metadata, *_owned(), *_dispatched(), *_spent(),
    Column("status", sa.String(10), nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("error", sa.Text),
    Column("error_code", sa.String(40)),
    Column("run_id", Id, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("kind", sa.String(20), nullable=False),
    Column("request", Json, nullable=False),
    Column("progress", Json),
    Column("simulated", sa.Boolean),
    Column("body", Packed),
    UniqueConstraint("run_id", "kind"),
    Index("ix_probes_waiting", "created_at", sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'")),
)  # fmt: skip
"""What was asked about a heard run since: its commitment, the adherence of its personas. The result is JSON."""

calls = Table(
    "calls", metadata,
    Column("subject_id", Id, primary_key=True),
    Column("key", sa.String(80), primary_key=True),
    Column("scope_id", Id, nullable=False, index=True),
    Column("number", sa.Integer, nullable=False),
    Column("body", sa.Text, nullable=False),
)  # fmt: skip
"""The call ledger. subject: a run, a probe or a persona set. scope: what it is deleted with, an evaluation or a persona set."""

call_texts = Table(
    "call_texts", metadata,
    Column("scope_id", Id, primary_key=True),
    Column("sha256", Sha, primary_key=True),
    Column("body", Packed, nullable=False),
)  # fmt: skip
"""Message texts, once per scope: rubric and item stand in every call of an evaluation."""

events = Table(
    "events", metadata,
    Column("subject_id", Id, ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True),
    Column("number", sa.Integer, primary_key=True, autoincrement=False),
    Column("created_at", Moment, nullable=False),
    Column("kind", sa.String(40), nullable=False),
    Column("data", Json, nullable=False),
    Column("terminal", sa.Boolean, nullable=False),
)  # fmt: skip

human_scores = Table(
    "human_scores", metadata, *_owned(),
    Column("evaluation_id", Id, ForeignKey("evaluations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("dimension", sa.String(40), nullable=False),
    Column("value", sa.Float, nullable=False),
    Column("author", Name, nullable=False),
    Column("note", sa.Text, nullable=False),
)  # fmt: skip

api_keys = Table(
    "api_keys", metadata, *_owned(),
    Column("name", Name, nullable=False),
    Column("digest", Sha, nullable=False, unique=True),
    Column("scopes", Json, nullable=False),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
)  # fmt: skip

idempotency_keys = Table(
    "idempotency_keys", metadata,
    Column("owner", Name, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("created_at", Moment, nullable=False, index=True),
    Column("fingerprint", Sha, nullable=False),
    Column("claim", Id),
    Column("status", sa.Integer),
    Column("headers", Json),
    Column("body", sa.LargeBinary),
)  # fmt: skip

workers = Table(
    "workers", metadata,
    Column("id", Name, primary_key=True),
    Column("incarnation", sa.String(40), nullable=False),
    Column("beats", sa.BigInteger, nullable=False),
    Column("host", Name, nullable=False),
    Column("pid", sa.Integer, nullable=False),
    Column("code_version", Name, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("waiting_for", Json),
    Column("stopped_at", Moment),
)  # fmt: skip
"""waiting_for: seconds since which it has waited, by the spec of the model that does not answer."""
