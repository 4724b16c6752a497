"""How uvicorn serves the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.settings import Settings

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

STOP_S = 5
"""What open answers get at a stop; event streams reconnect elsewhere."""


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """uvicorn's configuration. The logs are ours, proxies' headers are not believed, the server does not name itself."""
    import uvicorn

    from service.api.head_guard import HeadGuard

    class Guarded(HeadGuard):
        head_s = settings.request_grace.total_seconds()
        connections_max = settings.limits.connections

    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
        timeout_keep_alive=30,
        http=Guarded,
    )
