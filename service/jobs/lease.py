"""Who is alive. Each worker counts its beats in the database; the others watch whether the count still grows.

No two clocks are ever compared: a beat counts as recent by the watcher's own monotonic clock, so a clock that jumps
makes nobody dead.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from service.application.context import Bell, now
from service.store import Store, moment_ago, tables

_LOOKED_AGAIN_S = 1.0


@dataclass
class _Watched:
    beats: tuple[str, int]
    since: float


class Lease:
    """This worker's place among the living."""

    def __init__(
        self, store: Store, worker_id: str, dead_after_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self.worker_id, self._dead_after_s, self._clock = store, worker_id, dead_after_s, clock
        self._incarnation = ""
        self._beaten_at = -float("inf")
        self._beaten = Bell()
        self._watched: dict[str, _Watched] = {}

    async def register(self) -> None:
        """Enters this worker, as a new life of whoever had its name."""
        self._incarnation = secrets.token_hex(8)
        row = {
            "id": self.worker_id, "incarnation": self._incarnation, "beats": 0, "host": socket.gethostname()[:200],
            "pid": os.getpid(), "code_version": code_version(), "started_at": now(), "seen_at": moment_ago(0),
        }  # fmt: skip

        async def operation(connection: AsyncConnection) -> None:
            await connection.execute(sa.delete(tables.workers).where(tables.workers.c.id == self.worker_id))
            await connection.execute(sa.insert(tables.workers).values(**row))

        await self._store.write(operation)
        self._beaten_at = self._clock()
        self._beaten.ring()

    async def beat(self, waiting_for: Mapping[str, float] = MappingProxyType({})) -> bool:
        """Shows that this worker lives. False where the others have given it up: it must drop what it holds.

        waiting_for: seconds since which it has waited, by the spec of the model that does not answer.
        """
        table, started = tables.workers, self._clock()
        beat = (
            sa.update(table)
            .where(table.c.id == self.worker_id, table.c.incarnation == self._incarnation)
            .values(beats=table.c.beats + 1, seen_at=moment_ago(0), waiting_for=dict(waiting_for), stopped_at=None)
        )
        if not (await self._store.write(lambda connection: connection.execute(beat))).rowcount:
            return False
        if self._missed_beats(started):
            self._watched.clear()  # the database was away: nobody could beat, so nobody is judged by that time
        self._beaten_at = started
        self._beaten.ring()
        return True

    @property
    def is_late(self) -> bool:
        """Whether the others may have given this worker up already."""
        return self._clock() - self._beaten_at > self._dead_after_s

    def _missed_beats(self, moment: float) -> bool:
        return moment - self._beaten_at > self._dead_after_s / 2

    async def held(self) -> None:
        """Returns while this worker has shown that it lives; where it is late, when its next beat was heard.

        A beat is heard only from a worker that was not struck off, and nobody's jobs are taken over before it is
        struck off: so what waits here may go on where it was. Where the beat comes too late, the jobs that wait here
        are cancelled.
        """
        while self.is_late:
            await self._beaten.wait(_LOOKED_AGAIN_S)

    async def retire(self) -> None:
        """Says goodbye: the others need not wait for missing beats."""
        table = tables.workers
        retire = (
            sa.update(table)
            .where(table.c.id == self.worker_id, table.c.incarnation == self._incarnation)
            .values(stopped_at=now())
        )
        await self._store.write(lambda connection: connection.execute(retire))

    async def dead_among(self, names: set[str]) -> set[str]:
        """Those of `names` that have shown no life for longer than they may; they are struck off the list.

        A worker that was merely frozen finds itself struck off at its next beat. Who could not beat itself judges
        nobody: the others may have wanted to as well.
        """
        async with self._store.read() as connection:
            rows = (await connection.execute(sa.select(tables.workers))).all()
        if self._missed_beats(self._clock()):
            return set()
        listed = {row.id: row for row in rows}
        moment, dead = self._clock(), set[str]()
        for name in names - {self.worker_id}:
            row = listed.get(name)
            gone = row is not None and row.stopped_at is not None
            if (gone or self._silent(name, row, moment)) and (row is None or await self._strike_off(row)):
                dead.add(name)
        return dead

    def _silent(self, name: str, row: sa.Row[Any] | None, moment: float) -> bool:
        beats = (row.incarnation, row.beats) if row is not None else ("", -1)
        watched = self._watched.get(name)
        if watched is None or watched.beats != beats:
            self._watched[name] = _Watched(beats, moment)
            return False
        return moment - watched.since > self._dead_after_s

    async def _strike_off(self, row: sa.Row[Any]) -> bool:
        """False where it has just shown that it lives: then it keeps what it holds."""
        table = tables.workers
        strike = sa.delete(table).where(
            table.c.id == row.id, table.c.incarnation == row.incarnation, table.c.beats == row.beats
        )
        return bool((await self._store.write(lambda connection: connection.execute(strike))).rowcount)


def code_version() -> str:
    """The installed version of this program."""
    try:
        return version("rehearing")
    except PackageNotFoundError:
        return "unknown"
