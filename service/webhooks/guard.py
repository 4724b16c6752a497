"""The guard against server-side request forgery: a webhook reaches public addresses only.

The name is resolved once, every address it gives is judged, and the request goes to exactly the judged address, so
that a name which answers differently the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) -> addresses."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
URL_CHARACTERS_MAX = 2000


class WebhookRefusedError(ValueError):
    """The address must not be called. The message names it, and never says what answers there."""


class Target(NamedTuple):
    """Where a request goes: the address that was judged, under the name that was asked for."""

    url: str
    """The caller's URL with the address in place of the name."""
    host: str
    """For the Host header and for TLS: the name, with its port where that is not the scheme's own."""
    server_name: str


async def resolve_target(url: str, *, allow_loopback: bool = False, resolve: Resolve | None = None) -> Target:
    """The judged target of `url`. allow_loopback: for development, where the receiver runs beside the service.

    Raises WebhookRefusedError where the URL is no plain http(s) URL, its name does not resolve, or any of its
    addresses is private, link-local, loopback, multicast or otherwise not public.
    """
    parts = _parse(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = await (resolve or _system_resolve)(host, port)
    except OSError:
        addresses = []
    if not addresses:
        raise WebhookRefusedError(f"webhook host {host!r} does not resolve")
    for address in addresses:
        check_address(address, allow_loopback=allow_loopback)
    pinned = addresses[0]
    where = f"[{pinned}]:{port}" if ":" in pinned else f"{pinned}:{port}"
    shown = f"[{host}]" if ":" in host else host
    return Target(
        url=parts._replace(netloc=where, fragment="").geturl(),
        host=shown if parts.port is None else f"{shown}:{parts.port}",
        server_name=host,
    )


def check_url(url: str, *, allow_loopback: bool = False) -> None:
    """What can be judged of a URL before anybody is called: its form, and its address where it names one.

    A name is not resolved here: what it leads to may be another place when its time has come. Raises WebhookRefusedError.
    """
    host = (_parse(url).hostname or "").partition("%")[0]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    check_address(host, allow_loopback=allow_loopback)


def check_address(text: str, *, allow_loopback: bool = False) -> None:
    """Raises WebhookRefusedError unless the address is public, or loopback where that is allowed."""
    address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    if address.is_loopback and allow_loopback:
        return
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        raise WebhookRefusedError(f"webhook address {text} is not public; webhooks only go to public addresses")


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that merely carries it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookRefusedError(f"webhook URL {url[:200]!r} is not a URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise WebhookRefusedError(f"webhook URL {url[:200]!r} must start with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise WebhookRefusedError("a webhook URL must not hold a user name or a password")
    if len(url) > URL_CHARACTERS_MAX or any(character <= " " for character in url):
        raise WebhookRefusedError(f"webhook URL {url[:80]!r} is too long or holds white space")
    return parts


async def _system_resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
