"""Sockets that go nowhere but this machine. Alone: `python loopback.py SCRIPT ...` runs another program's script so.

Imports the standard library only: it also runs in environments where this project is not installed.
"""

from __future__ import annotations

import ipaddress
import runpy
import socket
import sys
from collections.abc import Callable
from typing import Any

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_lookup = socket.getaddrinfo


def is_here(host: Any) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_outward(address: Any) -> None:
    """Raises RuntimeError for the address of another machine."""
    if isinstance(address, tuple) and not is_here(address[0]):  # else a Unix socket
        raise RuntimeError(f"a test tried to reach {str(address[0])!r}; tests stay on this machine")


def stay_here(set_attribute: Callable[[Any, str, Any], None]) -> None:
    """Makes every socket of this process refuse other machines. set_attribute: `setattr`, or one that is undone."""

    def connect(self: socket.socket, address: Any) -> Any:
        refuse_outward(address)
        return _connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> Any:
        refuse_outward(address)
        return _connect_ex(self, address)

    set_attribute(socket.socket, "connect", connect)
    set_attribute(socket.socket, "connect_ex", connect_ex)


def _run_and_tell(arguments: list[str]) -> None:
    """Runs a script, and ends with a message where it, or a thread of it, looked for another machine and hid the refusal."""
    outward: list[str] = []

    def lookup(host: Any, *rest: Any, **options: Any) -> Any:
        if host is not None and not is_here(host):
            outward.append(str(host))
            raise RuntimeError(f"a test looked for {str(host)!r}; tests stay on this machine")
        return _lookup(host, *rest, **options)

    stay_here(setattr)
    socket.getaddrinfo = lookup
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")
    if outward:
        sys.exit(f"it looked for {', '.join(sorted(set(outward)))}")


if __name__ == "__main__":
    _run_and_tell(sys.argv[1:])
