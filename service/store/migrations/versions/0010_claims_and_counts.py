"""Whose an idempotency key is while it is answered; what a batch was counted to.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_LARGE = sa.text("items >= 2000 AND (ended_at IS NULL OR counts IS NULL)")


def upgrade() -> None:
    op.add_column("idempotency_keys", sa.Column("claim", sa.String(40), nullable=True))
    op.add_column("batches", sa.Column("counts", sa.Text(), nullable=True))
    op.add_column("batches", sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_batches_to_be_counted", "batches", ["counted_at"], sqlite_where=_LARGE, postgresql_where=_LARGE)


def downgrade() -> None:
    op.drop_index("ix_batches_to_be_counted", "batches")
    op.drop_column("batches", "counted_at")
    op.drop_column("batches", "counts")
    op.drop_column("idempotency_keys", "claim")
