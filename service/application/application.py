"""The application: every use case over one store, opened and closed together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from llm import GateSettings, configure_gates
from service.application.batches import Batches
from service.application.context import Context
from service.application.documents import Documents
from service.application.drifts import Drifts
from service.application.evaluations import Evaluations
from service.application.health import check_health, queue_figures
from service.application.idempotency import Idempotency
from service.application.keys import Keys
from service.application.models import Models
from service.application.outside_ratings import Prompts, Stability
from service.application.persona_sets import PersonaSets
from service.application.probes import Probes
from service.application.records import Health, QueueFigures
from service.application.retention import Purged, purge
from service.application.rubrics import Rubrics
from service.application.runs import Runs
from service.settings import Limits, Settings
from service.store import Store, migrate


class Application:
    """What REST, pages and command line call."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.documents = Documents(context)
        self.persona_sets = PersonaSets(context)
        self.rubrics = Rubrics(context)
        self.evaluations = Evaluations(context)
        self.runs = Runs(context)
        self.probes = Probes(context)
        self.drifts = Drifts(context)
        self.batches = Batches(context)
        self.keys = Keys(context)
        self.idempotency = Idempotency(context)
        self.stability = Stability(context)
        self.prompts = Prompts()

    @property
    def settings(self) -> Settings:
        return self.context.settings

    @property
    def limits(self) -> Limits:
        return self.context.settings.limits

    @property
    def models(self) -> Models:
        return self.context.models

    async def health(self) -> Health:
        """Whether it can work: store, migrations, workers, embedding model."""
        return await check_health(self.context)

    async def queue_figures(self) -> QueueFigures:
        """What waits, runs and lives, for the metrics."""
        return await queue_figures(self.context)

    async def purge(self, older_than: timedelta, *, dry_run: bool = False) -> Purged:
        """Forgets what ended longer ago than that; with `dry_run` only says what it would forget."""
        return await purge(self.context, older_than, dry_run=dry_run)


@asynccontextmanager
async def open_application(settings: Settings, *, migrate_store: bool = True) -> AsyncIterator[Application]:
    """The application over the settings' store, brought to this code's schema first. It works on no jobs:
    `service.opening.open_service` does. Raises StoreError.
    """
    configure_gates(GateSettings(patience_s=settings.provider_patience.total_seconds()))
    store = Store(
        settings.store_url,
        pool_size=settings.store_pool_size,
        pool_timeout_s=settings.store_pool_wait.total_seconds(),
        sqlite_pages_max=settings.sqlite_pages_max,
    )
    context = Context(settings, store, Models(settings))
    application = Application(context)
    try:
        if migrate_store:
            await migrate(store)
        yield application
    finally:
        await application.idempotency.aclose()
        await context.models.aclose()
        await store.aclose()
