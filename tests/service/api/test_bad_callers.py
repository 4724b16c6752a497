"""Callers that mean no good, or mean well and err: bodies, hosts, origins, headers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from service.settings import Limits
from tests.service.api.conftest import PERSONAS, RUBRIC, Serve, Service, problem

SMALL = Limits(body_bytes=2048, batch_bytes=4096)


async def drip(total: int, size: int, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(total // size):
        yield b" " * size
        await asyncio.sleep(pause_s)


async def test_a_declared_gigabyte_is_refused_unread(service: Service) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1024):
            read += 1
            yield b" " * (1 << 20)

    headers = {"content-length": str(1 << 30), "content-type": "application/json"}
    response = await service.client.post("/v1/rubrics", content=body(), headers=headers)
    problem(response, "body-too-large")
    assert read <= 1


@pytest.mark.parametrize(("path", "longest"), [("/v1/rubrics", 2048), ("/v1/batches", 4096), ("/v1/stability", 4096)])
async def test_a_body_without_a_length_is_counted(serve: Serve, path: str, longest: int) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        async for chunk in drip(1 << 20, 512):
            sent += len(chunk)
            yield chunk

    async with serve(limits=SMALL) as service:
        kind = "application/json" if path == "/v1/rubrics" else "application/x-ndjson"
        response = await service.client.post(path, content=body(), headers={"content-type": kind})
    problem(response, "body-too-large")
    assert sent <= longest + 1024


async def test_a_length_that_lies_is_counted_too(serve: Serve) -> None:
    async with serve(limits=SMALL) as service:
        headers = {"content-length": "10", "content-type": "application/json"}
        response = await service.client.post("/v1/rubrics", content=drip(1 << 16, 512), headers=headers)
    problem(response, "body-too-large")


async def test_a_body_that_drips_is_cut_off(serve: Serve) -> None:
    async with serve(request_grace=timedelta(seconds=0.3)) as service:
        body = drip(600, 1, pause_s=0.05)
        response = await service.client.post("/v1/rubrics", content=body, headers={"content-type": "application/json"})
    problem(response, "body-too-slow")


@pytest.mark.parametrize(
    "host", ["evil.example.org", "127.0.0.1.evil.example.org", "169.254.169.254", "", "localhost@evil"]
)
async def test_a_host_that_is_not_served(service: Service, host: str) -> None:
    response = await service.client.get("/livez", headers={"host": host})
    problem(response, "host-not-allowed")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "eval.example.org"])
async def test_a_host_that_is_served(serve: Serve, host: str) -> None:
    async with serve(allowed_hosts=("eval.example.org",)) as service:
        assert (await service.client.get("/livez", headers={"host": host})).status_code == 200


async def test_a_page_of_another_origin_may_not_write(service: Service) -> None:
    for origin in ("https://evil.example.org", "null", "http://127.0.0.1:9999"):
        response = await service.client.post("/v1/rubrics", json=RUBRIC, headers={"origin": origin})
        problem(response, "origin-not-allowed")
    response = await service.client.post("/v1/rubrics", json=RUBRIC, headers={"origin": "http://127.0.0.1"})
    assert response.status_code == 201


async def test_cross_origin_answers_only_for_origins_that_were_allowed(serve: Serve) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with serve(allowed_origins=("https://eval.example.org",)) as service:
        for origin, allowed in (("https://eval.example.org", True), ("https://evil.example.org", False)):
            response = await service.client.options("/v1/rubrics", headers={"origin": origin, **ask})
            assert (response.headers.get("access-control-allow-origin") == origin) is allowed
            response = await service.client.get("/livez", headers={"origin": origin})
            assert (response.headers.get("access-control-allow-origin") == origin) is allowed
            assert "access-control-allow-credentials" not in response.headers


async def test_without_allowed_origins_there_are_no_cross_origin_headers(service: Service) -> None:
    response = await service.client.get("/livez", headers={"origin": "https://evil.example.org"})
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_every_answer_carries_the_security_headers(service: Service) -> None:
    for path in ("/livez", "/v1/nothing", "/openapi.json"):
        headers = (await service.client.get(path)).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("given", ["bad id\r\nX-Evil: 1", "a" * 65, "short", "<script>alert(1)</script>"])
async def test_a_request_id_that_is_not_plain_is_replaced(service: Service, given: str) -> None:
    headers = httpx.Headers([(b"x-request-id", given.encode())])
    response = await service.client.get("/livez", headers=headers)
    assert response.headers["x-request-id"] != given
    assert "x-evil" not in response.headers


async def test_a_plain_request_id_is_kept(service: Service) -> None:
    response = await service.client.get("/livez", headers={"x-request-id": "pipeline-2041.step-7"})
    assert response.headers["x-request-id"] == "pipeline-2041.step-7"


async def test_no_value_can_forge_a_line_of_the_log(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    from service.telemetry.logs import JsonFormatter

    with caplog.at_level(logging.INFO, logger="rehearing"):
        await service.client.get("/v1/rubrics/x%0A%7B%22level%22%3A%22error%22%7D")
    lines = [JsonFormatter().format(record) for record in caplog.records if record.name.startswith("rehearing")]
    assert lines
    for line in lines:
        assert "\n" not in line
        assert json.loads(line)["route"].startswith("/v1/rubrics")


async def test_one_bad_line_of_a_hundred_thousand(service: Service) -> None:
    made = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})).json()
    head = json.dumps({"batch": {"persona_set": made["id"], "rubric": RUBRIC}}).encode() + b"\n"
    last = 100_001

    async def body() -> AsyncIterator[bytes]:
        yield head
        for start in range(2, last, 5_000):
            numbers = range(start, min(start + 5_000, last))
            yield b"".join(
                b'{"custom_id":"c%d","item":{"kind":"text","id":"i%d","instruction":"Say.","output":"So."}}\n'
                % (number, number)
                for number in numbers
            )
        yield b'{"custom_id":"c2","item":{"kind":"text","id":"last","instruction":"Say.","output":"So."}}\n'

    media = {"content-type": "application/x-ndjson"}
    told = problem(await service.client.post("/v1/batches", content=body(), headers=media), "invalid-batch")
    assert [place["pointer"] for place in told["errors"]] == [f"line:{last}"]
    assert "c2" in told["errors"][0]["detail"]
    assert (await service.client.get("/v1/batches")).json()["data"] == []
    assert not list(service.application.settings.data_dir.glob("spool/*")), "the file is gone"
