"""A whole service in a process of its own: `python live_server.py DATA_DIR` prints its port, then serves until killed."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from service.api import create_app, server_config
from service.opening import open_service
from service.settings import Settings


async def main(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        settings = Settings(data_dir=data_dir, port=port, webhooks_to_loopback=True, _env_file=None)
        async with open_service(settings, work=True) as application:
            server = uvicorn.Server(server_config(create_app(application, settings), settings))
            print(port, flush=True)
            await server.serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
