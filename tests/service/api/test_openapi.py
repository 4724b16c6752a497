"""The OpenAPI document: kept in docs, complete, and every example in it is valid."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from service.api.app import openapi_text
from tests.service.api.conftest import KEPT, Service, kept_operations

SCHEMA: dict[str, Any] = json.loads(KEPT.read_text())
"""The kept document: quicker to read than to make, and the first test says whether it is the present one."""
OPERATIONS = {operation["operationId"]: (path, method, operation) for path, method, operation in kept_operations()}


def test_the_kept_document_is_the_present_one() -> None:
    assert KEPT.read_text() == openapi_text(), "the API changed: `python -m service.api > docs/openapi.json`"


async def test_the_served_document_is_the_kept_one(service: Service) -> None:
    assert (await service.client.get("/openapi.json")).json() == SCHEMA


def validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": SCHEMA["components"]})


def examples(content: dict[str, Any]) -> list[Any]:
    if "example" in content:
        return [content["example"]]
    named = [one["$ref"].rpartition("/")[2] for one in content.get("examples", {}).values()]
    return [SCHEMA["components"]["examples"][name]["value"] for name in named]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_told_with_examples_that_hold(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    for status, response in operation["responses"].items():
        assert response["description"]
        for media, content in response.get("content", {}).items():
            if status == "503" and media == "application/json":
                continue  # the same shape as its 200
            told = examples(content)
            assert told, f"{status} {media} has no example"
            if media.endswith("json"):
                for example in told:
                    assert validator(content["schema"]).is_valid(example), list(
                        validator(content["schema"]).iter_errors(example)
                    )
    bodies = operation.get("requestBody", {}).get("content", {})
    if bodies and "multipart/form-data" not in bodies:
        told = {media: examples(content) for media, content in bodies.items()}
        assert any(told.values()), f"no example of a body: {told}"
        for example in told.get("application/json", []):
            assert validator(bodies["application/json"]["schema"]).is_valid(example)


def test_every_error_is_documented_as_a_problem() -> None:
    for _, _, operation in OPERATIONS.values():
        assert {"400", "500", "503"} <= operation["responses"].keys()
        for status, response in operation["responses"].items():
            if status >= "400":
                assert "application/problem+json" in response["content"]


def test_creating_operations_take_an_idempotency_key_and_jobs_say_where_they_are() -> None:
    made = {name for name, (_, _, told) in OPERATIONS.items() if {"201", "202"} & told["responses"].keys()}
    creating = {name for name in made if OPERATIONS[name][1] == "post"}
    assert made - creating == {"measure_commitment", "measure_adherence", "remake_report"}, "a PUT needs no key"
    assert creating == {
        "upload_documents",
        "create_persona_set",
        "edit_persona_set",
        "calibrate_persona_set",
        "store_rubric",
        "create_evaluation",
        "create_batch",
        "import_batch",
    }
    for name in creating:
        told = OPERATIONS[name][2]
        assert "Idempotency-Key" in [parameter["name"] for parameter in told["parameters"]]
    for name in made:
        told = OPERATIONS[name][2]
        if "202" in told["responses"]:
            assert {"Location", "Retry-After"} <= told["responses"]["202"]["headers"].keys()


def test_no_answer_is_an_object_of_any_shape() -> None:
    """Every object says its fields, or of what its values are; but for those whose keys are a caller's or a provider's."""
    free = [place for name, schema in SCHEMA["components"]["schemas"].items() for place in _free(schema, name)]
    assert set(free) == {
        "Call/settings",
        "PersonaSetBody/options",
        "PersonaSetEdit/change/additionalProperties",
    }


def _free(schema: Any, place: str) -> list[str]:
    """Where a schema allows an object without a word of what is in it."""
    if isinstance(schema, list):
        return [found for part in schema for found in _free(part, place)]
    if not isinstance(schema, dict):
        return []
    silent = schema.get("type") == "object" and "properties" not in schema
    here = [place] if silent and schema.get("additionalProperties") in (None, True, {}) else []
    inner = {key: part for key, part in schema.items() if key not in ("example", "examples", "default")}
    return here + [
        found
        for key, part in inner.items()
        for found in _free(part, place if key in ("properties", "anyOf", "$defs") else f"{place}/{key}")
    ]
