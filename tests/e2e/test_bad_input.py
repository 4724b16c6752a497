"""Bad input at the outermost doors: the field is named, the next step too, and nothing is half-stored."""

from __future__ import annotations

import http.server
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.cli.program import run
from tests.e2e.conftest import RUBRIC, Program, Service, free_port, item, until

pytestmark = pytest.mark.timeout(400)
DOWN = "http://127.0.0.1:9/v1"
"""Nobody serves the discard port."""
REFUSAL = b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}'


class _Refusing(http.server.BaseHTTPRequestHandler):
    """A provider that knows no key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The address of a provider that answers every call with 401."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, refusing: str) -> Iterator[Service]:
    """One service whose provider refuses its key."""
    settings = {
        "REHEARING_MODEL": "openai:bench",
        "REHEARING_BASE_URL": refusing,
        "REHEARING_API_KEY": "wrong",
        "REHEARING_PROVIDER_PATIENCE": "PT1S",
    }
    rehearing = Program(tmp_path_factory.mktemp("bad-input"), settings)
    yield rehearing.serve()
    rehearing.stop()


def refused(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["code"] == code, told
    return told


def ndjson(service: Service, *lines: dict[str, Any], **head: Any) -> Any:
    body = {"batch": {"persona_set": service.persona_set(), "rubric": RUBRIC, **head}}
    text = "".join(json.dumps(line) + "\n" for line in (body, *lines))
    return service.client.post("/v1/batches", content=text, headers={"Content-Type": "application/x-ndjson"})


@pytest.fixture
def nothing_stored(service: Service) -> Iterator[None]:
    """No batch and no evaluation more after the test than before."""

    def stored() -> list[str]:
        return [
            row["id"] for kind in ("batches", "evaluations") for row in service.client.get(f"/v1/{kind}").json()["data"]
        ]

    before = stored()
    yield
    assert stored() == before


def test_rest_an_empty_document_set(service: Service) -> None:
    told = refused(service.client.post("/v1/persona-sets", json={"documents": []}), 422, "invalid-request")
    assert "documents" in json.dumps(told["errors"])
    assert "give either documents (ids) or personas" in json.dumps(told)


def test_rest_a_binary_document(service: Service) -> None:
    sent = service.client.post("/v1/documents", files={"files": ("notes.txt", b"PK\x00\x01" * 100, "text/plain")})
    assert sent.status_code >= 400
    assert sent.headers["content-type"] == "application/problem+json"
    assert "notes.txt" in sent.text
    assert "binary" in sent.text
    assert service.client.get("/v1/documents").json()["data"] == []


@pytest.mark.usefixtures("nothing_stored")
def test_rest_a_batch_with_an_id_twice(service: Service) -> None:
    line = {"custom_id": "a", "item": item(1)}
    told = refused(ndjson(service, line, line), 422, "invalid-batch")
    assert told["errors"][0]["code"] == "duplicate_custom_id"
    assert "line" in told["errors"][0]["pointer"]


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"colour": "red"}, "/colour"),
        ({"item": {**item(1), "colour": "red"}}, "/item/colour"),
        ({"rubric": {**RUBRIC, "dimensions": [{**RUBRIC["dimensions"][0], "pass_threshold": 9}]}}, "/rubric"),
        ({"protocol": {"arms": ["shouting"]}}, "/protocol/arms/0"),
        ({"repeats": 0}, "/repeats"),
    ],
)
def test_rest_each_wrong_field_is_named(service: Service, change: dict[str, Any], pointer: str) -> None:
    body = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item(1), **change}
    told = refused(service.client.post("/v1/evaluations", json=body), 422, "invalid-request")
    assert any(error["pointer"].startswith(pointer) for error in told["errors"]), told


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("model", ["nonsense:x", "openai:x@http://169.254.169.254/v1", "simulated:noise=1"])
def test_rest_an_unknown_model(service: Service, model: str) -> None:
    body = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item(1), "models": [model]}
    response = service.client.post("/v1/evaluations", json=body)
    assert response.status_code in (400, 422), response.text
    assert "model" in json.dumps(response.json())


def ended(service: Service, **changed: Any) -> dict[str, Any]:
    body = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item(1), **changed}
    path = service.client.post("/v1/evaluations", json=body).raise_for_status().headers["location"]
    until(
        lambda: service.client.get(path).json()["status"] not in ("queued", "running"),
        lambda: service.client.get(path).text,
    )
    told: dict[str, Any] = service.client.get(path).json()
    return told


def test_rest_a_wrong_key_fails_the_evaluation_and_says_so(service: Service) -> None:
    told = ended(service)
    assert told["status"] == "failed"
    assert "Check the API key" in json.dumps(told)
    assert all(score["value"] is None for arm in (told["scores"] or {}).values() for score in arm.values())


class Here:
    """The command line in a folder of its own, with what a person would put there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "items.jsonl").write_text(json.dumps(item(1)) + "\n")
        (folder / "rubric.json").write_text(json.dumps(RUBRIC))
        (folder / "documents").mkdir()

    def evaluate(self, *options: str, items: str = "items.jsonl", personas: str = "documents") -> int:
        given = ["evaluate", str(self.folder / items), "--rubric", str(self.folder / "rubric.json"), "--quiet"]
        return run(
            [*given, "--personas", personas if personas.startswith("ps_") else str(self.folder / personas), *options]
        )

    def rows(self, table: str) -> int:
        store = self.folder / "data" / "rehearing.db"
        if not store.exists():
            return 0
        with closing(sqlite3.connect(store)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Here:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("REHEARING_PROVIDER_PATIENCE", "PT1S")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return Here(tmp_path)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_shell_an_empty_folder_of_documents(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.evaluate() == 2
    assert "documents holds no file" in one_line(capsys)
    assert here.rows("persona_sets") == here.rows("documents") == 0


def test_shell_a_binary_document(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    (here.folder / "documents" / "notes.txt").write_bytes(b"PK\x00\x01" * 100)
    assert here.evaluate() == 2
    told = one_line(capsys)
    assert "notes.txt" in told
    assert "binary" in told
    assert here.rows("persona_sets") == here.rows("documents") == 0


def test_shell_an_unknown_model(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    (here.folder / "documents" / "notes.txt").write_text("As a patient I want plain words.")
    assert here.evaluate("--model", "nonsense:x") == 2
    assert "nonsense:x cannot be opened" in one_line(capsys)
    assert here.rows("evaluations") == here.rows("batches") == 0


def test_shell_an_id_twice(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    (here.folder / "items.jsonl").write_text((json.dumps(item(1)) + "\n") * 2)
    assert here.evaluate() == 2
    told = one_line(capsys)
    assert "items.jsonl:2" in told
    assert "boat-1" in told
    assert not (here.folder / "data").exists()


def test_shell_a_service_that_is_down(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    items, url = str(here.folder / "items.jsonl"), f"http://127.0.0.1:{free_port()}"
    assert run(["batch", items, "--persona-set", "ps_x", "--rubric", "ru_x", "--url", url]) == 1
    told = one_line(capsys)
    assert url in told
    assert "rehearing serve" in told


@pytest.mark.parametrize("down", [False, True], ids=["wrong key", "down"])
def test_shell_a_provider_that_will_not(program: Callable[..., Program], refusing: str, down: bool) -> None:
    rehearing = program(REHEARING_PROVIDER_PATIENCE="PT1S", REHEARING_API_KEY="wrong")
    here = Here(rehearing.folder)
    (here.folder / "documents" / "notes.txt").write_text(
        "As a patient I want plain words.\nAs a nurse I want few alarms."
    )
    url = DOWN if down else refusing
    told = rehearing.run(
        "evaluate", "items.jsonl", "--personas", "documents", "--rubric", "rubric.json", "--repeats", "1", "--quiet",
        "--model", "openai:bench", "--base-url", url,
    )  # fmt: skip
    assert told.returncode == (1 if down else 2), told.stderr
    assert ("cannot be reached" if down else "Check the API key") in told.stderr.splitlines()[-1]
    assert told.stdout == ""
