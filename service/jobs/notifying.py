"""Telling whoever asked for it that a job has ended: at least once, from any worker, again while that may help."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import Context, now
from service.store import tables

if TYPE_CHECKING:
    from service.webhooks import Delivery, WebhookSender

log = logging.getLogger("rehearing.jobs")

_TELLINGS_MAX = 8  # with 5 s first: the last attempt comes about a day after the first
_GROWTH, _PAUSE_MAX_S = 6, 12 * 3600.0
_AT_ONCE = 50


class _Telling(NamedTuple):
    """One attempt to tell of one job."""

    table: sa.Table
    noun: str
    row: Any


_KINDS = (
    # an evaluation of a batch is told of by its batch, and a batch when its report can be fetched
    ("evaluation", tables.evaluations, tables.evaluations.c.batch_id.is_(None)),
    ("batch", tables.batches, tables.batches.c.report_status != "pending"),
    ("persona_set", tables.persona_sets, sa.true()),
)


def open_sender(context: Context) -> WebhookSender:
    """The sender of one worker."""
    from service.webhooks import WebhookSender

    return WebhookSender(allow_loopback=context.settings.webhooks_to_loopback)


async def notify(context: Context, sender: WebhookSender) -> None:
    """Tells of every ended job whose turn it is.

    The next attempt's time is stored before this one is made: a worker that dies in between only delays it.
    """
    tellings = await context.store.write(lambda connection: _take(connection, context))
    await asyncio.gather(*(_tell(context, sender, telling) for telling in tellings))


async def _take(connection: AsyncConnection, context: Context) -> list[_Telling]:
    moment, first = now(), context.settings.webhook_retry
    taken: list[_Telling] = []
    for noun, table, ready in _KINDS:
        due = sa.and_(
            table.c.webhook_url.is_not(None),
            table.c.told_at.is_(None),
            table.c.ended_at.is_not(None),
            sa.or_(table.c.tell_after.is_(None), table.c.tell_after <= moment),
            ready,
        )
        some = (await connection.execute(sa.select(table.c.id, table.c.tellings).where(due).limit(_AT_ONCE))).all()
        for one in some:
            pause_s = min(_PAUSE_MAX_S, first.total_seconds() * _GROWTH**one.tellings)
            take = (
                sa.update(table)
                .where(table.c.id == one.id, table.c.tellings == one.tellings, due)
                .values(tellings=one.tellings + 1, tell_after=moment + first * (pause_s / first.total_seconds()))
                .returning(*(table.c[name] for name in _TOLD))
            )
            row = (await connection.execute(take)).one_or_none()
            if row is not None:
                taken.append(_Telling(table, noun, row))
    return taken


_TOLD = ("id", "status", "error_code", "webhook_url", "webhook_secret", "tellings")


async def _tell(context: Context, sender: WebhookSender, telling: _Telling) -> None:
    noun, row = telling.noun, telling.row
    delivery = await sender.send(
        row.webhook_url,
        row.webhook_secret,
        event_id=row.id,
        kind=f"{noun}.{row.status}",
        data={f"{noun}_id": row.id, "status": row.status, "error_code": row.error_code},
    )
    if not _is_settled(delivery, row.tellings):
        log.info("webhook of %s: %s; it will be tried again", row.id, delivery.reason)
        return
    if not delivery.delivered:
        log.warning("webhook of %s was given up: %s", row.id, delivery.reason)
    told = sa.update(telling.table).where(telling.table.c.id == row.id).values(told_at=now())
    await context.store.write(lambda connection: connection.execute(told))


def _is_settled(delivery: Delivery, tellings: int) -> bool:
    return delivery.delivered or not delivery.retryable or tellings >= _TELLINGS_MAX
