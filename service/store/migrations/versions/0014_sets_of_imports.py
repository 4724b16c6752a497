"""Persona sets that came with a batch which is not whole yet, so that nobody sees them and what is left of them goes.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from service.store.columns import Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_LOADING = sa.text("loading_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("persona_sets", sa.Column("loading_at", Moment(), nullable=True))
    op.create_index(
        "ix_persona_sets_loading", "persona_sets", ["loading_at"], sqlite_where=_LOADING, postgresql_where=_LOADING
    )


def downgrade() -> None:
    op.drop_index("ix_persona_sets_loading", "persona_sets")
    op.drop_column("persona_sets", "loading_at")
