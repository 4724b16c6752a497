"""Whoever asked is told that a job has ended, signed, again until it was heard, and by one message a job."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook as Signature

from agents import DebateProtocol
from service.application import BatchRequest, EvaluationRequest, Webhook
from service.jobs.notifying import notify, open_sender
from service.store import tables
from service.webhooks import new_secret

SHORT = DebateProtocol(turns_max=2, synthesis=False)
SECRET = new_secret()


class Receiver:
    """Answers with the given statuses in turn, then with 204; keeps what it heard."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.heard: list[tuple[str, Any]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pairs = (line.partition(": ") for line in head.split("\r\n")[1:])
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        Signature(SECRET).verify(body, headers)
        self.heard.append((headers["webhook-id"], json.loads(body)))
        status = self._statuses.pop(0) if self._statuses else 204
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Webhook]:
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    try:
        yield Webhook(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told", secret=SECRET)
    finally:
        server.close()
        await server.wait_closed()


async def lines() -> AsyncIterator[bytes]:
    for number in range(2):
        item = {"kind": "text", "instruction": "Say the price.", "output": f"It is {number} crowns."}
        yield json.dumps({"custom_id": f"c{number}", "item": item}).encode() + b"\n"


async def untold(app: Any, table: sa.Table) -> int:
    query = sa.select(sa.func.count()).where(table.c.webhook_url.is_not(None), table.c.told_at.is_(None))
    async with app.context.store.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def test_a_job_that_ended_is_told_of_until_it_was_heard(
    settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    changed = {"webhooks_to_loopback": True, "webhook_retry": timedelta(milliseconds=20)}
    receiver = Receiver(500, 503)
    async with receiving(receiver) as webhook, working(settings.model_copy(update=changed)) as (app, personas):
        hearing = {"persona_set": personas, "rubric": rubric, "protocol": SHORT, "webhook": webhook}
        evaluation = await app.evaluations.create(None, EvaluationRequest(item=item, **hearing))
        batch = await app.batches.create(None, BatchRequest(**hearing), lines())
        async with asyncio.timeout(150):
            while await untold(app, tables.batches) or await evaluation_untold(app, evaluation.id):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    told = dict(receiver.heard)
    assert set(told) == {evaluation.id, batch.id}, "evaluations of a batch are told of by their batch"
    assert len(receiver.heard) == 4, "the two that failed came again"
    assert told[evaluation.id]["type"] == "evaluation.completed"
    assert told[batch.id]["data"] == {"batch_id": batch.id, "status": "completed", "error_code": None}


async def evaluation_untold(app: Any, evaluation_id: str) -> bool:
    table = tables.evaluations
    async with app.context.store.read() as connection:
        query = sa.select(table.c.told_at).where(table.c.id == evaluation_id)
        return (await connection.execute(query)).scalar_one() is None


async def test_what_cannot_succeed_is_given_up_and_the_rest_has_its_time(
    sqlite_settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    receiver = Receiver(410, 500)
    changed = {"webhooks_to_loopback": True, "webhook_retry": timedelta(hours=1)}
    settings = sqlite_settings.model_copy(update=changed)
    async with receiving(receiver) as webhook, working(settings, work=False) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, webhook=webhook)
        sender = open_sender(app.context)
        for left in (0, 1):
            made = await app.evaluations.create(None, request)
            await notify(app.context, sender)
            assert await evaluation_untold(app, made.id), "it has not ended"
            await app.evaluations.cancel(None, made.id)
            await notify(app.context, sender)
            await notify(app.context, sender)
            assert await untold(app, tables.evaluations) == left
        await sender.aclose()
    assert [body["type"] for _, body in receiver.heard] == ["evaluation.cancelled"] * 2
