"""Which models answered a run to which prompts; which models a worker waits for.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluations", sa.Column("answered", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("answered", sa.Text(), nullable=True))
    op.add_column("workers", sa.Column("waiting_for", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "waiting_for")
    op.drop_column("runs", "answered")
    op.drop_column("evaluations", "answered")
