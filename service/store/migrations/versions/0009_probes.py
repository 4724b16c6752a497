"""What is asked about a heard run as jobs of their own: commitment tests, until now kept when done, and adherence.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import json
import zlib

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AT_ONCE = 200


def upgrade() -> None:
    op.create_table(
        "probes",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True)),
        sa.Column("worker_id", sa.String(200)),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("calls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("input_tokens", sa.BigInteger()),
        sa.Column("output_tokens", sa.BigInteger()),
        sa.Column("cost_usd", sa.Float()),
        sa.Column("cost_by_purpose", sa.Text()),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.Column("error_code", sa.String(40)),
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text()),
        sa.Column("simulated", sa.Boolean()),
        sa.Column("body", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_probes_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_probes"),
        sa.UniqueConstraint("run_id", "kind", name="uq_probes_run_id_kind"),
    )
    queued = sa.text("status = 'queued'")
    op.create_index("ix_probes_waiting", "probes", ["created_at"], sqlite_where=queued, postgresql_where=queued)
    _move(op.get_bind())
    op.drop_table("commitments")


def downgrade() -> None:
    op.create_table(
        "commitments",
        sa.Column("run_id", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_commitments_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name="pk_commitments"),
    )
    op.drop_table("probes")


def _move(connection: sa.Connection) -> None:
    """Commitment tests that were made: their figures stay. Their answers stand among the run's calls, where no later
    test looks for them."""
    old = sa.table("commitments", sa.column("run_id"), sa.column("created_at"), sa.column("body"))
    runs = sa.table("runs", sa.column("id"), sa.column("owner"))
    names = ("id", "owner", "created_at", "started_at", "ended_at", "status", "run_id", "kind", "request")
    figures = ("calls", "cost_usd", "simulated", "body")
    new = sa.table("probes", *(sa.column(name) for name in (*names, *figures)))
    last = ""
    while True:
        query = sa.select(old, runs.c.owner).join(runs, runs.c.id == old.c.run_id).where(old.c.run_id > last)
        rows = connection.execute(query.order_by(old.c.run_id).limit(_AT_ONCE)).all()
        if not rows:
            return
        connection.execute(sa.insert(new), [_probe(row) for row in rows])
        last = rows[-1].run_id


def _probe(row: sa.Row[tuple[object, ...]]) -> dict[str, object]:
    told = json.loads(zlib.decompress(row.body))
    moment = row.created_at
    return {
        "id": "pb_" + row.run_id.removeprefix("rn_"),
        "owner": row.owner,
        "created_at": moment,
        "started_at": moment,
        "ended_at": moment,
        "status": "completed",
        "run_id": row.run_id,
        "kind": "commitment",
        "request": json.dumps({"times": told["times"]}),
        "calls": told["calls"],
        "cost_usd": told["cost_usd"],
        "simulated": told["simulated"],
        "body": zlib.compress(json.dumps(told["dimensions"]).encode(), 1),
    }
