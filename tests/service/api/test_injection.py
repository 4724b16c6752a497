"""Text that means something to a database, a path, a template or a browser is text here, wherever it comes in, on both databases."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.service.api.conftest import PERSONAS, RUBRIC, Serve, Service

TEXTS = [
    "'; DROP TABLE rubrics; --",
    "' OR '1'='1",
    '" OR ""="',
    "x') UNION SELECT digest FROM api_keys --",
    "%",
    "_" * 4,
    "\\",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "${jndi:ldap://x}",
    "{{ 7 * 7 }}",
    "<script>alert(1)</script>",
    "%n%s",
]
FILTERS = ["item", "system", "batch", "persona_set", "rubric"]
PATHS = ["/v1/rubrics/{}", "/v1/evaluations/{}", "/v1/evaluations/{}/events", "/v1/batches/{}", "/v1/documents/{}"]


async def test_text_is_only_text(serve: Serve, database: dict[str, Any]) -> None:
    async with serve(**database) as service:
        sent = await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})
        rubrics = {}
        for text in TEXTS:
            made = await service.client.post("/v1/rubrics", json={**RUBRIC, "name": text})
            assert made.status_code == 201, made.text
            rubrics[text] = made.json()["id"]
        head = {"batch": {"persona_set": sent.json()["id"], "rubric": rubrics[TEXTS[0]], "name": TEXTS[0]}}
        lines = [head, {"custom_id": "plain", "item": item("plain", "plain")}]
        lines += [{"custom_id": f"c{number}", "item": item(text, text)} for number, text in enumerate(TEXTS)]
        content = "".join(json.dumps(line) + "\n" for line in lines)
        media = {"content-type": "application/x-ndjson"}
        batch = await service.client.post("/v1/batches", content=content, headers=media)
        assert batch.status_code == 202, batch.text
        await comes_back_as_it_was(service, rubrics)
        await is_found_by_filters_that_say_it_and_by_no_others(service, len(rubrics))
        await is_no_path(service)


def item(name: str, system: str) -> dict[str, str]:
    return {"kind": "text", "id": name, "system": system, "instruction": "Say.", "output": "So."}


async def rows(service: Service, path: str, **filters: str) -> list[dict[str, Any]]:
    response = await service.client.get(path, params={"limit": 100, **filters})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]
    return found


async def comes_back_as_it_was(service: Service, rubrics: dict[str, str]) -> None:
    for text, identity in rubrics.items():
        found = await service.client.get(f"/v1/rubrics/{identity}")
        assert found.json()["rubric"]["name"] == text
        assert found.headers["content-type"] == "application/json"
    assert {row["item_id"] for row in await rows(service, "/v1/evaluations")} == {"plain", *TEXTS}


async def is_found_by_filters_that_say_it_and_by_no_others(service: Service, rubrics: int) -> None:
    for text in TEXTS:
        for name in FILTERS:
            found = [row["item_id"] for row in await rows(service, "/v1/evaluations", **{name: text})]
            assert found == ([text] if name in ("item", "system") else []), (name, text)
        page = (await service.client.get("/evaluations.json", params={"q": text})).json()
        named = {row["name"] for row in page["rows"]}
        assert named == {f"c{number}" for number, one in enumerate(TEXTS) if text.lower() in one.lower()}, text
    assert len(await rows(service, "/v1/rubrics")) == rubrics


async def is_no_path(service: Service) -> None:
    for text in TEXTS:
        for path in PATHS:
            response = await service.client.get(path.format(quote(text, safe="")))
            assert response.status_code == 404, (path, text, response.text)
            assert response.headers["content-type"] == "application/problem+json"
            assert "root:" not in response.text
