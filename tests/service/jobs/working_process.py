"""A worker as an operator starts one, with settings that wait briefly: `working_process.py FOLDER`, the rest by REHEARING_*."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path


async def main(folder: Path) -> None:
    from service.opening import open_service
    from service.settings import Settings

    settings = Settings(
        data_dir=folder,
        heartbeat=timedelta(milliseconds=300),
        worker_dead_after=timedelta(seconds=60),  # a busy machine must not make a worker look dead
        poll=timedelta(milliseconds=100),
        shutdown_grace=timedelta(milliseconds=300),
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with open_service(settings, work=True):
        print("working", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
