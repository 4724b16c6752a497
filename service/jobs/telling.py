"""Telling each turn of a run to whoever follows it, without the hearing waiting for the database."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agents import Turn
from service.application.context import Context
from service.application.lifecycle import append_events
from service.store import until_reachable

_GATHERED_S = 0.1
"""Turns that come within it are written at once: nobody who follows a debate reads faster, and each write has its cost."""

Event = tuple[str, dict[str, Any]]


class Teller:
    """Writes the turns of all runs in progress here: those of one moment in one step, those of an evaluation together."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: dict[TurnEvents, list[Event]] = {}
        self._writer: asyncio.Task[None] | None = None

    def add(self, of: TurnEvents, event: Event) -> None:
        """Has an event written soon."""
        self._waiting.setdefault(of, []).append(event)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="telling turns")

    def take(self, of: TurnEvents) -> list[Event]:
        """What is not being written yet; it is not written here then."""
        return self._waiting.pop(of, [])

    async def stop(self) -> None:
        """Tells nothing more."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(_GATHERED_S)
            if not self._waiting:
                return
            waiting, self._waiting = self._waiting, {}
            by_evaluation: dict[str, list[Event]] = {}
            for of, events in waiting.items():
                by_evaluation.setdefault(of.evaluation_id, []).extend(events)
            writing = asyncio.ensure_future(until_reachable(lambda by=by_evaluation: self._append(by)))  # type: ignore[misc]
            writing.add_done_callback(
                lambda done: done.cancelled() or done.exception()
            )  # its runs raise it, if any is left
            for of in waiting:
                of.written = writing
            await asyncio.wait([writing])
            self._context.something_happened.ring()

    async def _append(self, by_evaluation: dict[str, list[Event]]) -> None:
        async def operation(connection: AsyncConnection) -> None:
            for evaluation_id in sorted(by_evaluation):  # in one order, so that no two workers wait for each other
                await append_events(connection, evaluation_id, by_evaluation[evaluation_id])

        await self._context.store.write(operation)


class TurnEvents:
    """Appends a run's turns as events; the last of them with the run's end.

    They are told, not kept: the transcript is stored with the verdict, so a turn whose event was lost with the
    process is told again by the next attempt.
    """

    def __init__(self, teller: Teller, evaluation_id: str, run_id: str, repeat: int) -> None:
        self._teller, self.evaluation_id = teller, evaluation_id
        self._of = {"run_id": run_id, "repeat": repeat}
        self.written: asyncio.Future[None] | None = None
        """The last write of events of this run."""

    def tell(self, turn: Turn) -> None:
        """Has it written soon."""
        data = {
            "turn_id": turn.id,
            "phase": turn.phase,
            "arm": turn.arm,
            "persona_id": turn.persona_id,
            "group_id": turn.group_id,
            "kind": turn.kind,
            "scores": turn.scores,
            "outcome": turn.outcome,
        }
        self._teller.add(self, ("run.turn", self._of | data))

    async def rest(self) -> list[Event]:
        """What is not written yet, to be written with the end of the run. Raises StoreError where some could not be."""
        rest = self._teller.take(self)
        if self.written is not None:
            await asyncio.shield(self.written)
        return rest

    def drop(self) -> None:
        """Tells nothing more: the run is not ended here."""
        self._teller.take(self)
