"""The OpenAPI document: what FastAPI sees, plus what it cannot: problems, examples, headers, streamed bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.problem import MEDIA_TYPE, Problem
from service.api.problem_kinds import CATALOGUE, Kind

DESCRIPTION = """Personas, made from your documents, judge outputs in a debate; every item is heard again and again, and a
report says how far the verdict can be trusted. Everything that takes time is a job: `202`, `Location`, and a resource that is its own
status. Every error is `application/problem+json`. HEAD is answered wherever GET is, with the same status and headers and no body.

Creating requests take an `Idempotency-Key`: a name that you make up for the request, such as a UUID. Sent again under its key, as after
a timeout, a broken connection or a 5xx, a request makes nothing twice, whatever became of the first one.

* The same request under the same key (method, path, query and body; JSON in any order and spacing) gets the first answer
  again, with `Idempotency-Replayed: true`, for 24 hours. The answer is stored in the very commit that makes the thing: where
  the one is there, so is the other.
* Only success is kept. A request that was refused may be mended and sent under its key.
* 409 `idempotency-in-flight`: the first one is still being answered. Wait for `Retry-After` seconds and send it again.
* A first request that has not been answered for five minutes, because its server died, loses its key: the next request with the
  key is carried out in its place. Should the first one still be at work after all, it makes nothing and gets that 409. So
  keep sending for six minutes before you give up.
* 422 `idempotency-mismatch`: the key came with another request before. Use a fresh key for every thing that you want made.

