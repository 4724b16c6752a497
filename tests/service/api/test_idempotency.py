"""Idempotency-Key: one effect, one answer, however often and however much at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from service.application import Scope
from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, problem

DOCUMENT = ("minutes.txt", b"As a nurse, I want the readings to be looked at.", "text/plain")


async def count(service: Service, path: str, **options: Any) -> int:
    return len((await service.client.get(path, **options)).json()["data"])


async def test_the_same_request_again_gives_the_first_answer(service: Service) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await service.client.post("/v1/documents", files={"files": DOCUMENT}, headers=headers)
    again = await service.client.post("/v1/documents", files={"files": DOCUMENT}, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await count(service, "/v1/documents") == 1


async def test_order_and_spacing_of_json_do_not_matter_and_location_comes_again(service: Service) -> None:
    headers = {"Idempotency-Key": "two", "Content-Type": "application/json"}
    first = await service.client.post("/v1/rubrics", content=json.dumps(RUBRIC), headers=headers)
    turned = dict(reversed(RUBRIC.items()))
    again = await service.client.post("/v1/rubrics", content=json.dumps(turned, indent=2), headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]


@pytest.mark.parametrize("change", ["body", "query", "path"])
async def test_another_request_under_the_same_key_is_refused(service: Service, change: str) -> None:
    headers = {"Idempotency-Key": "three"}
    await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers)
    match change:
        case "body":
            response = await service.client.post("/v1/rubrics", json={**RUBRIC, "name": "Other"}, headers=headers)
        case "query":
            response = await service.client.post("/v1/rubrics?x=1", json=RUBRIC, headers=headers)
        case _:
            response = await service.client.post("/v1/evaluations", json=RUBRIC, headers=headers)
    assert response.status_code == 422
    problem(response, "idempotency-mismatch")


async def test_fifty_clients_at_once_make_one_thing(serve: Serve, database: dict[str, Any]) -> None:
    async with serve(**database) as service:
        persona_set = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})).json()["id"]
        hearing = {"persona_set": persona_set, "rubric": RUBRIC}
        lines = [{"batch": hearing}, *({"custom_id": f"c{n}", "item": {**ITEM, "id": f"i{n}"}} for n in range(3))]
        batch = "".join(json.dumps(line) + "\n" for line in lines)
        for path, body in {
            "/v1/documents": {"files": {"files": DOCUMENT}},
            "/v1/evaluations": {"json": {**hearing, "item": ITEM}},
            "/v1/batches": {"content": batch, "headers": {"Content-Type": "application/x-ndjson"}},
            "/v1/persona-sets": {"json": {"documents": [{"text": "As a nurse, I want it quiet at night."}]}},
        }.items():
            before = await count(service, path)
            await _one_answer(service, path, **body)
            assert await count(service, path) == before + 1, path


async def _one_answer(service: Service, path: str, headers: dict[str, str] | None = None, **body: Any) -> None:
    """Sends the same request fifty times at once; what was answered is one answer, and the others are told to wait."""
    named = {**(headers or {}), "Idempotency-Key": "fifty" + path}
    answers = await asyncio.gather(*(service.client.post(path, headers=named, **body) for _ in range(50)))
    good = [answer for answer in answers if answer.is_success]
    assert len({(answer.status_code, answer.content, answer.headers.get("location")) for answer in good}) == 1, path
    assert sum("idempotency-replayed" not in answer.headers for answer in good) == 1
    for answer in answers:
        if not answer.is_success:
            assert problem(answer, "idempotency-in-flight")["retryable"] is True
            assert answer.headers["retry-after"] == "1"
    again = await service.client.post(path, headers=named, **body)
    assert again.content == good[0].content


async def test_a_request_that_was_refused_may_be_mended_under_its_key(service: Service) -> None:
    headers = {"Idempotency-Key": "four"}
    wrong = await service.client.post("/v1/rubrics", json={**RUBRIC, "name": ""}, headers=headers)
    problem(wrong, "invalid-request")
    assert (await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers)).status_code == 201


async def test_a_request_that_broke_gives_its_key_back(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Idempotency-Key": "five"}

    async def broken(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(service.application.rubrics, "put", broken)
        problem(await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers), "internal")
    assert (await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers)).status_code == 201


async def test_two_owners_do_not_share_keys(serve: Serve) -> None:
    async with serve() as service:
        for owner in ("ada", "ben"):
            headers = {"Idempotency-Key": "same", **await service.key(owner, Scope.WRITE)}
            response = await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers)
            assert response.status_code == 201
            assert "idempotency-replayed" not in response.headers


@pytest.mark.parametrize("key", ["", "a" * 201, "snow\u2603"])
async def test_a_key_that_is_none(service: Service, key: str) -> None:
    headers = httpx.Headers([(b"idempotency-key", key.encode())])
    problem(await service.client.post("/v1/rubrics", json=RUBRIC, headers=headers), "bad-request")


async def test_where_nothing_is_stored_a_key_is_not_looked_at(service: Service) -> None:
    """The same table gives the same report anyway; another table under the key is no mistake."""
    rows = ["item,persona,run,score", *(f"{i},{p},{r},{(i + r) % 5}" for i in range(4) for p in "ab" for r in (0, 1))]
    asked = {"headers": {"Idempotency-Key": "any", "Content-Type": "text/csv"}}
    first, again, other = [
        await service.client.post("/v1/stability", content="\n".join(some), **asked) for some in (rows, rows, rows[:-4])
    ]
    assert first.status_code == again.status_code == other.status_code == 200
    assert first.content == again.content != other.content
    assert "idempotency-replayed" not in again.headers
    made = await service.client.post("/v1/rubrics", json=RUBRIC, headers={"Idempotency-Key": "any"})
    assert made.status_code == 201, "the key is still free"
