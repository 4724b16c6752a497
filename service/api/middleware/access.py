"""Who may address this server: Host against DNS rebinding, Origin against pages of other sites."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problem import problem_response
from service.api.problem_kinds import CATALOGUE

_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class AccessGuard:
    """Refuses a Host that is not served, and a writing request from a page of another origin.

    hosts: names that are served besides loopback; `*` takes any. origins: origins whose pages may write, such as
    `https://eval.example.org`; they also get CORS answers.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...], origins: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in (*hosts, *_LOCAL))
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        code, detail = refusal
        await problem_response(scope, CATALOGUE[code], detail)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[str, str] | None:
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            return "bad-request", "the address holds a NUL character, which no name here has"
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if "*" not in self._hosts and _name(host) not in self._hosts:
            return "host-not-allowed", f"Host {host[:200]!r} is not served here; add it to REHEARING_ALLOWED_HOSTS"
        origin = headers.get("origin")
        if origin is None or scope["method"] in _SAFE or origin in self._origins or _same(origin, host):
            return None
        return (
            "origin-not-allowed",
            f"a page of {origin[:200]!r} may not write here; add it to REHEARING_ALLOWED_ORIGINS",
        )


def _name(host: str) -> str:
    """The host without its port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def _same(origin: str, host: str) -> bool:
    return origin.partition("://")[2].lower() == host.lower()
