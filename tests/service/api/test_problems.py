"""Every error is a problem document, whoever raised it."""

from __future__ import annotations

import base64
import importlib
import json
import logging
from typing import Any

import pytest

from service.api.failures import PROBLEM_OF_ERROR, problem_of
from service.api.problem_kinds import BY_STATUS, CATALOGUE
from tests.service.api.conftest import ITEM, RUBRIC, Serve, Service, problem

OFF_THE_CALENDAR = base64.urlsafe_b64encode(b'["0001-01-01T00:00:00+14:00", "x"]').decode().rstrip("=")
"""A cursor whose time is none in UTC."""


@pytest.mark.parametrize(
    ("method", "path", "code", "status"),
    [
        ("GET", "/v1/nothing", "not-found", 404),
        ("GET", "/v1/evaluations/ev_none", "not-found", 404),
        ("GET", "/v1/evaluations/ev_none/events", "not-found", 404),
        ("GET", "/v1/rubrics/../../etc/passwd", "not-found", 404),
        ("GET", "/v1/rubrics/' OR 1=1 --", "not-found", 404),
        ("GET", "/v1/rubrics/%00", "bad-request", 400),
        ("GET", "/v1/rubrics?cursor=%00", "bad-request", 400),
        ("PATCH", "/v1/rubrics", "method-not-allowed", 405),
        ("GET", "/v1/rubrics?limit=0", "limit-out-of-range", 400),
        ("GET", "/v1/rubrics?limit=101", "limit-out-of-range", 400),
        ("GET", "/v1/rubrics?limit=many", "limit-out-of-range", 400),
        ("GET", "/v1/rubrics?cursor=none", "invalid-cursor", 400),
        ("GET", "/v1/evaluations?status=lost", "invalid-request", 422),
        ("GET", "/v1/evaluations?created_before=0001-01-01T00:00:00%2B14:00", "invalid-request", 422),
        ("GET", f"/v1/evaluations?cursor={OFF_THE_CALENDAR}", "invalid-cursor", 400),
        ("GET", "/problems/none", "not-found", 404),
    ],
)
async def test_what_cannot_be_served(service: Service, method: str, path: str, code: str, status: int) -> None:
    response = await service.client.request(method, path)
    assert response.status_code == status
    problem(response, code)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/rubrics", "GET, HEAD, POST"),
        ("/v1/evaluations/ev_x", "DELETE, GET, HEAD"),
        ("/v1/batches/ba_x/report", "GET, HEAD, PUT"),
    ],
)
async def test_a_405_says_what_is_allowed(service: Service, path: str, allowed: str) -> None:
    response = await service.client.patch(path)
    problem(response, "method-not-allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("given", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_json_that_is_sent_as_something_else_is_a_415(service: Service, given: str) -> None:
    headers = {"content-type": given} if given else {}
    answer = await service.client.post("/v1/rubrics", content=json.dumps(RUBRIC).encode(), headers=headers)
    assert "application/json" in problem(answer, "unsupported-media-type")["detail"]


async def test_documents_that_are_sent_as_something_else_are_a_415(service: Service) -> None:
    told = problem(await service.client.post("/v1/documents", json={"text": "x"}), "unsupported-media-type")
    assert "multipart/form-data" in told["detail"]
    problem(await service.client.post("/v1/documents"), "unusable-documents")


async def test_what_is_no_json_by_its_type_needs_a_key_first(serve: Serve) -> None:
    async with serve(host="0.0.0.0", unsafe_no_auth=False) as service:
        await service.key("somebody", "read")
        problem(await service.client.post("/v1/rubrics", content=b"x"), "unauthenticated")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"colour": "red"}, "/colour"),
        ({"dimensions": []}, "/dimensions"),
        (
            {"dimensions": [{**RUBRIC["dimensions"][0], "levels": [{"value": 1, "label": "no"}]}]},
            "/dimensions/0/levels",
        ),
        ({"dimensions": [{**RUBRIC["dimensions"][0], "pass_threshold": 9}]}, "/dimensions/0"),
    ],
)
async def test_each_wrong_place_is_named(service: Service, change: dict[str, Any], pointer: str) -> None:
    told = problem(await service.client.post("/v1/rubrics", json=RUBRIC | change), "invalid-request")
    assert pointer in [place["pointer"] for place in told["errors"]]
    assert (await service.client.get("/v1/rubrics")).json()["data"] == [], "nothing was stored"


