"""Which representation of a resource is wanted: `?format=` first, else the Accept header, else JSON."""

from __future__ import annotations

from typing import Any, Literal

from starlette.requests import Request

from service.api.problem import ProblemError

Format = Literal["json", "ndjson", "markdown", "html"]

MEDIA_TYPES: dict[str, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}


def wanted(request: Request, asked: str | None, offered: tuple[str, ...]) -> str:
    """One of `offered`. asked: the `format` parameter. Raises the problem `not-acceptable` where none fits."""
    if asked is not None:
        if asked not in offered:
            raise _none_of(asked, offered)
        return asked
    accept = request.headers.get("accept", "*/*")
    for part in _by_quality(accept):
        if part in ("*/*", "application/*"):
            return offered[0]
        for name in offered:
            media = MEDIA_TYPES[name].partition(";")[0]
            if part == media or (part.endswith("/*") and media.startswith(part[:-1])):
                return name
    raise _none_of(accept, offered)


def _by_quality(accept: str) -> list[str]:
    """Media types of an Accept header, best first; those with q=0 left out."""
    ranked: list[tuple[float, str]] = []
    for part in accept.split(","):
        media, _, parameters = part.partition(";")
        quality = 1.0
        for parameter in parameters.split(";"):
            name, _, value = parameter.strip().partition("=")
            if name == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        if quality > 0 and media.strip():
            ranked.append((-quality, media.strip().lower()))
    return [media for _, media in sorted(ranked, key=lambda one: one[0])]


def _none_of(asked: str, offered: tuple[str, ...]) -> ProblemError:
    return ProblemError("not-acceptable", f"{asked[:200]!r} cannot be had here; ask for ?format={'|'.join(offered)}")


def documented(*names: str) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the other representations of its 200."""
    content = {MEDIA_TYPES[name].partition(";")[0]: {"schema": {"type": "string"}} for name in names}
    return {200: {"content": content}}
