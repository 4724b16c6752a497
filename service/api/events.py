"""Server-Sent Events: of an evaluation, stored, numbered, resumed, ended; of other jobs, their state as it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from fastapi.sse import ServerSentEvent

from service.api.answers.evaluations import EventAnswer
from service.api.problem import ProblemError
from service.application import EventRecord
from service.errors import NotFoundError

if TYPE_CHECKING:
    from service.application import Application, JobState

T = TypeVar("T")

STREAM_MAX_S = 600.0
"""Longer streams pile up behind load balancers that never tell of a client that left."""
POLL_S = 15.0
RECONNECT_MS = 1000


class _Job(Protocol):
    @property
    def state(self) -> JobState: ...


class Progressing(NamedTuple):
    """Whose events are wanted, and from where on."""

    owner: str | None
    evaluation_id: str
    after: int


def events_after(last_event_id: str | None, after: int) -> int:
    """The number of the last event that a client has seen; a header wins over the parameter."""
    if last_event_id is None or last_event_id == "":
        return after
    if not (last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) <= 15):
        raise ProblemError("bad-request", f"Last-Event-ID {last_event_id[:40]!r} is not the number of an event")
    return int(last_event_id)


async def event_stream(
    application: Application, progressing: Progressing, *, longest_s: float = STREAM_MAX_S
) -> AsyncIterator[ServerSentEvent]:
    """Events after a number, as they happen, up to the terminal one; after `longest_s` an invitation to reconnect."""
    after = progressing.after
    deadline = asyncio.get_running_loop().time() + longest_s
    patience = 0.0  # who comes after the last event is told so at once
    while (left := deadline - asyncio.get_running_loop().time()) > 0:
        events = await _next_events(application, progressing._replace(after=after), min(patience, left))
        if not events and await _is_over(application, progressing._replace(after=after)):
            return
        patience = POLL_S
        for event in events:
            after = event.number
            yield _written(event)
            if event.terminal:
                return
    yield ServerSentEvent(event="reconnect", data={"after": after}, retry=RECONNECT_MS)


async def _next_events(application: Application, progressing: Progressing, timeout_s: float) -> tuple[EventRecord, ...]:
    async def some() -> tuple[EventRecord, ...] | None:
        return await _undisturbed(application.evaluations.events(*progressing)) or None

    return await application.context.poll(some, timeout_s) or ()


async def _undisturbed(reading: Coroutine[Any, Any, T]) -> T:
    """What a read gives; it ends by itself where the client leaves. A query that is cut off costs its connection."""
    return await asyncio.shield(asyncio.ensure_future(reading))


async def _is_over(application: Application, progressing: Progressing) -> bool:
    """Whether no event will ever follow: the evaluation has ended, or was deleted, and all of it was told."""
    try:
        record = await _undisturbed(application.evaluations.get(progressing.owner, progressing.evaluation_id))
        if not record.state.status.ended:
            return False
        return not await _undisturbed(application.evaluations.events(*progressing))
    except NotFoundError:
        return True


async def state_stream(
    application: Application,
    read: Callable[[], Coroutine[Any, Any, _Job]],
    noun: str,
    *,
    longest_s: float = STREAM_MAX_S,
) -> AsyncIterator[ServerSentEvent]:
    """A job's state now and whenever it changes, up to its end; nothing is stored, so that a client that comes again is
    told where things stand. noun: what its events are called by, `persona_set`."""
    told: dict[str, Any] | None = None
    deadline = asyncio.get_running_loop().time() + longest_s
    while (left := deadline - asyncio.get_running_loop().time()) > 0:

        async def changed(before: dict[str, Any] | None = told) -> dict[str, Any] | None:
            state = (await _undisturbed(read())).state
            progress = state.progress
            now = {"status": state.status, "stage": progress.stage, "done": progress.done, "total": progress.total}
            return now if now != before else None

        try:
            state = await application.context.poll(changed, left)
        except NotFoundError:  # deleted meanwhile
            return
        if state is None:
            break
        told = state
        yield ServerSentEvent(event=f"{noun}.{state['status']}", data=state)
        if state["status"].ended:
            return
    yield ServerSentEvent(event="reconnect", data={}, retry=RECONNECT_MS)


def _written(event: EventRecord) -> ServerSentEvent:
    answer = EventAnswer(
        number=event.number,
        kind=event.kind,
        created_at=event.created_at,
        data=dict(event.data),
        terminal=event.terminal,
    )
    return ServerSentEvent(event=event.kind, id=str(event.number), data=answer)
