"""The pages' addresses: each page as HTML, as JSON under the same address with `.json`, and as one file with `?export=1`."""

from __future__ import annotations

import gzip
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from service.errors import ServiceError
from service.pages.export import without_server_links
from service.pages.failures import failure_page
from service.pages.gathering import Gathering
from service.pages.rendering import MEDIA_TYPES, asset, packed_asset, render
from service.pages.sign_in import add_sign_in, owner_of
from service.pages.trying import add_trying

if TYPE_CHECKING:
    from service.application import Application

EXPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""An exported page has its scripts inside; it runs in an origin of its own and reaches nothing."""

_FRAGMENTS = {"seen.html": "seen_calls.html", "drift.html": "drift_table.html"}
"""Of pages that open in place: what of them is new there."""
COMPRESSED_FROM = 2_000
"""Characters; less is not worth the work."""


class PageRoute(NamedTuple):
    """One page: its address, its template, and what it reads."""

    path: str
    template: str
    gather: Callable[[Gathering], Awaitable[Any]]


ROUTES = (
    PageRoute("/evaluations", "evaluations.html", Gathering.evaluations),
    PageRoute("/evaluations/{evaluation_id}", "evaluation.html", Gathering.evaluation),
    PageRoute("/evaluations/{evaluation_id}/compare", "comparison.html", Gathering.comparison),
    PageRoute("/runs/{run_id}", "run.html", Gathering.run),
    PageRoute("/runs/{run_id}/seen/{turn_id:path}", "seen.html", Gathering.seen),
    PageRoute("/runs/{run_id}/drift", "drift.html", Gathering.drift),
    PageRoute("/runs/{run_id}/material/{part}", "passage.html", Gathering.material),
    PageRoute("/batches", "batches.html", Gathering.batches),
    PageRoute("/batches/{batch_id}", "batch.html", Gathering.batch),
    PageRoute("/persona-sets", "persona_sets.html", Gathering.persona_sets),
    PageRoute("/persona-sets/{persona_set_id}", "persona_set.html", Gathering.persona_set),
    PageRoute("/documents/{document_id}", "passage.html", Gathering.document),
)


def pages_router(application: Application) -> APIRouter:
    """Every page over one application. Mount it at the root, behind the service's middleware."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/", _home, methods=["GET"])
    router.add_api_route("/static/{name}", _static, methods=["GET", "HEAD"])
    add_trying(router, application)
    add_sign_in(router)
    for route in ROUTES:
        # the twin first: a plain path parameter would take `.json` for a part of the id
        router.add_api_route(route.path + ".json", _twin(application, route), methods=["GET"])
        router.add_api_route(route.path, _page(application, route), methods=["GET", "HEAD"])
    return router


async def _home(request: Request) -> Response:
    return RedirectResponse("/evaluations")


async def _static(request: Request, name: str) -> Response:
    try:
        body = asset(name)
    except KeyError:
        return Response("no such file", 404, media_type="text/plain")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if _takes_gzip(request):
        body, headers["Content-Encoding"] = packed_asset(name), "gzip"
    return Response(body, media_type=MEDIA_TYPES["." + name.rpartition(".")[2]], headers=headers)


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _page(application: Application, route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        try:
            view = await route.gather(Gathering(application, await owner_of(request), request))
        except ServiceError as error:
            return failure_page(request, error)
        if (repeat := request.query_params.get("repeat", "")) and hasattr(view, "runs"):
            href = next((run.href for run in view.runs if str(run.repeat) == repeat), None)
            if href:
                return RedirectResponse(href)
        return respond(request, route.template, view)

    return page


def _twin(application: Application, route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
    async def twin(request: Request) -> Response:
        view = await route.gather(Gathering(application, await owner_of(request), request))
        return JSONResponse(jsonable_encoder(view))

    return twin


def _sent(request: Request, html: str) -> Response:
    """As the browser takes it: a long transcript repeats itself, and compressed is a tenth. No page holds a secret that its length could tell."""
    headers = {"Vary": "Accept-Encoding"}
    if not _takes_gzip(request) or len(html) < COMPRESSED_FROM:
        return HTMLResponse(html, headers=headers)
    body = gzip.compress(html.encode(), compresslevel=5, mtime=0)
    return HTMLResponse(body, headers={**headers, "Content-Encoding": "gzip"})


def respond(request: Request, template: str, view: Any) -> Response:
    """The view as a page, or as one file where the address asks for it."""
    asked = request.query_params
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if asked.get("fragment"):
        template = _FRAGMENTS.get(template, template)
    if not asked.get("export"):
        return _sent(request, render(template, view, path=path))
    html = render(template, view, path=path, exported=True, redacted=bool(asked.get("redact")))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", request.url.path.strip("/")) or "page"
    return HTMLResponse(
        without_server_links(html, path),
        headers={
            "Content-Security-Policy": EXPORT_POLICY,
            "Content-Disposition": f'attachment; filename="rehearing-{name}.html"',
        },
    )
