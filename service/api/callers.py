"""Who calls: the key on a request, the rows that it may see, and the scope that an operation needs."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection, Request

from service.api.problem import ProblemError
from service.application import Scope
from service.errors import ServiceError
from service.settings import Settings

COOKIE = "rehearing_key"
"""Browsers cannot put a header on a page's address: a sign-in page may keep the key in this cookie (HttpOnly, SameSite=Strict)."""

bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="`Authorization: Bearer rh_...`; loopback needs none."
)
"""For the OpenAPI document; the key itself is read by `caller_of`."""


class OpenDoorError(ServiceError):
    """The operator: the service would listen to other machines and no key exists."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and what they may do."""

    owner: str | None
    """Whose rows they make; None without keys."""
    scopes: frozenset[Scope]

    @property
    def sees(self) -> str | None:
        """Whose rows they see; None for everyone's."""
        return None if Scope.ADMIN in self.scopes else self.owner

    def may(self, scope: Scope) -> bool:
        """Whether one of the scopes is `scope` or holds it."""
        order = list(Scope)
        return any(order.index(held) >= order.index(scope) for held in self.scopes)


def needs_key(settings: Settings) -> bool:
    """Whether a request must carry a key: beyond loopback always, unless the operator gave that up in so many words."""
    return not (is_loopback(settings.host) or settings.unsafe_no_auth)


def is_loopback(host: str) -> bool:
    """Whether a server that is bound to `host` can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


async def caller_of(connection: HTTPConnection) -> Caller:
    """The caller of a request, found once. Raises a problem where a key is needed or the one given is not good."""
    state = connection.state
    if not hasattr(state, "caller"):
        state.caller = await _find(connection)
    found: Caller = state.caller
    return found


async def _find(connection: HTTPConnection) -> Caller:
    application: Any = connection.app.state.application
    secret = _secret(connection)
    if secret is None:
        if needs_key(application.settings):
            raise _unauthenticated("this server needs a key: send `Authorization: Bearer rh_...`")
        return Caller(owner=None, scopes=frozenset(Scope))
    key = await application.keys.authenticate(secret)
    return Caller(owner=key.owner, scopes=frozenset(key.scopes))


def _secret(connection: HTTPConnection) -> str | None:
    header = connection.headers.get("authorization")
    if header is None:
        return connection.cookies.get(COOKIE)
    scheme, _, secret = header.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.isascii() or not 8 <= len(secret) <= 200 or not secret.isprintable():
        raise _unauthenticated("the Authorization header must be `Bearer rh_...`")
    return secret


def _unauthenticated(detail: str) -> ProblemError:
    return ProblemError("unauthenticated", detail, headers={"WWW-Authenticate": "Bearer"})


def _requires(scope: Scope) -> Any:
    async def check(request: Request, _documented: Annotated[Any, Depends(bearer)] = None) -> Caller:
        caller = await caller_of(request)
        if not caller.may(scope):
            raise ProblemError("forbidden", f"this key lacks the scope {scope.value!r}; use one that has it")
        return caller

    return Depends(check)


Reader = Annotated[Caller, _requires(Scope.READ)]
Writer = Annotated[Caller, _requires(Scope.WRITE)]
