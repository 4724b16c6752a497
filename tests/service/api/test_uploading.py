"""POST /v1/documents: one NDJSON file as the body, or a form with many files; what cannot be read is named and left out."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from pypdf import PdfWriter

from service.settings import Limits
from tests.service.api.conftest import Serve, Service, problem

NDJSON = {"Content-Type": "application/x-ndjson"}
LINES = [
    json.dumps({"id": "a", "text": "As a nurse, I want a chair.", "role": "nurse", "age": 54}),
    "{broken",
    json.dumps("As a patient, I want to sleep."),
    "",
    json.dumps({"text": "As a nurse, I want a chair.", "role": "nurse"}),
    json.dumps({"text": "As a nurse, I want a chair.", "role": "head nurse"}),
    json.dumps([1, 2]),
    json.dumps({"number": 3}),
]


async def stored(service: Service) -> int:
    return len((await service.client.get("/v1/documents", params={"limit": 100})).json()["data"])


async def test_good_lines_are_kept_and_bad_ones_named_by_number(service: Service) -> None:
    headers = {**NDJSON, "Idempotency-Key": "upload-1"}
    answer = await service.client.post("/v1/documents", content="\n".join(LINES), headers=headers)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert [(one["title"], one["text"], one["metadata"].get("age")) for one in told["documents"]] == [
        ("a", "As a nurse, I want a chair.", "54"),
        ("documents.ndjson#3", "As a patient, I want to sleep.", None),
        ("documents.ndjson#6", "As a nurse, I want a chair.", None),
    ]
    assert {one["name"]: one["reason"].split(":")[0] for one in told["skipped"]} == {
        "documents.ndjson#2": "broken",
        "documents.ndjson#5": "duplicate",
        "documents.ndjson#7": "broken",
        "documents.ndjson#8": "empty",
    }
    again = await service.client.post("/v1/documents", content="\n".join(LINES), headers=headers)
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", told)
    assert await stored(service) == 3


async def test_a_file_without_a_good_line_is_refused_with_every_reason(service: Service) -> None:
    answer = await service.client.post("/v1/documents", content='{broken\n{"n": 1}\n', headers=NDJSON)
    told = problem(answer, "unusable-documents")
    assert "documents.ndjson#1" in told["detail"]
    assert "documents.ndjson#2" in told["detail"]
    problem(await service.client.post("/v1/documents", content=b"", headers=NDJSON), "unusable-documents")
    problem(await service.client.post("/v1/documents", content=b"\xff\xfe\x00", headers=NDJSON), "unusable-documents")
    assert await stored(service) == 0


async def test_a_body_of_another_kind_says_what_is_read(service: Service) -> None:
    for media in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        answer = await service.client.post("/v1/documents", content="{}", headers={"Content-Type": media})
        assert "application/x-ndjson" in problem(answer, "unsupported-media-type")["detail"]
    problem(await service.client.post("/v1/documents"), "unusable-documents")


def pages(count: int) -> bytes:
    writer = PdfWriter()
    for _ in range(count):
        writer.add_blank_page(10, 10)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


async def test_many_files_of_which_some_cannot_be_read(service: Service) -> None:
    good = {f"{n}.txt": f"As a nurse, I want {n} chairs.".encode() for n in range(120)}
    bad: dict[str, tuple[bytes, str]] = {
        "twin.txt": (good["7.txt"], "duplicate"),
        "empty.md": (b" ", "empty"),
        "zürich.txt": ("Zürich".encode("latin-1"), "invalid_utf8"),
        "../../etc/cron.d/x.txt": (b"As a thief, I want in.", "unsafe_name"),
        "thick.pdf": (pages(2001), "too_large"),
        "photo.png": (b"\x89PNG\r\n\0", "binary"),
        "lines.jsonl": (b'{"text": "As a patient, I wait."}\n{broken\n', "broken"),
    }
    files = [("files", (name, content)) for name, content in good.items()]
    files += [("files", (name, content)) for name, (content, _) in bad.items()]
    answer = await service.client.post("/v1/documents", files=files)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert len(told["documents"]) == 121
    skipped = {one["name"].partition("#")[0]: one["reason"].split(":")[0] for one in told["skipped"]}
    assert skipped == {name: reason for name, (_, reason) in bad.items()}
    assert await stored(service) == 100, "a page of them"


@pytest.mark.parametrize("as_form", [True, False])
async def test_limits_are_told_and_leave_nothing_behind(serve: Serve, as_form: bool) -> None:
    limits = Limits(documents_per_set=3, document_characters=60, body_bytes=4096)

    async def send(*texts: str) -> Any:
        lines = "\n".join(json.dumps({"text": text}) for text in texts)
        if as_form:
            return await service.client.post("/v1/documents", files={"files": ("d.ndjson", lines.encode())})
        return await service.client.post("/v1/documents", content=lines, headers=NDJSON)

    async with serve(limits=limits) as service:
        told = problem(await send(*(f"I need {n} chairs." for n in range(4))), "limit-exceeded")
        assert "4 documents in one upload; at most 3" in told["detail"]
        assert "at most 60" in problem(await send("I need chairs. " * 9), "limit-exceeded")["detail"]
        problem(await send("I need chairs. " * 400), "body-too-large")
        assert await stored(service) == 0
        mixed = (await send("I need chairs. " * 9, "I need a chair.")).json()
        assert [one["text"] for one in mixed["documents"]] == ["I need a chair."]
        assert "too_large: 135 characters" in mixed["skipped"][0]["reason"]
