"""POST /v1/persona-sets/{id}/edit: a new set that names its parent."""

from __future__ import annotations

from typing import Any

from service.application import Scope
from tests.service.api.conftest import PERSONAS, Service, problem

EDIT: dict[str, Any] = {
    "name": "ward, shorter",
    "merge": [{"ids": ["patient-1", "nurse-1"], "name": "Ward"}],
    "change": {"engineer-1": {"perspective": "exact figures, with their units"}},
    "pin": ["patient-1"],
}


async def test_an_edited_set_is_another_with_its_parent(service: Service) -> None:
    old = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS, "name": "ward"})).json()
    path, headers = f"/v1/persona-sets/{old['id']}/edit", {"Idempotency-Key": "edit-1"}
    made = await service.client.post(path, json=EDIT, headers=headers)
    assert made.status_code == 201, made.text
    new = made.json()
    assert (new["parent"], new["name"], new["status"]) == (old["id"], "ward, shorter", "completed")
    assert [(one["id"], one["name"], one["pinned"]) for one in new["persona_set"]["personas"]] == [
        ("patient-1", "Ward", True),
        ("engineer-1", "Engineer", False),
    ]
    assert (await service.client.get(made.headers["location"])).json() == new
    assert (await service.client.get(f"/v1/persona-sets/{old['id']}")).json() == old
    again = await service.client.post(path, json=EDIT, headers=headers)
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", new)


async def test_what_cannot_be_edited_names_the_change(service: Service) -> None:
    old = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})).json()
    path = f"/v1/persona-sets/{old['id']}/edit"
    for body, pointer in (
        ({}, "/"),
        ({"drop": ["nobody"]}, "/drop"),
        ({"merge": [{"ids": ["nurse-1"]}]}, "/merge/0/ids"),
        ({"change": {"nurse-1": {"excerpts": []}}}, "/change/nurse-1"),
        ({"drop": [one["id"] for one in PERSONAS]}, "/drop"),
    ):
        told = problem(await service.client.post(path, json=body), "invalid-request")
        assert told["errors"][0]["pointer"].rstrip("/") == pointer.rstrip("/"), told


async def test_a_set_that_is_being_built_cannot_be_edited(service: Service) -> None:
    asked = {"documents": [{"text": "As a nurse, I want to be heard."}]}
    queued = (await service.client.post("/v1/persona-sets", json=asked)).json()
    answer = await service.client.post(f"/v1/persona-sets/{queued['id']}/edit", json={"pin": ["nurse-1"]})
    assert "queued" in problem(answer, "conflict")["detail"]


async def test_an_edit_needs_the_owner_and_the_right_to_write(service: Service) -> None:
    ada, ben = await service.key("ada", Scope.WRITE), await service.key("ben", Scope.WRITE)
    old = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS}, headers=ada)).json()
    path = f"/v1/persona-sets/{old['id']}/edit"
    problem(await service.client.post(path, json=EDIT, headers=ben), "not-found")
    reader = await service.key("ada", Scope.READ)
    problem(await service.client.post(path, json=EDIT, headers=reader), "forbidden")
    assert (await service.client.post(path, json=EDIT, headers=ada)).status_code == 201
