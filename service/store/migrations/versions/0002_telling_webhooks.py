"""Whether who asked was told that a job has ended.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_UNTOLD = sa.text("webhook_url IS NOT NULL AND told_at IS NULL")


def upgrade() -> None:
    for name in ("batches", "evaluations", "persona_sets"):
        op.add_column(name, sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
        op.add_column(name, sa.Column("tell_after", sa.DateTime(timezone=True), nullable=True))
        op.add_column(name, sa.Column("tellings", sa.Integer(), nullable=False, server_default="0"))
        op.create_index(f"ix_{name}_untold", name, ["ended_at"], sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)


def downgrade() -> None:
    for name in ("batches", "evaluations", "persona_sets"):
        op.drop_index(f"ix_{name}_untold", name)
        for column in ("told_at", "tell_after", "tellings"):
            op.drop_column(name, column)
