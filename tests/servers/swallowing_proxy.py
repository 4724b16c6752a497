"""A proxy before Postgres that breaks the connection in the moment that nobody can tell from outside."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa


class SwallowingProxy:
    """Armed, it lets the next COMMIT through, swallows the answer and hangs up on everybody."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._armed = self._stays_away = self._away = False
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.swallowed = 0

    def arm(self, *, stays_away: bool) -> None:
        """stays_away: it takes no connection afterwards, until `come_back`."""
        self._armed, self._stays_away = True, stays_away

    def come_back(self) -> None:
        self._away = False

    def accept(self, listening: socket.socket) -> None:
        """Until the listening socket is closed."""
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            if self._away:
                near.close()
                continue
            far = socket.create_connection(self._there)
            self._sockets |= {near, far}
            self._start(self._ask, near, far)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        self._start(self._answer, far, near)
        with _ending(far):
            while data := near.recv(1 << 16):
                if self._armed and b"COMMIT" in data:
                    self._armed, self._away = False, self._stays_away
                    near.shutdown(socket.SHUT_RDWR)  # before the server can answer: nothing gets back any more
                    far.sendall(data)
                    self.swallowed += 1
                    self._hang_up()
                    return
                far.sendall(data)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        with _ending(near):
            while data := far.recv(1 << 16):
                near.sendall(data)

    def _hang_up(self) -> None:
        for one in list(self._sockets):
            _end(one)

    def close(self) -> None:
        """Ends every connection."""
        self._hang_up()
        for thread in self._threads:
            thread.join(10)
        for one in self._sockets:
            one.close()


def _end(one: socket.socket) -> None:
    """Wakes whoever reads from it, which closing it would not."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def _ending(one: socket.socket) -> Iterator[None]:
    with suppress(OSError):
        yield
    _end(one)


@contextmanager
def swallowing_proxy(url: str) -> Iterator[tuple[SwallowingProxy, str]]:
    """A proxy before the server of `url`, and the URL of the same database through it."""
    parts = sa.make_url(url)
    proxy = SwallowingProxy(parts.host or "127.0.0.1", parts.port or 5432)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=proxy.accept, args=(listening,), daemon=True)
        accepting.start()
        port = listening.getsockname()[1]
        try:
            yield proxy, parts.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(10)
            proxy.close()
