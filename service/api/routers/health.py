"""Whether the service lives, is ready, and what it counts and allows."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.answers.jobs import Answer
from service.api.callers import Reader
from service.api.json_route import JsonRoute
from service.api.serving import application_of, json_answer
from service.application import QueueFigures, public_name
from service.settings import Limits
from service.telemetry import Metrics

router = APIRouter(tags=["health"], route_class=JsonRoute)


class Live(Answer):
    """The process answers."""

    status: Literal["alive"] = "alive"


class CheckAnswer(Answer):
    """One part of readiness. An outage of a model provider is `degraded`: the service itself still works."""

    name: str
    state: Literal["ok", "degraded", "failed"]
    detail: str


class Ready(Answer):
    """Whether requests can be served."""

    ready: bool
    checks: tuple[CheckAnswer, ...]


class Version(Answer):
    """What runs here, and how much it takes."""

    version: str
    api: Literal["v1"] = "v1"
    model: str
    """Judges where a request names none; without its address, for this is read without a key."""
    simulated: bool
    limits: Limits


@router.get("/livez", response_model=Live)
async def read_liveness() -> Live:
    """Say that the process answers. Touches nothing."""
    return Live()


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready}})
async def read_readiness(request: Request) -> Response:
    """Check the store, its migrations, the workers and the embedding model. 503 while not ready."""
    health = await application_of(request).health()
    answer = Ready(ready=health.ready, checks=tuple(CheckAnswer.model_validate(check) for check in health.checks))
    return json_answer(answer, 200 if health.ready else 503)


@router.get("/version", response_model=Version)
async def read_version(request: Request) -> Version:
    """Say what runs here and what its limits are."""
    from importlib.metadata import version

    settings = application_of(request).settings
    return Version(
        version=version("rehearing"),
        model=public_name(settings.model),
        simulated=settings.model.partition(":")[0] == "simulated",
        limits=settings.limits,
    )


@router.get("/metrics", response_class=Response)
async def read_metrics(request: Request, caller: Reader) -> Response:
    """Give this process's metrics in the Prometheus text format."""
    metrics: Metrics = request.app.state.metrics
    _set_gauges(metrics, await application_of(request).queue_figures())
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _set_gauges(metrics: Metrics, figures: QueueFigures) -> None:
    """Puts what the database says about the queue into the gauges."""
    metrics.set_gauge("rehearing_runs_queued", "Runs that wait.", figures.queued)
    metrics.set_gauge("rehearing_runs_running", "Runs in progress, over all workers.", figures.running)
    metrics.set_gauge("rehearing_workers_alive", "Workers with a recent heartbeat.", figures.workers_alive)
    metrics.set_gauge(
        "rehearing_oldest_queued_seconds", "How long the oldest waiting run waits.", figures.oldest_queued_s or 0.0
    )
    for arm, rate in figures.flips.items():
        metrics.set_gauge(
            "rehearing_verdict_flip_rate", "Share of re-heard items whose verdict is not unanimous.", rate, {"arm": arm}
        )
