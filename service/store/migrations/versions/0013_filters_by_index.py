"""An index for each filter of the list of evaluations, in the list's order: one that matches nothing read every row.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE, _PLACE = "evaluations", ["created_at", "id"]
_WHERE = {
    "ix_evaluations_by_system": sa.text("system IS NOT NULL"),
    "ix_evaluations_by_system_all": sa.text("system IS NOT NULL"),
    "ix_evaluations_reheard": sa.text("status = 'completed' AND repeats_max > 1"),
}
_BEFORE = {
    "ix_evaluations_by_status": ["owner", "status", *_PLACE],
    "ix_evaluations_rubric_id": ["rubric_id"],
    "ix_evaluations_persona_set_id": ["persona_set_id"],
    "ix_evaluations_by_system": ["system", *_PLACE],
    "ix_evaluations_by_item": ["owner", "item_id"],
    "ix_evaluations_reheard": ["created_at"],
}
_NOW = {
    "ix_evaluations_by_kind_all": ["item_kind", *_PLACE],
    "ix_evaluations_by_kind": ["owner", "item_kind", *_PLACE],
    "ix_evaluations_by_status_all": ["status", *_PLACE],
    "ix_evaluations_by_status": ["owner", "status", *_PLACE],
    "ix_evaluations_by_rubric": ["rubric_id", *_PLACE],
    "ix_evaluations_by_persona_set": ["persona_set_id", *_PLACE],
    "ix_evaluations_by_system_all": ["system", *_PLACE],
    "ix_evaluations_by_system": ["owner", "system", *_PLACE],
    "ix_evaluations_by_item": ["item_id", *_PLACE],
    "ix_evaluations_reheard": ["status", "created_at"],
}
"""From what mostly matches many to what matches few: of two that fit as well, SQLite takes the one that was made last."""


def upgrade() -> None:
    _replace(_BEFORE, _NOW)


def downgrade() -> None:
    _replace(_NOW, _BEFORE)


def _replace(old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    for name in old:
        op.drop_index(name, _TABLE)
    for name, columns in new.items():
        where = _WHERE.get(name)
        op.create_index(name, _TABLE, columns, sqlite_where=where, postgresql_where=where)
