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
_RING_SETTLES_S = 0.05  # a hearing rings at every turn: whoever waits need not look at each


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

    async def wait(self, timeout_s: float) -> None:
        """Returns at the next ring, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
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
        """The first value that `attempt` gives, asked again soon after a ring, and every second; None after `timeout_s`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while True:
            value = await attempt()
            left = deadline - loop.time()
            if value is not None or left <= 0:
                return value
            await self.something_happened.wait(min(1.0, left))
            await asyncio.sleep(min(_RING_SETTLES_S, max(0.0, deadline - loop.time())))
