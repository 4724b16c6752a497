"""Keys, scopes and owners: another owner's row is a 404, and no door stands open by accident."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import sqlalchemy as sa

from service.api import refuse_open_door
from service.api.callers import OpenDoorError
from service.application import Scope, open_application
from service.settings import Settings
from tests.service.api.conftest import RUBRIC, Serve, Service, problem

READING = [
    "/v1/documents",
    "/v1/persona-sets",
    "/v1/evaluations",
    "/v1/batches",
    "/v1/rubrics",
    "/metrics",
]


@pytest.mark.parametrize("path", READING)
async def test_beyond_loopback_a_key_is_needed(serve: Serve, path: str) -> None:
    async with serve(host="0.0.0.0") as service:
        response = await service.client.get(path)
        problem(response, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"
        assert (await service.client.get(path, headers=await service.key("ada", Scope.READ))).status_code == 200


async def test_health_needs_no_key(serve: Serve) -> None:
    async with serve(host="0.0.0.0") as service:
        assert (await service.client.get("/livez")).status_code == 200
        assert (await service.client.get("/version")).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Bearer rh_" + "x" * 43,
        "rh_123456789",
        "Bearer " + "x" * 5000,
        "Bearer \xff\xff\xff\xff\xff\xff\xff\xff",
    ],
)
async def test_a_key_that_is_not_good_is_refused_on_loopback_too(service: Service, header: str) -> None:
    response = await service.client.get("/v1/rubrics", headers=[(b"authorization", header.encode("latin-1"))])
    problem(response, "unauthenticated")


async def test_a_revoked_key_is_refused(service: Service) -> None:
    record, secret = await service.application.keys.create("k", "ada", (Scope.READ,))
    headers = {"Authorization": f"Bearer {secret}"}
    assert (await service.client.get("/v1/rubrics", headers=headers)).status_code == 200
    await service.application.keys.revoke(record.id)
    problem(await service.client.get("/v1/rubrics", headers=headers), "unauthenticated")


async def test_a_reading_key_cannot_write(service: Service) -> None:
    headers = await service.key("ada", Scope.READ)
    told = problem(await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers), "forbidden")
    assert "write" in told["detail"]
    assert (await service.client.get("/v1/rubrics", headers=headers)).json()["data"] == []


async def test_another_owners_row_is_not_found_and_not_listed(service: Service) -> None:
    ada, ben = await service.key("ada", Scope.WRITE), await service.key("ben", Scope.WRITE)
    admin = await service.key("root", Scope.ADMIN)
    files = {"files": ("a.txt", b"As a nurse, I want to be heard.", "text/plain")}
    made = await service.client.post("/v1/documents", files=files, headers=ada)
    path = f"/v1/documents/{made.json()['documents'][0]['id']}"
    for method in ("GET", "DELETE"):
        theirs = problem(await service.client.request(method, path, headers=ben), "not-found")
        nobodys = path.rpartition("_")[0] + "_" + "0" * 26
        none = problem(await service.client.request(method, nobodys, headers=ben), "not-found")
        own = {"instance", "request_id", "detail"}
        assert {**theirs, **dict.fromkeys(own)} == {**none, **dict.fromkeys(own)}
        assert theirs["detail"].replace(path[-29:], "") == none["detail"].replace(nobodys[-29:], "")
    assert (await service.client.get("/v1/documents", headers=ben)).json()["data"] == []
    assert (await service.client.get(path, headers=ada)).status_code == 200
    assert (await service.client.get(path, headers=admin)).status_code == 200


async def test_the_secret_is_in_no_answer_and_only_its_hash_is_stored(service: Service) -> None:
    record, secret = await service.application.keys.create("k", "ada", (Scope.ADMIN,))
    response = await service.client.get("/v1/rubrics", headers={"Authorization": f"Bearer {secret}"})
    assert secret not in response.text + str(response.headers)
    assert secret not in str(await service.application.keys.list())
    stored = b"".join(path.read_bytes() for path in service.application.settings.data_dir.iterdir() if path.is_file())
    assert record.id.encode() in stored
    assert secret.encode() not in stored


async def test_no_door_stands_open_by_accident(settings: Settings) -> None:
    public = settings.model_copy(update={"host": "0.0.0.0"})
    async with open_application(public) as application:
        with pytest.raises(OpenDoorError, match="rehearing keys create"):
            await refuse_open_door(application, public)
        await refuse_open_door(application, public.model_copy(update={"unsafe_no_auth": True}))
        await refuse_open_door(application, settings)
        await application.keys.create("k", "ada", (Scope.READ,))
        await refuse_open_door(application, public)


async def test_who_gave_up_keys_in_so_many_words_needs_none(serve: Serve) -> None:
    async with serve(host="0.0.0.0", unsafe_no_auth=True) as service:
        assert (await service.client.get("/v1/rubrics")).status_code == 200


async def test_a_key_is_looked_up_by_the_digest_of_all_of_it(serve: Serve, database: dict[str, Any]) -> None:
    """The database compares digests alone, so how long it takes says nothing about how much of a guess was right."""
    async with serve(**database) as service:
        _, secret = await service.application.keys.create("k", "ada", (Scope.READ,))
        for given, status in ((secret, 200), (secret[:-1] + "!", 401), (secret.upper(), 401)):
            asked: list[str] = []

            def note(*told: Any, asked: list[str] = asked) -> None:
                asked.append(f"{told[2]} {told[3]}")

            sa.event.listen(sa.Engine, "before_cursor_execute", note)
            response = await service.client.get("/v1/rubrics", headers={"Authorization": f"Bearer {given}"})
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
            assert response.status_code == status
            assert [one for one in asked if hashlib.sha256(given.encode()).hexdigest() in one]
            assert not [one for one in asked if secret[:8] in one]
