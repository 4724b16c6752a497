"""Lexical drift of any heard run, measured when somebody reads it.

Vectors are kept by the hash of their text, so a second reading costs nothing and loads no embedding model; the hearing
itself never waits for one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from agents import LexicalDrift, RunResult, lexical_drift, plain_words
from clustering import AnchorKind, EmbeddingError
from service.application.context import Context
from service.application.evaluations import Evaluations
from service.application.persona_sets import PersonaSets
from service.application.probe_records import DriftRecord
from service.application.records import EvaluationRecord, Status
from service.application.runs import Runs
from service.errors import NotFoundError
from service.store import tables

_LOOKED_AT = 50
"""Evaluations of the same item, newest first, among which one without personas is looked for."""
_HIDDEN = "the personas of this run were hidden from its judges (anchor `none`)"
_NO_PLAIN = (
    "nobody has heard this item with this rubric and model without personas: an evaluation under the anchor `none` "
    "gives what to compare with"
)


class _Plain(NamedTuple):
    words: Mapping[str, tuple[str, ...]]
    run_id: str | None


class Drifts:
    """How far each persona's words moved from its card, and from what its model says without one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, owner: str | None, run_id: str) -> DriftRecord:
        """Measures it, or finds it measured. Raises NotFoundError while the run has no transcript.

        The first reading in a process that has loaded no embedding model takes seconds.
        """
        run, result = await Runs(self._context).get(owner, run_id), await Runs(self._context).result(owner, run_id)
        evaluation = await Evaluations(self._context).get(owner, run.evaluation_id)
        hidden = evaluation.protocol.anchor is AnchorKind.NONE
        plain = _Plain({}, None) if hidden else await self._plain(evaluation, result)
        why_no_plain = None if plain.run_id else _HIDDEN if hidden else _NO_PLAIN
        record = DriftRecord(run_id, None, {}, None, _HIDDEN if hidden else None, plain.run_id, why_no_plain)
        try:
            embedder = await asyncio.to_thread(self._context.models.embedder)
            personas = (await PersonaSets(self._context).get(None, evaluation.persona_set_id)).persona_set
            assert personas is not None, "a run was heard by a set that has not completed"
            judges: dict[str, LexicalDrift] = await asyncio.to_thread(
                lexical_drift, result.transcript, personas, evaluation.protocol, embedder, plain.words
            )
        except (NotFoundError, EmbeddingError) as error:
            return record._replace(unknown=str(error))
        return record._replace(model=embedder.name, judges=judges)

    async def _plain(self, evaluation: EvaluationRecord, result: RunResult) -> _Plain:
        """What the run's models said of the same item without a persona, in a hearing of the same owner."""
        table = tables.evaluations
        query = (
            sa.select(table.c.id, table.c.protocol, table.c.models)
            .where(
                table.c.owner == evaluation.owner,
                table.c.item_id == evaluation.item_id,
                table.c.item_hash == result.run.item_hash,
                table.c.rubric_hash == evaluation.rubric_hash,
                table.c.status == Status.COMPLETED,
            )
            .order_by(table.c.created_at.desc())
            .limit(_LOOKED_AT)
        )
        async with self._context.store.read() as connection:
            rows = (await connection.execute(query)).all()
        asked = set(evaluation.models)
        found = [row.id for row in rows if row.protocol.get("anchor") == AnchorKind.NONE and asked & set(row.models)]
        for evaluation_id in found:
            heard = [run for run in await Runs(self._context).list(None, evaluation_id) if run.outcome is not None]
            same = [run for run in heard if run.repeat == result.run.repeat]
            for run in (same or heard)[:1]:
                words = plain_words((await Runs(self._context).result(None, run.id)).transcript)
                if asked & words.keys():
                    return _Plain(words, run.id)
        return _Plain({}, None)
