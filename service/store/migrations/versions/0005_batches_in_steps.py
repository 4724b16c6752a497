"""Batches are stored in steps; counting, listing and finding what waits read an index and sort nothing.

Revision ID: 0005
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

_LOADING = sa.text("loading_at IS NOT NULL")
_COUNTED = ["batch_id", "status", "calls", "input_tokens", "output_tokens", "cost_usd"]
_OF_BATCH = ["batch_id", "created_at", "id"]
_LISTED = ("documents", "persona_sets", "rubrics", "batches", "evaluations")


def upgrade() -> None:
    op.add_column("batches", sa.Column("loading_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_batches_loading", "batches", ["loading_at"], sqlite_where=_LOADING, postgresql_where=_LOADING)
    op.create_index("ix_evaluations_counted", "evaluations", _COUNTED)
    op.drop_index("ix_evaluations_by_batch", "evaluations")
    op.create_index("ix_evaluations_list_batch", "evaluations", _OF_BATCH)
    op.create_index("ix_runs_list_batch", "runs", _OF_BATCH)
    op.drop_index("ix_runs_by_status", "runs")
    op.create_index("ix_runs_queue", "runs", ["status", "dispatched_at", "priority", "id"])
    for name in _LISTED:
        op.create_index(f"ix_{name}_list_all", name, ["created_at", "id"])


def downgrade() -> None:
    for name in _LISTED:
        op.drop_index(f"ix_{name}_list_all", name)
    op.drop_index("ix_runs_queue", "runs")
    op.create_index("ix_runs_by_status", "runs", ["status"])
    op.drop_index("ix_runs_list_batch", "runs")
    op.drop_index("ix_evaluations_list_batch", "evaluations")
    op.create_index("ix_evaluations_by_batch", "evaluations", ["batch_id", "status", "id"])
    op.drop_index("ix_evaluations_counted", "evaluations")
    op.drop_index("ix_batches_loading", "batches")
    op.drop_column("batches", "loading_at")
