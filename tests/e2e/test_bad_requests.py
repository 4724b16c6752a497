"""Bad input over REST: the field is named, the next step too, and nothing is half-stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import RUBRIC, Program, Service, item, until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, refusing: str) -> Iterator[Service]:
    """One service whose provider refuses its key."""
    settings = {
        "REHEARING_MODEL": "openai:bench",
        "REHEARING_BASE_URL": refusing,
        "REHEARING_API_KEY": "wrong",
    }
    rehearing = Program(tmp_path_factory.mktemp("bad-input"), settings)
    yield rehearing.serve()
    rehearing.stop()


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["code"] == code, told
    return told


def ndjson(service: Service, *lines: dict[str, Any], **head: Any) -> Any:
    body = {"batch": {"persona_set": service.persona_set(), "rubric": RUBRIC, **head}}
    text = "".join(json.dumps(line) + "\n" for line in (body, *lines))
    return service.client.post("/v1/batches", content=text, headers={"Content-Type": "application/x-ndjson"})


@pytest.fixture
def nothing_stored(service: Service) -> Iterator[None]:
    """No batch and no evaluation more after the test than before."""

    def stored() -> list[str]:
        return [
            row["id"] for kind in ("batches", "evaluations") for row in service.client.get(f"/v1/{kind}").json()["data"]
        ]

    before = stored()
    yield
    assert stored() == before


def test_rest_an_empty_document_set(service: Service) -> None:
    told = refused(service.client.post("/v1/persona-sets", json={"documents": []}), 422, "invalid-request")
    assert "documents" in json.dumps(told["errors"])
    assert "give either documents (ids) or personas" in json.dumps(told)


def test_rest_a_binary_document(service: Service) -> None:
    sent = service.client.post("/v1/documents", files={"files": ("notes.txt", b"PK\x00\x01" * 100, "text/plain")})
    assert sent.status_code >= 400
    assert sent.headers["content-type"] == "application/problem+json"
    assert "notes.txt" in sent.text
    assert "binary" in sent.text
    assert service.client.get("/v1/documents").json()["data"] == []


@pytest.mark.usefixtures("nothing_stored")
def test_rest_a_batch_with_an_id_twice(service: Service) -> None:
    line = {"custom_id": "a", "item": item(1)}
    told = refused(ndjson(service, line, line), 422, "invalid-batch")
    assert told["errors"][0]["code"] == "duplicate_custom_id"
    assert "line" in told["errors"][0]["pointer"]


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"item": {**item(1), "colour": "red"}}, "/item/colour"),
        ({"rubric": {**RUBRIC, "dimensions": [{**RUBRIC["dimensions"][0], "pass_threshold": 9}]}}, "/rubric"),
        ({"protocol": {"arms": ["shouting"]}}, "/protocol/arms/0"),
        ({"repeats": 0}, "/repeats"),
    ],
)
def test_rest_each_wrong_field_is_named(service: Service, change: dict[str, Any], pointer: str) -> None:
    body = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item(1), **change}
    told = refused(service.client.post("/v1/evaluations", json=body), 422, "invalid-request")
    assert any(error["pointer"].startswith(pointer) for error in told["errors"]), told


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("model", ["nonsense:x", "openai:x@http://169.254.169.254/v1", "simulated:noise=1"])
def test_rest_an_unknown_model(service: Service, model: str) -> None:
    body = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item(1), "models": [model]}
    response = service.client.post("/v1/evaluations", json=body)
    assert response.status_code in (400, 422), response.text
    assert "model" in json.dumps(response.json())


def ended(service: Service, **changed: Any) -> dict[str, Any]:
    body = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item(1), **changed}
    path = service.client.post("/v1/evaluations", json=body).raise_for_status().headers["location"]
    until(
        lambda: service.client.get(path).json()["status"] not in ("queued", "running"),
        lambda: service.client.get(path).text,
    )
    told: dict[str, Any] = service.client.get(path).json()
    return told


def test_rest_a_wrong_key_fails_the_evaluation_and_says_so(service: Service) -> None:
    told = ended(service)
    assert told["status"] == "failed"
    assert "Check the API key" in json.dumps(told)
    assert all(score["value"] is None for arm in (told["scores"] or {}).values() for score in arm.values())
