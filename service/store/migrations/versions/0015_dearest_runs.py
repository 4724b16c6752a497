"""What the dearest run of a job with a budget has cost: no more is begun at once than what is left pays for by that.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_JOBS = {"batches": "batch_id", "evaluations": "evaluation_id"}


def upgrade() -> None:
    runs = sa.table("runs", *map(sa.column, ("status", "cost_usd", *_JOBS.values())))
    for name, reference in _JOBS.items():
        op.add_column(name, sa.Column("dearest_run_usd", sa.Float(), nullable=True))
        jobs = sa.table(name, *map(sa.column, ("id", "budget_usd_max", "ended_at", "dearest_run_usd")))
        dearest = sa.select(sa.func.max(runs.c.cost_usd)).where(
            runs.c[reference] == jobs.c.id, runs.c.status.in_(("completed", "failed"))
        )
        under_way = jobs.c.budget_usd_max.is_not(None) & jobs.c.ended_at.is_(None)
        op.execute(sa.update(jobs).where(under_way).values(dearest_run_usd=dearest.scalar_subquery()))


def downgrade() -> None:
    for name in _JOBS:
        op.drop_column(name, "dearest_run_usd")
