"""Evaluations by system, and those that were heard again, which the metrics ask for at every scrape.

Revision ID: 0012
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

_SYSTEM, _REHEARD = sa.text("system IS NOT NULL"), sa.text("status = 'completed' AND repeats_max > 1")


def upgrade() -> None:
    op.create_index(
        "ix_evaluations_by_system",
        "evaluations",
        ["system", "created_at", "id"],
        sqlite_where=_SYSTEM,
        postgresql_where=_SYSTEM,
    )
    op.create_index(
        "ix_evaluations_reheard", "evaluations", ["created_at"], sqlite_where=_REHEARD, postgresql_where=_REHEARD
    )


def downgrade() -> None:
    op.drop_index("ix_evaluations_reheard", "evaluations")
    op.drop_index("ix_evaluations_by_system", "evaluations")
