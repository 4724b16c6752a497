"""What was said in a batch, for its report: the hearings of some whole items, and the personas' cards as text."""

from __future__ import annotations

import random

import sqlalchemy as sa

from clustering import Persona
from service.application.context import Context
from service.store import tables

RUNS_READ_MAX = 200
"""Transcripts that a report reads: enough for rates within some points, some 10 MB however large the batch is."""
_ITEMS_AT_ONCE = 20


async def heard_sample(context: Context, batch_id: str, seed: int) -> tuple[list[str], int]:
    """The stored results of items drawn by the seed, whole items until there are 200 runs; and of how many runs."""
    runs, results = tables.runs, tables.results
    async with context.store.read() as connection:
        query = sa.select(runs.c.evaluation_id, sa.func.count()).where(
            runs.c.batch_id == batch_id, runs.c.outcome.is_not(None)
        )
        counted = (await connection.execute(query.group_by(runs.c.evaluation_id))).all()
        items = sorted(row[0] for row in counted)
        random.Random(seed).shuffle(items)
        bodies: list[str] = []
        for start in range(0, len(items), _ITEMS_AT_ONCE):
            if len(bodies) >= RUNS_READ_MAX:
                break
            some = items[start : start + _ITEMS_AT_ONCE]
            chosen = sa.select(runs.c.evaluation_id, results.c.body).join(results, results.c.run_id == runs.c.id)
            found = await connection.execute(
                chosen.where(runs.c.evaluation_id.in_(some)).order_by(runs.c.evaluation_id, runs.c.repeat)
            )
            by_item: dict[str, list[str]] = {}
            for row in found:
                by_item.setdefault(row.evaluation_id, []).append(row.body)
            for item in some:
                if len(bodies) < RUNS_READ_MAX:
                    bodies += by_item.get(item, [])
    return bodies, sum(row[1] for row in counted)


def card_text(persona: Persona) -> str:
    """What a persona is, in one text."""
    parts = (persona.name, persona.stakeholder, persona.perspective, persona.specialty, persona.background)
    return "\n".join(part for part in (*parts, *persona.traits) if part)
