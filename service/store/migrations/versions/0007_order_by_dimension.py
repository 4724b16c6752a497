"""How far an evaluation's repeats disagree in each arm and dimension, as an order of the pages.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import json
from statistics import stdev
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_AT_ONCE = 500
_WIDEST_FIRST = ("debate", "stance", "self_reflection", "panel")
_NOT_HEARD = ("queued", "running", "cancelled", "expired")
_KIND = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("evaluations", sa.Column("disagreements", _KIND, nullable=True))
    _fill(op.get_bind())


def downgrade() -> None:
    op.drop_column("evaluations", "disagreements")


def _fill(connection: sa.Connection) -> None:
    table = sa.table("evaluations", sa.column("id"), sa.column("scores"), sa.column("disagreements", _KIND))
    last = ""
    while True:
        query = sa.select(table.c.id, table.c.scores).where(table.c.id > last, table.c.scores.is_not(None))
        rows = connection.execute(query.order_by(table.c.id).limit(_AT_ONCE)).all()
        if not rows:
            return
        filled = [{"name": row.id, "found": _disagreements(json.loads(row.scores))} for row in rows]
        update = sa.update(table).where(table.c.id == sa.bindparam("name"))
        connection.execute(update.values(disagreements=sa.bindparam("found", type_=_KIND)), filled)
        last = rows[-1].id


def _disagreements(scores: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, list[float]]] | None:
    """As the code of this revision scores it; later code may do otherwise, this does not change."""
    by_arm = {}
    for arm, parts in scores.items():
        own = {name: found for name, score in parts.items() if (found := _one(score))}
        by_arm[arm] = {"*": max(own.values()), **own} if own else own
    widest = next((by_arm[arm] for arm in _WIDEST_FIRST if arm in by_arm), {})
    asked = {arm: by_arm.get(arm, widest) for arm in _WIDEST_FIRST}
    return asked if any(asked.values()) else None


def _one(score: dict[str, Any]) -> list[float] | None:
    outcomes = score.get("outcomes") or ()
    heard = sum(one not in _NOT_HEARD for one in outcomes) if outcomes else score["n_used"]
    values = [value for value in score["run_values"] if value is not None]
    if heard < 2 or not score["n_used"]:
        return None
    return [1 - score["agree"] / heard, stdev(values) if len(values) > 1 else 0.0]
