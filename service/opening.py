"""Opens the whole service of one process: the use cases, and work on their jobs where that is asked for.

It stands above both: the jobs know the application, and the application knows nothing of who does its work.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.application import Application, open_application
from service.settings import Settings
from service.telemetry import Metrics


@asynccontextmanager
async def open_service(
    settings: Settings, *, work: bool = False, metrics: Metrics | None = None
) -> AsyncIterator[Application]:
    """The application over the settings' store, brought to this code's schema first.

    work: whether this process also works on jobs; one such service a process at a time. metrics: where its model calls
    are counted. Raises StoreError.
    """
    async with open_application(settings) as application:
        if not work:
            yield application
            return
        from service.jobs import working  # the job engine takes most of a second to import

        async with working(application.context, metrics):
            yield application