Without a key, a 503 `outcome-unknown` says that nobody could find out whether the thing was made: look for it before you send the
request again. Requests that store nothing (`/v1/stability`, `dry_run=true`) need no key; `/v1/stability` does not look at one."""

_EXAMPLES = Path(__file__).with_name("examples.json")
_METHODS = ("get", "put", "post", "delete", "patch")

_ALWAYS = (
    "bad-request", "host-not-allowed", "headers-too-slow", "headers-too-large", "internal", "busy", "stored-data-damaged"
)  # fmt: skip
_WITH_KEY = ("unauthenticated", "forbidden")
_WITH_BODY = ("body-too-large", "body-too-slow", "storage-full")
_TYPED = {"application/json", "multipart/form-data"}
"""Bodies that are read as what they say that they are; tables and archives are known by their content."""
_CREATING = ("idempotency-in-flight", "idempotency-mismatch", "outcome-unknown")
_OF_OPERATION: dict[str, tuple[str, ...]] = {
    "upload_documents": ("unusable-documents", "limit-exceeded", "unsupported-media-type"),
    "create_persona_set": ("unusable-documents", "model-not-usable", "limit-exceeded"),
    "delete_persona_set": ("conflict",),
    "edit_persona_set": ("conflict",),
    "calibrate_persona_set": ("conflict",),
    "create_evaluation": ("model-not-usable", "limit-exceeded"),
    "add_human_score": ("outcome-unknown",),
    "delete_evaluation": ("conflict",),
    "create_batch": ("invalid-batch", "model-not-usable", "limit-exceeded"),
    "delete_batch": ("conflict",),
    "export_batch": ("conflict",),
    "import_batch": ("limit-exceeded",),
    "stream_results": ("conflict",),
    "read_report": ("conflict", "not-acceptable"),
    "read_transcript": ("conflict", "not-acceptable"),
    "read_run": ("conflict",),
    "measure_commitment": ("conflict", "model-not-usable"),
    "measure_adherence": ("conflict", "model-not-usable"),
    "report_on_ratings": ("invalid-ratings", "limit-exceeded", "not-acceptable"),
}

_JOB_HEADERS = {
    "Location": {"description": "The job's own status, and in the end its result.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds until it is worth looking.", "schema": {"type": "integer"}},
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Sent again with the same request, the first answer comes again, for 24 hours, and nothing is made twice. While the "
        "first is being answered, for five minutes at most, that is a 409: send it again after `Retry-After` seconds."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._:-]+$"},
}


def document(app: FastAPI) -> None:
    """Makes /openapi.json of `app` complete."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    description=DESCRIPTION,
                    routes=app.routes,
                    openapi_version="3.1.0",
                )
            )
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(schema: dict[str, Any]) -> dict[str, Any]:
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    components |= problem.pop("$defs", {})
    components["Problem"] = problem
    schema["components"]["examples"] = {
        kind.code: {"summary": kind.title, "value": _problem_example(kind)} for kind in CATALOGUE.values()
    }
    for path, method, operation in operations(schema):
        _add_headers(method, operation)
        _add_problems(path, method, operation)
        _add_examples(operation)
    return schema


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of every operation."""
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _creates(method: str, operation: dict[str, Any]) -> bool:
    """Inline documents of an assignment are stored, though it answers with 200."""
    made = {"201", "202"} & operation["responses"].keys()
    return method == "post" and (bool(made) or operation["operationId"] == "assign_documents")


def _add_headers(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if "202" in responses:
        responses["202"]["headers"] = _JOB_HEADERS
        if "200" in responses and method == "post":
            responses["200"]["description"] = "What it would spend (`dry_run=true`)."
        elif "200" in responses:
            responses["200"]["description"] = "It has been made already."
    if _creates(method, operation):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    if "security" in operation:
        operation["security"] = [*operation["security"], {}]


def _add_problems(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    kept_503 = responses.get("503")
    for status, kinds in _by_status(_codes(path, method, operation)).items():
        responses[status] = {
            "description": "; ".join(kind.title for kind in kinds),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {kind.code: {"$ref": f"#/components/examples/{kind.code}"} for kind in kinds},
                }
            },
        }
    if kept_503:
        responses["503"]["content"] |= kept_503["content"]
    operation["responses"] = dict(sorted(responses.items()))


def _codes(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    """Every problem that the operation may answer with."""
    parameters = operation.get("parameters", [])
    codes = [*_ALWAYS, *_OF_OPERATION.get(operation["operationId"], ())]
    if "security" in operation:
        codes += _WITH_KEY
    if "{" in path:
        codes.append("not-found")
    if parameters or "requestBody" in operation:
        codes.append("invalid-request")
    if any(parameter["name"] == "cursor" for parameter in parameters):
        codes += ["invalid-cursor", "limit-out-of-range"]
    if method in ("post", "put"):
        codes.append("origin-not-allowed")
    if "requestBody" in operation:
        codes += [*_WITH_BODY, "invalid-json"]
        if operation["requestBody"]["content"].keys() & _TYPED:
            codes.append("unsupported-media-type")
    if _creates(method, operation):
        codes += [*_CREATING, "not-found"]
    return list(dict.fromkeys(codes))


def _by_status(codes: list[str]) -> dict[str, list[Kind]]:
    grouped: dict[str, list[Kind]] = {}
    for code in codes:
        grouped.setdefault(str(CATALOGUE[code].status), []).append(CATALOGUE[code])
    return grouped


def _problem_example(kind: Kind) -> dict[str, Any]:
    return Problem(
        type=f"/problems/{kind.code}",
        title=kind.title,
        status=kind.status,
        detail=kind.meaning,
        instance="/v1/evaluations",
        code=kind.code,
        request_id="0b0e6f2d8e4b4b8f9d4c7a1e2f3a4b5c",
        retryable=kind.retryable,
    ).model_dump(mode="json")


@cache
def _examples() -> dict[str, Any]:
    """By operation id: `request` and `responses` by status, each by media type. Recorded from a running service."""
    found: dict[str, Any] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return found


def _add_examples(operation: dict[str, Any]) -> None:
    told = _examples().get(operation["operationId"], {})
    for media, value in told.get("request", {}).items():
        operation["requestBody"]["content"][media]["example"] = value
    for status, contents in told.get("responses", {}).items():
        for media, value in contents.items():
            operation["responses"][status].setdefault("content", {}).setdefault(media, {"schema": {"type": "string"}})[
                "example"
            ] = value
