"""Moves what SQLite has written ahead into its file, beside the writer instead of in its way."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

LEFT_TO_THE_WRITER = 16_000
"""Pages (64 MB) in the write-ahead log at which a commit moves them itself after all: what came since the last round
here, so little; and with nobody writing meanwhile, the log begins anew."""
_EVERY_S = 0.5


class Checkpoints:
    """Checkpoints of one SQLite file on a thread and a connection of their own.

    A checkpoint waits for the disk, twice. In a commit, as SQLite has it by default after every 1,000 pages, all who
    wait for that commit wait for the disk with it.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")
        self._connection: sqlite3.Connection | None = None
        self._due = time.monotonic() + _EVERY_S
        self._running = False

    def committed(self) -> None:
        """To be called after a commit: has a checkpoint made where the last is long enough ago."""
        if not self._running and time.monotonic() >= self._due:
            self._running = True
            self._thread.submit(self._checkpoint)

    def _checkpoint(self) -> None:
        try:
            with suppress(sqlite3.Error):  # a full disk, say: the log keeps everything until a later one succeeds
                if self._connection is None:
                    self._connection = sqlite3.connect(self._path, check_same_thread=False)
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        finally:
            self._due, self._running = time.monotonic() + _EVERY_S, False

    def close(self) -> None:
        """Ends the thread and gives the connection back."""
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()
