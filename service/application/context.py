"""What every use case needs: settings, the store, the models, and ways to wake who waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, TypeVar

from llm import AskSettings
from service.application.models import Models
from service.settings import Limits, Settings
from service.store import Store

T = TypeVar("T")

LOCAL_OWNER = "local"
"""Owner of what is made without a key."""
_ASKED_EVERY_S = 0.05  # at most: a hearing rings at every turn, and whoever waits need not look at each


def now() -> datetime:
    """The time in UTC, with its zone, by the one clock that everything here tells the time by."""
    return datetime.fromtimestamp(time.time(), UTC)


class Bell:
    """Wakes everyone who waits for something to have changed in this process."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()
        self._rung = asyncio.Event()

    @property
    def next_ring(self) -> asyncio.Event:
        """Set at the next ring: to be taken before a look at what may have changed, so that no ring meanwhile is missed."""
        return self._rung

    async def wait(self, timeout_s: float, ring: asyncio.Event | None = None) -> None:
        """Returns at the next ring, or the one that is given, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await (ring or self._rung).wait()
        except TimeoutError:
            return


class QueueSeen(NamedTuple):
    """How many runs waited when they were last counted, and until when on the monotonic clock that is taken as true."""

    runs: int
    good_until: float


@dataclass
class Context:
    """Shared by all use cases of one application."""

    settings: Settings
    store: Store
    models: Models
    work_waits: Bell = field(default_factory=Bell)
    """Rung when new work was accepted here."""
    something_happened: Bell = field(default_factory=Bell)
    """Rung when an event was appended here."""
    work_ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when this process has had to stop working: the log says why."""
    queue_seen: QueueSeen | None = None

    @property
    def ask_settings(self) -> AskSettings:
        """Timeouts and attempts of one question to a model."""
        return AskSettings(timeout_s=self.settings.attempt_timeout.total_seconds())

    @property
    def limits(self) -> Limits:
        return self.settings.limits

    async def poll(self, attempt: Callable[[], Awaitable[T | None]], timeout_s: float) -> T | None:
        """The first value that `attempt` gives, asked again at a ring, and every second; None after `timeout_s`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            ring = self.something_happened.next_ring
            value = await attempt()
            left = deadline - loop.time()
            if value is not None or left <= 0:
                return value
            await asyncio.sleep(min(_ASKED_EVERY_S, left))
            await self.something_happened.wait(max(0.0, min(1.0, deadline - loop.time())), ring)
