"""The ASGI application: routers, middleware, problems, documentation."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from service.api.callers import OpenDoorError, needs_key
from service.api.events import STREAM_MAX_S
from service.api.failures import install_failures
from service.api.json_route import JsonRoute
from service.api.middleware import (
    AccessGuard,
    BodyGuard,
    BodyLimits,
    HeadAnswers,
    RequestIdentity,
    SecurityHeaders,
    UnexpectedErrors,
)
from service.api.openapi import document
from service.api.routers import (
    archives,
    batches,
    documents,
    evaluations,
    health,
    persona_sets,
    probes,
    problems,
    rubrics,
    runs,
    stability,
)
from service.settings import Settings
from service.telemetry import Metrics

if TYPE_CHECKING:
    from service.application import Application

UPLOADS = ("/v1/batches", "/v1/stability")
RATE_MIN = 16_384.0
"""Bytes a second: a tenth of a slow mobile line. A body that drips one byte a second is cut after the grace."""

_ROUTERS = (
    documents.router,
    persona_sets.router,
    rubrics.router,
    rubrics.prompts,
    evaluations.router,
    runs.router,
    probes.router,
    batches.router,
    archives.router,
    stability.router,
    health.router,
    problems.router,
)


def create_app(
    application: Application,
    settings: Settings,
    *,
    metrics: Metrics | None = None,
    stream_max_s: float = STREAM_MAX_S,
) -> FastAPI:
    """The service over HTTP.

    metrics: shared with the ledger of the same process, so that /metrics shows model calls. stream_max_s: after
    which an event stream asks its client to reconnect. Raises OpenDoorError at start where the service would listen beyond loopback without any key.
    """
    metrics = metrics or Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await refuse_open_door(application, settings)
        yield

    app = _documented(lifespan)
    app.state.application = application
    app.state.metrics = metrics
    app.state.stream_max_s = stream_max_s
    _mount_pages(app, application)
    install_failures(app)
    _install_middleware(app, settings, metrics)
    return app


def openapi_text() -> str:
    """The OpenAPI document as it is kept in docs/openapi.json."""
    return json.dumps(_documented(None).openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _documented(lifespan: Any) -> FastAPI:
    """Every resource of the API, before there is anything to serve."""
    app = FastAPI(
        title="Rehearing",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        telemetry={"logs": False, "metrics": False, "operation_spans": False},
    )
    app.router.route_class = JsonRoute
    for router in _ROUTERS:
        app.include_router(router)
    document(app)
    return app


async def refuse_open_door(application: Application, settings: Settings) -> None:
    """Raises OpenDoorError where anyone on the network could use the service without a key."""
    if needs_key(settings) and not await application.keys.any_exist():
        raise OpenDoorError(
            f"host {settings.host!r} is reachable from other machines and there is no key; make one with "
            "`rehearing keys create --scope admin`, or listen on 127.0.0.1"
        )


def _mount_pages(app: FastAPI, application: Application) -> None:
    """Adds the pages, where they are installed."""
    if importlib.util.find_spec("service.pages") is not None:
        import service.pages

        if hasattr(service.pages, "pages_router"):
            app.include_router(service.pages.pages_router(application), include_in_schema=False)


def _install_middleware(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Innermost first: what is added last sees a request first."""
    limits = BodyLimits(
        bytes_max=settings.limits.body_bytes,
        upload_bytes_max=settings.limits.batch_bytes,
        uploads=UPLOADS,
        grace_s=settings.request_grace.total_seconds(),
        rate_min=RATE_MIN,
    )
    app.add_middleware(BodyGuard, limits=limits)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-Id"],
            expose_headers=["Location", "Retry-After", "X-Request-Id", "Idempotency-Replayed"],
        )
    hosts = (settings.host, *settings.allowed_hosts)
    app.add_middleware(AccessGuard, hosts=hosts, origins=settings.allowed_origins)
    app.add_middleware(UnexpectedErrors)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HeadAnswers)
    app.add_middleware(RequestIdentity, metrics=metrics.http)
