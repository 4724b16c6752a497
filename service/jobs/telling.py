"""Telling each turn of a run to whoever follows it, without the hearing waiting for the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from agents import Turn
from service.application.context import Context
from service.application.lifecycle import append_events
from service.store import until_reachable

_GATHERED_S = 0.1
"""Turns that come within it are written at once: nobody who follows a debate reads faster, and each write has its cost."""


class TurnEvents:
    """Appends a run's turns as events, as many at once as came in a moment; the last of them with the run's end.

    They are told, not kept: the transcript is stored with the verdict, so a turn whose event was lost with the
    process is told again by the next attempt.
    """

    def __init__(self, context: Context, evaluation_id: str, run_id: str, repeat: int) -> None:
        self._context, self._evaluation_id = context, evaluation_id
        self._of = {"run_id": run_id, "repeat": repeat}
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._pause = asyncio.Event()

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
        self._waiting.append(("run.turn", self._of | data))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="telling turns")

    async def rest(self) -> list[tuple[str, dict[str, Any]]]:
        """What is not written yet, to be written with the end of the run. Raises StoreError where some could not be."""
        rest, self._waiting = self._waiting, []
        if self._writing is not None:
            self._pause.set()
            await self._writing
        return rest

    def drop(self) -> None:
        """Tells nothing more: the run is not ended here."""
        self._waiting.clear()
        self._pause.set()

    async def _write(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_GATHERED_S):
                await self._pause.wait()
        while self._waiting:
            some, self._waiting = self._waiting, []
            await until_reachable(lambda some=some: self._append(some))  # type: ignore[misc]
            self._context.something_happened.ring()

    async def _append(self, some: list[tuple[str, dict[str, Any]]]) -> None:
        await self._context.store.write(lambda connection: append_events(connection, self._evaluation_id, some))
