"""Another owner's id is nobody's id, on both databases: 404 from every operation that takes one, and no use of it in any body."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.application import Scope
from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, kept_operations, problem

PUBLIC = ("/problems/{slug}", "/v1/prompts/{sha256}")
TAKING_IDS = [(method, path) for path, method, _ in kept_operations() if "{" in path and path not in PUBLIC]
BODIES: dict[str, Any] = {
    "/v1/evaluations/{evaluation_id}/human-score": {"dimension": "clarity", "value": 2},
    "/v1/evaluations/{evaluation_id}/runs/{run_id}/commitment": {"times": 2},
    "/v1/evaluations/{evaluation_id}/runs/{run_id}/adherence": {"times": 2},
    "/v1/persona-sets/{persona_set_id}/edit": {"pin": ["nurse-1"]},
    "/v1/persona-sets/{persona_set_id}/calibrate": {"margins": {"group": {"patient": 0.7, "nurse": 0.3}}},
    "/v1/persona-sets/{persona_set_id}/assign": {"documents": [{"text": "As a nurse, I want to be heard."}]},
}


class Owned:
    """One of everything, made by ada."""

    def __init__(self, service: Service, headers: dict[str, str]) -> None:
        self._service, self._headers = service, headers
        self.ids: dict[str, str] = {"turn_id": "alone/nurse-1", "probe": "commitment"}

    async def post(self, path: str, name: str, **body: Any) -> dict[str, Any]:
        made = await self._service.client.post(path, headers=self._headers, **body)
        assert made.is_success, made.text
        told: dict[str, Any] = made.json()
        self.ids[name] = told["documents"][0]["id"] if name == "document_id" else told["id"]
        return told

    async def fill(self) -> None:
        await self.post("/v1/documents", "document_id", files={"files": ("a.txt", b"As a nurse, I want to be heard.")})
        await self.post("/v1/persona-sets", "persona_set_id", json={"personas": PERSONAS})
        await self.post("/v1/rubrics", "rubric_id", json=RUBRIC)
        hearing = {"persona_set": self.ids["persona_set_id"], "rubric": self.ids["rubric_id"]}
        await self.post("/v1/evaluations", "evaluation_id", json={**hearing, "item": ITEM})
        lines = [{"batch": hearing}, {"custom_id": "one", "item": ITEM}]
        content = "".join(json.dumps(line) + "\n" for line in lines)
        media = {"content-type": "application/x-ndjson"}
        self._headers |= media
        await self.post("/v1/batches", "batch_id", content=content)
        del self._headers["content-type"]
        runs = await self._service.client.get(
            f"/v1/evaluations/{self.ids['evaluation_id']}/runs", headers=self._headers
        )
        self.ids["run_id"] = runs.json()["data"][0]["id"]


@pytest.fixture
async def service(serve: Serve, database: dict[str, Any]) -> AsyncIterator[Service]:
    """On each database."""
    async with serve(**database) as opened:
        yield opened


@pytest.fixture
async def owned(service: Service) -> Owned:
    made = Owned(service, await service.key("ada", Scope.WRITE))
    await made.fill()
    return made


async def test_no_operation_admits_that_another_owners_row_is_there(service: Service, owned: Owned) -> None:
    ben = await service.key("ben", Scope.WRITE)
    assert len(TAKING_IDS) > 15
    for method, path in TAKING_IDS:
        body = {"json": BODIES[path]} if path in BODIES and method != "get" else {}
        response = await service.client.request(method, path.format(**owned.ids), headers=ben, **body)
        assert response.status_code == 404, f"{method} {path}: {response.text}"
        problem(response, "not-found")


async def test_no_body_can_use_another_owners_row(service: Service, owned: Owned) -> None:
    ben = await service.key("ben", Scope.WRITE)
    own = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS}, headers=ben)).json()["id"]
    for path, body in (
        ("/v1/evaluations", {"persona_set": owned.ids["persona_set_id"], "rubric": RUBRIC, "item": ITEM}),
        ("/v1/evaluations", {"persona_set": own, "rubric": owned.ids["rubric_id"], "item": ITEM}),
        ("/v1/persona-sets", {"documents": [owned.ids["document_id"]]}),
    ):
        response = await service.client.post(path, json=body, headers=ben)
        assert response.status_code in (404, 422), response.text
    for path in ("/v1/evaluations", "/v1/batches", "/v1/documents", "/v1/rubrics"):
        assert (await service.client.get(path, headers=ben)).json()["data"] == [], path


async def test_a_revoked_key_loses_its_own_rows_too(service: Service) -> None:
    record, secret = await service.application.keys.create("k", "eve", (Scope.WRITE,))
    headers = {"Authorization": f"Bearer {secret}"}
    made = await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers)
    await service.application.keys.revoke(record.id)
    problem(await service.client.get(made.headers["location"], headers=headers), "unauthenticated")
