"""How settled a run's verdict was after each turn of its debate, once somebody has asked.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "commitments",
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_commitments_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name="pk_commitments"),
    )


def downgrade() -> None:
    op.drop_table("commitments")
