"""Who reads: the key in the Authorization header, or in the cookie that the sign-in page keeps."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.api.callers import COOKIE, caller_of
from service.api.problem import ProblemError
from service.application import Scope
from service.errors import NotAllowedError
from service.pages.rendering import FORM_HEADERS, render

COOKIE_KEPT_S = 30 * 86400


@dataclass(frozen=True, slots=True)
class SignInPage:
    problem: str | None
    simulated: bool = False


async def owner_of(request: Request, scope: Scope = Scope.READ) -> str | None:
    """Whose rows the caller sees; None for every owner's. Raises NotAllowedError without a sufficient key."""
    try:
        caller = await caller_of(request)
    except ProblemError as error:
        raise NotAllowedError(error.detail) from error
    if not caller.may(scope):
        raise NotAllowedError(f"this key lacks the scope {scope.value!r}; use one that has it")
    return caller.sees


def add_sign_in(router: APIRouter) -> None:
    """The page that takes a key, and the one that forgets it."""

    @router.get("/sign-in")
    async def sign_in(request: Request) -> Response:
        return HTMLResponse(render("sign_in.html", SignInPage(None), path="/sign-in"), headers=FORM_HEADERS)

    @router.post("/sign-in")
    async def take(request: Request) -> Response:
        async with request.form() as form:
            secret = str(form.get("key", "")).strip()
        try:
            await request.app.state.application.keys.authenticate(secret)
        except NotAllowedError as error:
            return HTMLResponse(render("sign_in.html", SignInPage(str(error)), path="/sign-in"), 401, FORM_HEADERS)
        response = RedirectResponse("/evaluations", 303)
        response.set_cookie(
            COOKIE,
            secret,
            max_age=COOKIE_KEPT_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    @router.post("/sign-out")
    async def forget(request: Request) -> Response:
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE)
        return response
