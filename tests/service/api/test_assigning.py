"""POST /v1/persona-sets/{id}/assign: new documents against a set that stays as it is."""

from __future__ import annotations

import asyncio

import pytest

from clustering import Document, PersonaSet, build_persona_set, open_embedder
from service.application import Scope
from tests.service.api.conftest import PERSONAS, Service, problem

STORIES = "\n\n".join(
    f"As a {role}, I want {wish}."
    for role, wishes in {
        "ward nurse": [
            "the drug chart at the bedside",
            "a handover without three screens",
            "sleep after a night shift",
        ],
        "patient": ["to read my own results", "to know who will see me tomorrow", "to tell my story only once"],
    }.items()
    for wish in wishes
)
NURSE = "As a night nurse, I want a quiet room."
BEEKEEPER = "As a beekeeper, I want fewer pesticides on the rape fields."


@pytest.fixture(scope="module")
def built() -> PersonaSet:
    return asyncio.run(build_persona_set([Document(id="s", text=STORIES)], embedder=open_embedder()))


async def test_each_statement_finds_its_group_or_none(service: Service, built: PersonaSet) -> None:
    record = await service.application.persona_sets.store_set(None, "ward", built)
    upload = {"files": ("letter.txt", NURSE.encode())}
    stored = (await service.client.post("/v1/documents", files=upload)).json()["documents"][0]
    path, body = f"/v1/persona-sets/{record.id}/assign", {"documents": [stored["id"], {"text": BEEKEEPER}]}
    headers = {"Idempotency-Key": "assign-1"}
    answer = await service.client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["statements"], told["does_not_fit"], told["groups"]) == (2, 1, {"ward-nurse": 1})
    nurse, beekeeper = told["assignments"]
    assert (nurse["group_id"], nurse["span"]["document_id"], nurse["quote"]) == ("ward-nurse", stored["id"], NURSE)
    assert (beekeeper["group_id"], beekeeper["stakeholder"]) == (None, "beekeeper")
    inline = (await service.client.get(f"/v1/documents/{beekeeper['span']['document_id']}")).json()
    assert inline["text"][beekeeper["span"]["start"] : beekeeper["span"]["end"]] == beekeeper["quote"]
    again = await service.client.post(path, json=body, headers=headers)
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", told)
    assert (await service.client.get(f"/v1/persona-sets/{record.id}")).json()["persona_set"]["content_hash"] == (
        built.content_hash
    )


async def test_what_cannot_be_assigned_says_why_and_stores_nothing(service: Service, built: PersonaSet) -> None:
    record = await service.application.persona_sets.store_set(None, "ward", built)
    path = f"/v1/persona-sets/{record.id}/assign"
    told = problem(await service.client.post(path, json={"documents": ["do_none"]}), "invalid-request")
    assert told["errors"][0]["pointer"] == "/documents"
    problem(await service.client.post(path, json={"documents": []}), "invalid-request")
    given = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})).json()["id"]
    inline = {"documents": [{"text": NURSE}]}
    answer = problem(await service.client.post(f"/v1/persona-sets/{given}/assign", json=inline), "conflict")
    assert "no statements" in answer["detail"]
    queued = (await service.client.post("/v1/persona-sets", json=inline)).json()
    kept = len((await service.client.get("/v1/documents")).json()["data"])
    answer = problem(await service.client.post(f"/v1/persona-sets/{queued['id']}/assign", json=inline), "conflict")
    assert "queued" in answer["detail"]
    problem(await service.client.post("/v1/persona-sets/ps_none/assign", json=inline), "not-found")
    assert len((await service.client.get("/v1/documents")).json()["data"]) == kept, "nothing is left behind"


async def test_assigning_needs_the_owner_and_the_right_to_write(service: Service, built: PersonaSet) -> None:
    ada, ben = await service.key("ada", Scope.WRITE), await service.key("ben", Scope.WRITE)
    reader = await service.key("ada", Scope.READ)
    record = await service.application.persona_sets.store_set("ada", "ward", built)
    path, body = f"/v1/persona-sets/{record.id}/assign", {"documents": [{"text": NURSE}]}
    problem(await service.client.post(path, json=body, headers=ben), "not-found")
    problem(await service.client.post(path, json=body, headers=reader), "forbidden")
    assert (await service.client.post(path, json=body, headers=ada)).status_code == 200
