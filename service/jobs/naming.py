"""A worker's name: the same after a restart, and never two processes' at once."""

from __future__ import annotations

import fcntl
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from service.errors import ConflictError
from service.settings import Settings

_WORKERS_MAX = 1000


@contextmanager
def worker_name(settings: Settings) -> Iterator[str]:
    """A name that this process alone holds, until the block ends or the process dies, however it dies.

    It is the configured one, or `HOST-N` with the first N that no process over this data folder holds: so a process
    that was killed comes back under its name and finds what it had begun.
    """
    folder = settings.data_dir / "workers"
    folder.mkdir(parents=True, exist_ok=True)
    host = re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:100] or "host"
    names = [settings.executor_id] if settings.executor_id else [f"{host}-{number}" for number in range(_WORKERS_MAX)]
    for name in names:
        held = _lock(folder / f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)}.lock")
        if held is not None:
            with held:
                yield name
            return
    raise ConflictError(
        f"another process works as {names[0]!r} over {str(settings.data_dir)!r}; give this one its own REHEARING_EXECUTOR_ID"
    )


def _lock(path: Path) -> IO[bytes] | None:
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
