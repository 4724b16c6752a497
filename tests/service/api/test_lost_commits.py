"""The database breaks off in the very moment of a commit: whoever asks again gets one thing, whichever commit it was."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from service.store import creating
from service.store.one_thread import OneThread
from tests.servers.swallowing_proxy import swallowing_proxy
from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, problem

WORDS = "As a nurse, I want the readings to be looked at."
DOCUMENT = ("minutes.txt", WORDS.encode(), "text/plain")
RESOURCES = ("documents", "persona-sets", "persona-sets of documents", "edits", "evaluations", "batches", "rubrics")
COUNTED = ("documents", "persona-sets", "evaluations", "batches", "rubrics")
_FILES: WeakKeyDictionary[Service, bytes] = WeakKeyDictionary()


class Breaking:
    """Breaks the writing connection at the commit of a given number, counted from `arm`."""

    def __init__(self, original: Any) -> None:
        self._original = original
        self._left = -1
        self._made = self._stays_away = False
        self.broken = False

    def arm(self, number: int, *, made: bool, stays_away: bool) -> None:
        """made: the commit is carried out, and its answer lost; else it never came. stays_away: until `mend`."""
        self._left, self._made, self._stays_away, self.broken = number, made, stays_away, False

    def mend(self) -> None:
        self._left, self._stays_away = -1, False

    def commit(self, thread: OneThread, operations: Any) -> Any:
        if self.broken and self._stays_away:
            raise self._lost()
        breaks, self._left = self._left == 0, self._left - 1
        if not breaks:
            return self._original(thread, operations)
        self.broken = True
        self._original(thread, operations if self._made else [*operations, self._undo])
        raise self._lost()

    async def _undo(self, connection: Any) -> None:
        raise self._lost()

    def _lost(self) -> sa.exc.OperationalError:
        return sa.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch) -> Breaking:
    made = Breaking(OneThread._commit)
    monkeypatch.setattr(OneThread, "_commit", lambda thread, operations: made.commit(thread, operations))
    return made


async def body_of(service: Service, resource: str, name: str) -> tuple[str, dict[str, Any]]:
    """Where a creating request goes, and what it sends."""
    if resource == "documents":
        more = ("more.txt", b"As a patient, I want to be called.", "text/plain")
        return "/v1/documents", {"files": [("files", DOCUMENT), ("files", more)]}
    if resource == "rubrics":
        return "/v1/rubrics", {"json": {**RUBRIC, "name": name}}
    if resource == "persona-sets of documents":
        return "/v1/persona-sets", {"json": {"name": name, "documents": [{"text": WORDS}]}}
    if resource == "persona-sets":
        return "/v1/persona-sets", {"json": {"name": name, "personas": PERSONAS}}
    if resource == "edits":
        edit = {"name": name, "drop": [PERSONAS[0]["id"]]}
        return f"/v1/persona-sets/{await persona_set_of(service)}/edit", {"json": edit}
    if resource == "imports":
        return "/v1/batches/import", {
            "content": await exported(service),
            "headers": {"Content-Type": "application/gzip"},
        }
    hearing = {"persona_set": await persona_set_of(service), "rubric": RUBRIC}
    if resource == "evaluations":
        return "/v1/evaluations", {"json": {**hearing, "item": ITEM}}
    lines = [
        {"batch": {**hearing, "name": name}},
        *({"custom_id": f"c{n}", "item": {**ITEM, "id": f"i{n}"}} for n in range(5)),
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return "/v1/batches", {"content": text, "headers": {"Content-Type": "application/x-ndjson"}}


async def persona_set_of(service: Service) -> str:
    """The first that was made, of all personas."""
    found = (await service.application.persona_sets.list(None, limit=100)).rows
    if not found:
        await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})
        return await persona_set_of(service)
    return found[-1].id


async def exported(service: Service) -> bytes:
    """A cancelled batch as a file; the same for every request to this service."""
    if service not in _FILES:
        path, body = await body_of(service, "batches", "to be moved")
        made = (await service.client.post(path, **body)).headers["location"]
        await service.client.post(f"{made}/cancel")
        _FILES[service] = (await service.client.get(f"{made}/export")).content
    return _FILES[service]


async def counts(service: Service) -> dict[str, int]:
    """How many of each a caller sees; read without HTTP, which takes ten times as long."""
    uses = service.application
    listed: tuple[Any, ...] = (uses.documents, uses.persona_sets, uses.evaluations, uses.batches, uses.rubrics)
    return {name: len((await use.list(None, limit=100)).rows) for name, use in zip(COUNTED, listed, strict=True)}


async def send(service: Service, path: str, key: str | None, body: dict[str, Any]) -> httpx.Response:
    headers = dict(body.get("headers", {})) | ({} if key is None else {"Idempotency-Key": key})
    return await service.client.post(path, **body | {"headers": headers})


async def send_until_answered(service: Service, path: str, key: str, body: dict[str, Any]) -> httpx.Response:
    """As a client does: it comes again while it is told that its first request is in flight."""
    while True:
        answer = await send(service, path, key, body)
        if answer.status_code != 409:
            return answer
        problem(answer, "idempotency-in-flight")
        await asyncio.sleep(0.05)


async def difference(service: Service, before: dict[str, int]) -> dict[str, int]:
    now = await counts(service)
    return {name: now[name] - before[name] for name in COUNTED if now[name] != before[name]}


async def usually(service: Service, resource: str) -> dict[str, int]:
    """What a request makes of which nothing is there yet but its rubric."""
    for name in ("first", "second"):
        path, body = await body_of(service, resource, name)
        before = await counts(service)
        assert (await send(service, path, None, body)).is_success
    made = await difference(service, before)
    assert made
    return made


@contextmanager
def small_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr("service.application.batches.ROWS", 2)
        yield


@pytest.mark.parametrize("made", [True, False], ids=["made", "not made"])
@pytest.mark.parametrize("resource", [*RESOURCES, "imports"])
async def test_a_commit_whose_answer_is_lost_is_found_out_about(
    serve: Serve,
    database: dict[str, Any],
    breaking: Breaking,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    made: bool,
) -> None:
    """The database is back at once: nobody notices, with a key and without, whichever commit of the request it was."""
    monkeypatch.setattr(creating, "PATIENCE_S", 60.0)  # a busy machine is no database that stays away
    async with serve(**database) as service:
        with small_steps(monkeypatch):
            usual = await usually(service, resource)
            for key in (True, False):
                number = 0
                while True:
                    name = f"{resource} {made} {key} {number}"
                    path, body = await body_of(service, resource, name)
                    before = await counts(service)
                    breaking.arm(number, made=made, stays_away=False)
                    answer = await send(service, path, name if key else None, body)
                    breaking.mend()
                    assert answer.is_success, answer.text
                    assert await difference(service, before) == usual, number
                    if not breaking.broken:
                        break
                    number += 1
                assert number > 0, "nothing was broken"


@pytest.mark.parametrize("made", [True, False], ids=["made", "not made"])
@pytest.mark.parametrize("resource", RESOURCES)
async def test_a_key_makes_one_thing_where_the_database_stays_away(
    serve: Serve,
    database: dict[str, Any],
    breaking: Breaking,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
    made: bool,
) -> None:
    """It stays away for longer than the service waits: 503, and the same request again makes one thing in all."""
    monkeypatch.setattr(creating, "PATIENCE_S", 0.2)
    async with serve(**database) as service:
        with small_steps(monkeypatch):
            usual = await usually(service, resource)
            number, replayed = 0, []
            while True:
                name = f"{resource} {made} {number}"
                path, body = await body_of(service, resource, name)
                before = await counts(service)
                breaking.arm(number, made=made, stays_away=True)
                first = await send(service, path, name, body)
                breaking.mend()
                if not breaking.broken:
                    assert first.is_success
                    break
                assert problem(first, "busy")["retryable"] is True
                assert int(first.headers["retry-after"]) > 0
                answer = await send_until_answered(service, path, name, body)
                assert answer.is_success, answer.text
                replayed.append("idempotency-replayed" in answer.headers)
                assert await difference(service, before) == usual, number
                if location := answer.headers.get("location"):
                    assert (await service.client.get(location)).status_code == 200
                number += 1
            assert any(replayed) == made, "the thing was there with its key's answer exactly where its commit was made"


@pytest.mark.parametrize("resource", RESOURCES)
async def test_without_a_key_it_is_said_that_it_is_unknown(
    serve: Serve,
    database: dict[str, Any],
    breaking: Breaking,
    monkeypatch: pytest.MonkeyPatch,
    resource: str,
) -> None:
    monkeypatch.setattr(creating, "PATIENCE_S", 0.2)
    async with serve(**database) as service:
        path, body = await body_of(service, resource, "first")
        commits = 4 if resource == "batches" else 0  # the rubric, the batch, three steps: then it is whole
        breaking.arm(commits + (resource == "batches"), made=True, stays_away=True)
        with small_steps(monkeypatch):
            answer = await send(service, path, None, body)
        breaking.mend()
        assert answer.status_code == 503
        told = problem(answer, "outcome-unknown")
        assert told["retryable"] is False
        assert "whether it was stored is unknown" in told["detail"]
        assert "Idempotency-Key" in told["detail"]


async def test_what_stores_nothing_is_answered_all_the_same(
    serve: Serve, database: dict[str, Any], breaking: Breaking
) -> None:
    rows = [
        "item,persona,run,score",
        *(f"i{i},p{p},{r},{i + p % 2}" for i in range(4) for p in range(3) for r in (1, 2)),
    ]
    async with serve(**database) as service:
        before = await counts(service)
        breaking.arm(0, made=False, stays_away=True)
        headers = {"Content-Type": "text/csv", "Idempotency-Key": "table"}
        answers = [
            await service.client.post("/v1/stability", content="\n".join(rows), headers=headers) for _ in range(2)
        ]
        breaking.mend()
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json()["dimensions"] == answers[1].json()["dimensions"]
        assert await difference(service, before) == {}


@pytest.mark.postgres
@pytest.mark.parametrize("stays_away", [False, True])
async def test_a_proxy_swallows_the_answer_to_a_commit(
    serve: Serve, postgres_url: str, monkeypatch: pytest.MonkeyPatch, stays_away: bool
) -> None:
    monkeypatch.setattr(creating, "PATIENCE_S", 0.3 if stays_away else 60.0)
    with swallowing_proxy(postgres_url) as (proxy, url):
        async with serve(database_url=SecretStr(url)) as service:
            path, body = await body_of(service, "evaluations", "first")
            assert (await send(service, path, None, body)).status_code == 202
            before = await counts(service)
            headers = {"Idempotency-Key": "swallowed"}
            claiming = service.application.idempotency.begin

            async def claim_then_arm(*arguments: Any) -> Any:
                claim = await claiming(*arguments)
                proxy.arm(stays_away=stays_away)
                return claim

            with monkeypatch.context() as patch:
                patch.setattr(service.application.idempotency, "begin", claim_then_arm)
                first = await service.client.post(path, **body, headers=headers)
            assert proxy.swallowed == 1
            proxy.come_back()
            if stays_away:
                problem(first, "busy")
            else:
                assert first.status_code == 202
            again = await send_until_answered(service, path, "swallowed", body)
            assert again.status_code == 202
            assert again.headers["idempotency-replayed"] == "true"
            assert await difference(service, before) == {"evaluations": 1}
            assert (await service.client.get(again.headers["location"])).status_code == 200
