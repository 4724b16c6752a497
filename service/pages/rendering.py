"""View models to HTML, to JSON, and to one self-contained file."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from service.pages import formatting
from service.pages.views.matrix import describe

HERE = Path(__file__).parent
FORM_HEADERS = {"Referrer-Policy": "same-origin"}
"""With `no-referrer` a browser posts a form with `Origin: null`, which the guard against other sites must refuse."""
STATIC = HERE / "static"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def environment() -> Environment:
    """The templates, escaping everything that is not markup of ours; an undefined name is an error."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = ("score", "mean", "signed", "spread", "percent", "dollars", "count", "words", "moment")
    found.filters.update({name: getattr(formatting, name) for name in names})
    found.filters.update(twin=twin_path, with_query=with_query, svg=own_svg)
    found.globals.update(interval=formatting.interval, plural=formatting.plural, describe=describe, asset=asset_href)
    return found


def twin_path(path: str) -> str:
    """The address of a page's JSON twin."""
    place, separator, query = path.partition("?")
    return f"{place}.json{separator}{query}"


def with_query(path: str, more: str) -> str:
    """An address with more parameters."""
    return path + ("&" if "?" in path else "?") + more


def own_svg(drawing: str) -> Markup:
    """A plot of `stability`, whose renderer escapes every text in it."""
    return Markup(drawing)  # nosec B704 # noqa: S704  text in it is escaped by the renderer


@cache
def asset(name: str) -> bytes:
    """One file of `static/`. Raises KeyError for a name that is none of ours: no path is ever built from a request."""
    known = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.suffix in MEDIA_TYPES}
    return known[name].read_bytes()


@cache
def packed_asset(name: str) -> bytes:
    """The same, compressed."""
    return gzip.compress(asset(name), mtime=0)


@cache
def asset_href(name: str) -> str:
    """The address of a static file, with its content hash, so that it may be kept for ever."""
    return f"/static/{name}?v={hashlib.sha256(asset(name)).hexdigest()[:12]}"


def inline_asset(name: str) -> Markup:
    """A static file's text, to stand inside an exported page. Ours, so trusted."""
    return Markup(asset(name).decode())  # nosec B704 # noqa: S704  our own file


def render(template: str, page: Any, *, path: str, exported: bool = False, redacted: bool = False) -> str:
    """The page as HTML.

    Args:
        template: file in `templates/`.
        page: the view model.
        path: the page's own path and query, for its JSON twin and export.
        exported: one file with styles and scripts inside and no link to this server.
        redacted: without judged and model text.
    """
    return (
        environment()
        .get_template(template)
        .render(page=page, path=path, exported=exported, redacted=redacted, inline=inline_asset)
    )
