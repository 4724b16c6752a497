"""`rehearing serve`: the REST API and the pages, and work on runs."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import talk
from service.cli.loop import run_serving, settle_memory

if TYPE_CHECKING:
    import uvicorn

    from service.settings import Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; others than loopback need a key.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 takes a free one.")] = None,
    model: Annotated[str | None, typer.Option(help="Judges where a request names none.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    work: Annotated[bool, typer.Option(help="Work on runs in this process, too.")] = True,
    unsafe_no_auth: Annotated[
        bool, typer.Option("--unsafe-no-auth", help="Serve other machines without keys.")
    ] = False,
) -> None:
    """Serves until it is told to stop; SIGTERM finishes or hands over what is in progress."""
    from service.settings import Settings

    asked = {"host": host, "port": port, "model": model, "base_url": base_url, "unsafe_no_auth": unsafe_no_auth or None}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    settings = Settings(**given)
    with _listening(settings.host, settings.port) as listener:
        run_serving(_serve(settings, work, listener))


def _listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address, taken before anything is opened. Raises RuntimeError where it cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        raise RuntimeError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; name another with --host or --port"
        ) from error
    return listener


async def _serve(settings: Settings, work: bool, listener: socket.socket) -> None:
    import uvicorn

    from service.api import create_app, refuse_open_door, server_config
    from service.opening import open_service
    from service.telemetry import Metrics, configure_logs, configure_tracing

    configure_logs(settings.log_level, as_json=settings.log_json)
    configure_tracing(settings.otlp_endpoint)
    metrics = Metrics()
    async with open_service(settings, work=work, metrics=metrics) as application:
        await refuse_open_door(application, settings)
        server = uvicorn.Server(server_config(create_app(application, settings, metrics=metrics), settings))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        port = listener.getsockname()[1]
        settle_memory()
        talk(f"serving http://{host}:{port} with model {settings.model!r}; pages at /evaluations")
        stop = _Stop(server)
        await server.serve([listener])
        if work:
            talk(f"stopping: finishing what is in progress for up to {settings.shutdown_grace.total_seconds():g} s")
    if stop.signal == signal.SIGINT:
        raise typer.Abort


class _Stop:
    """Takes the signal that stopped the server. Uvicorn raises it once more when it has answered what was open, and left
    to itself it would then end the process before the work in progress is finished or handed over. A further one does."""

    def __init__(self, server: uvicorn.Server) -> None:
        self._server = server
        self.signal: int | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._take)

    def _take(self, number: int, frame: object) -> None:
        if self.signal is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.signal = number
        self._server.should_exit = True
