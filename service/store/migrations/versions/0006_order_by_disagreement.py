"""How far an evaluation's repeats disagree, as the order of the pages.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_AT_ONCE = 500
_WIDEST_FIRST = ("debate", "stance", "self_reflection", "panel")
_NOT_HEARD = ("queued", "running", "cancelled", "expired")


def upgrade() -> None:
    op.add_column("evaluations", sa.Column("disagreement", sa.Float(), nullable=True))
    _fill(op.get_bind())
    op.create_index("ix_evaluations_ranked", "evaluations", ["owner", "disagreement", "instability", "id"])
    op.create_index("ix_evaluations_ranked_in_batch", "evaluations", ["batch_id", "disagreement", "instability", "id"])
    op.drop_index("ix_evaluations_by_instability", "evaluations")


def downgrade() -> None:
    op.create_index("ix_evaluations_by_instability", "evaluations", ["owner", "instability", "id"])
    op.drop_index("ix_evaluations_ranked_in_batch", "evaluations")
    op.drop_index("ix_evaluations_ranked", "evaluations")
    op.drop_column("evaluations", "disagreement")


def _fill(connection: sa.Connection) -> None:
    table = sa.table("evaluations", sa.column("id"), sa.column("scores"), sa.column("disagreement"))
    last = ""
    while True:
        query = sa.select(table.c.id, table.c.scores).where(table.c.id > last, table.c.scores.is_not(None))
        rows = connection.execute(query.order_by(table.c.id).limit(_AT_ONCE)).all()
        if not rows:
            return
        for row in rows:
            value = _disagreement(json.loads(row.scores))
            if value is not None:
                connection.execute(sa.update(table).where(table.c.id == row.id).values(disagreement=value))
        last = rows[-1].id


def _disagreement(scores: dict[str, dict[str, dict[str, object]]]) -> float | None:
    """As the code of this revision scores it; later code may do otherwise, this does not change."""
    arm = next((name for name in _WIDEST_FIRST if name in scores), None)
    found = []
    for own in scores[arm].values() if arm else ():
        outcomes = own.get("outcomes") or ()
        heard = sum(one not in _NOT_HEARD for one in outcomes)  # type: ignore[attr-defined]
        if heard > 1 and own["n_used"]:
            found.append(1 - own["agree"] / heard)  # type: ignore[operator]
    return max(found, default=None)
