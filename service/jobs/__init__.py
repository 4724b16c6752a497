"""Durable jobs: one workflow per run, persona set and report, on any number of workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.application.context import Context
    from service.jobs.worker import Worker
    from service.telemetry import Metrics

__all__ = ["working"]


@asynccontextmanager
async def working(context: Context, metrics: Metrics | None = None) -> AsyncIterator[Worker]:
    """Works on jobs in this process until the block ends; once per process at a time."""
    from service.jobs.engine import Engine
    from service.jobs.naming import worker_name
    from service.jobs.worker import Worker

    with worker_name(context.settings) as name:
        worker = Worker(context, Engine(context.settings, name), metrics)
        try:
            await worker.start()
            yield worker
        finally:
            await worker.stop()