async def test_the_arm_of_a_union_is_no_part_of_a_pointer(service: Service) -> None:
    body = {
        "persona_set": "ps_x",
        "rubric": RUBRIC,
        "item": {"kind": "summary", "id": "a", "sources": [""], "output": "x"},
    }
    told = problem(await service.client.post("/v1/evaluations", json=body), "invalid-request")
    assert "/item/sources/0" in [place["pointer"] for place in told["errors"]]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"repeats": 0}, "/repeats"),
        ({"repeats": {"min": 5, "max": 3, "half_width": 1}}, "/repeats"),
        ({"repeats": {"min": 5}}, "/repeats/half_width"),
        ({"rubric": {**RUBRIC, "dimensions": []}}, "/rubric/dimensions"),
        ({"expires_after": "-PT5S"}, "/expires_after"),
        ({"expires_after": "P3000000D"}, "/expires_after"),
        ({"webhook": {"url": "https://example.org/told"}}, "/webhook/secret"),
        ({"webhook": {"url": "ftp://example.org", "secret": "A" * 32}}, "/webhook/url"),
        ({"webhook": {"url": "https://me:word@example.org", "secret": "A" * 32}}, "/webhook/url"),
        ({"webhook": {"url": "http://169.254.169.254/latest", "secret": "A" * 32}}, "/webhook/url"),
        ({"webhook": {"url": "http://[::1]/told", "secret": "A" * 32}}, "/webhook/url"),
        ({"webhook": {"url": "https://example.org/told", "secret": "no base64, ever!" * 2}}, "/webhook/secret"),
        ({"webhook": {"url": "https://example.org/told", "secret": "whsec_é" + "A" * 32}}, "/webhook/secret"),
    ],
)
async def test_one_wrong_place_is_one_error_that_the_detail_names(
    service: Service, change: dict[str, Any], pointer: str
) -> None:
    body = {"persona_set": "ps_x", "rubric": RUBRIC, "item": ITEM} | change
    told = problem(await service.client.post("/v1/evaluations", json=body), "invalid-request")
    assert [place["pointer"] for place in told["errors"]] == [pointer], told
    assert "Value error" not in told["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"a": 1} {"a": 2}',
        b"\xff\xfe",
        b'"\xed\xa0\x80"',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b"[" * 1_000_000,
        b"[" * 80 + b"]" * 80,
        b'{"a":' * 1_000_000,
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_what_is_no_json(service: Service, body: bytes) -> None:
    response = await service.client.post("/v1/rubrics", content=body, headers={"content-type": "application/json"})
    problem(response, "invalid-json" if body else "invalid-request")


async def test_a_bug_is_a_problem_and_its_words_stay_out_of_answer_and_log(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret words of a document")

    monkeypatch.setattr(service.application.rubrics, "list", broken)
    with caplog.at_level(logging.DEBUG):
        response = await service.client.get("/v1/rubrics")
    problem(response, "internal")
    assert "secret words" not in response.text
    logged = [record for record in caplog.records if record.name.startswith("rehearing")]
    assert any(getattr(record, "error", "") == "RuntimeError" for record in logged)
    assert not any("secret words" in str(vars(record)) for record in logged)


async def test_every_kind_is_explained_where_its_type_leads(service: Service) -> None:
    listed = (await service.client.get("/problems")).json()["data"]
    assert {kind["code"] for kind in listed} == set(CATALOGUE)
    for kind in listed:
        assert (await service.client.get(f"/problems/{kind['code']}")).json() == kind


def test_the_table_names_errors_that_exist_and_kinds_that_exist() -> None:
    for name, code in PROBLEM_OF_ERROR.items():
        package, _, error = name.partition(".")
        module = importlib.import_module(f"{package}.errors" if package == "service" else package)
        assert issubclass(getattr(module, error), Exception)
        assert code in CATALOGUE
    assert set(BY_STATUS.values()) <= set(CATALOGUE)
    assert all(CATALOGUE[code].status == status for status, code in BY_STATUS.items())


def test_an_unknown_error_keeps_its_words_to_itself() -> None:
    found = problem_of(ValueError("a quote"))
    assert found.kind.code == "internal"
    assert "a quote" not in found.detail
