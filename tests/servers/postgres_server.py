"""A Postgres server of a test's own, which may be restarted, crashed and filled up; the shared one must not be."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "superuser_reserved_connections": "0",
    "autovacuum": "off",
    "fsync": "off",  # its process crashes here, never the machine
    "unix_socket_directories": "",
}
_PATIENCE_S = 150
"""What starting and stopping may take on a busy machine."""
_PORTS = range(20_000, 32_000)
"""None of these is given to a connection that somebody opens while the server is away."""


def postgres_programs() -> Path | None:
    """The folder with `initdb` and `postgres`, of the newest version that is installed; None without any."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    folders += sorted((path.parent for path in versions), key=lambda path: -float(path.parent.name))
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


def _free_port() -> int:
    while True:
        port = secrets.choice(_PORTS)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class PostgresServer:
    """One cluster in a temporary folder, run as the user `postgres` where this is root: the server refuses to be root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="rehearing-postgres-"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.port = _free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "--pgdata", "data", "--auth", "trust", "--username", "postgres", "--no-sync")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], cwd=self._folder, check=True, capture_output=True, **self._user
        )

    def start(self) -> None:
        """Returns once it takes connections."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", "data", "-p", str(self.port), *options],
                cwd=self._folder, stdout=log, stderr=log, **self._user,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=30).close()
        except psycopg.OperationalError:
            return False
        return True

    def crash(self) -> None:
        """Stops it as if its machine had failed: open transactions are lost, nobody is told."""
        self._run("pg_ctl", "stop", "-D", "data", "-m", "immediate", "-t", str(_PATIENCE_S))
        self._ended()

    def shut_down(self) -> None:
        """Stops it as an operator does: sessions are ended with a word, what was committed is written."""
        self._run("pg_ctl", "stop", "-D", "data", "-m", "fast", "-t", str(_PATIENCE_S))
        self._ended()

    def _ended(self) -> None:
        if self._process is not None:
            self._process.wait(_PATIENCE_S)
            self._process = None

    def log(self) -> str:
        """The end of what it said."""
        return (self._folder / "log").read_text()[-3000:]

    def remove(self) -> None:
        """Ends it and deletes what it stored."""
        if self._process is not None:
            self.crash()
        shutil.rmtree(self._folder)
