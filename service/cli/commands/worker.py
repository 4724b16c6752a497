"""`rehearing worker`: one more process that works on runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from service.cli.console import talk
from service.cli.loop import run_serving, settle_memory

if TYPE_CHECKING:
    from service.settings import Settings
    from service.telemetry import Metrics

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def worker() -> None:
    """Works on the runs of a service that shares this database, until it is told to stop.

    Start as many as you like, on as many machines, against one Postgres (REHEARING_DATABASE_URL).
    """
    run_serving(_work())


@contextmanager
def metrics_served(metrics: Metrics, settings: Settings) -> Iterator[None]:
    """Gives the metrics over HTTP where the settings name a port, in a thread. Raises RuntimeError where it is taken."""
    if settings.metrics_port is None:
        yield
        return
    from prometheus_client import start_http_server

    host, port = settings.metrics_host, settings.metrics_port
    try:
        server, thread = start_http_server(port, host, registry=metrics.registry)
    except OSError as error:
        raise RuntimeError(
            f"cannot give metrics on {host}:{port}: {error.strerror or error}; name another with REHEARING_METRICS_PORT"
        ) from error
    talk(f"metrics at http://{host}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _work() -> None:
    from service.settings import Settings
    from service.telemetry import Metrics, configure_logs, configure_tracing

    settings = Settings()
    configure_logs(settings.log_level, as_json=settings.log_json)
    configure_tracing(settings.otlp_endpoint)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    metrics = Metrics()
    with metrics_served(metrics, settings):
        await _until_stopped(settings, metrics, stopped)


async def _until_stopped(settings: Settings, metrics: Metrics, stopped: asyncio.Event) -> None:
    from service.opening import open_service

    async with open_service(settings, work=True, metrics=metrics) as service:
        settle_memory()
        talk("working; stop with SIGTERM or Ctrl-C")
        ended = service.context.work_ended
        ends = [asyncio.create_task(one.wait()) for one in (stopped, ended)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for one in ends:
            one.cancel()
        if ended.is_set():
            talk("stopped: the database was migrated by a newer version; start this worker with that version")
            raise typer.Exit(1)
        talk(f"stopping: finishing what is in progress for up to {settings.shutdown_grace.total_seconds():g} s")
