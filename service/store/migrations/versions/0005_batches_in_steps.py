"""Batches are stored in steps; counting a batch and listing everyone's rows read an index alone.

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
_LISTED = ("documents", "persona_sets", "rubrics", "batches", "evaluations")


def upgrade() -> None:
    op.add_column("batches", sa.Column("loading_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_batches_loading", "batches", ["loading_at"], sqlite_where=_LOADING, postgresql_where=_LOADING)
    op.create_index("ix_evaluations_counted", "evaluations", _COUNTED)
    for name in _LISTED:
        op.create_index(f"ix_{name}_list_all", name, ["created_at", "id"])


def downgrade() -> None:
    for name in _LISTED:
        op.drop_index(f"ix_{name}_list_all", name)
    op.drop_index("ix_evaluations_counted", "evaluations")
    op.drop_index("ix_batches_loading", "batches")
    op.drop_column("batches", "loading_at")
