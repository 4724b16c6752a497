"""Which models do not answer, by what living workers tell with their beats: a job that waits for one says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa

from service.application.context import Context
from service.application.records import BatchRecord, EvaluationRecord
from service.store import moment_ago, tables

R = TypeVar("R", EvaluationRecord, BatchRecord)


def alive(context: Context, *columns: Any) -> sa.Select[Any]:
    """`columns` of the workers that have shown of late that they live."""
    silent_s = max(context.settings.worker_dead_after.total_seconds(), 1.0)
    table = tables.workers
    return sa.select(*columns).where(table.c.seen_at > moment_ago(silent_s), table.c.stopped_at.is_(None))


async def waited_for(context: Context) -> dict[str, float]:
    """Seconds since which a living worker has waited for a model that does not answer, by the model's spec."""
    async with context.store.read() as connection:
        found = await connection.execute(alive(context, tables.workers.c.waiting_for))
        told = [waited or {} for waited in found.scalars()]
    longest: dict[str, float] = {}
    for waited in told:
        for spec, since_s in waited.items():
            longest[spec] = max(since_s, longest.get(spec, 0.0))
    return longest


def public_name(spec: str) -> str:
    """A model without its address: that is the operator's business, as what stands behind a name is."""
    return spec.partition("@http")[0]


def public_names(specs: Iterable[str]) -> tuple[str, ...]:
    """Each model's `public_name`, once."""
    return tuple(dict.fromkeys(map(public_name, specs)))


async def with_waits(context: Context, owner: str | None, record: R) -> R:
    """The record of a job, with what it waits for where it is under way. Who sees every owner's rows sees addresses, too."""
    if record.state.status.ended:
        return record
    waits: dict[str, float] = {}
    for spec, since_s in (await waited_for(context)).items():
        if spec in record.models:
            name = spec if owner is None else public_name(spec)
            waits[name] = max(since_s, waits.get(name, 0.0))
    return replace(record, state=replace(record.state, waiting_for=waits)) if waits else record
