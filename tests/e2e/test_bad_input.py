"""Bad input on the command line: the field is named, the next step too, and nothing is half-stored."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service.application import PersonaSetRequest, open_application
from service.cli.program import run
from service.settings import Settings
from tests.e2e.conftest import PERSONAS, RUBRIC, item

pytestmark = pytest.mark.timeout(400)
DOWN = "http://127.0.0.1:9/v1"
"""Nobody serves the discard port."""


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
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return Here(tmp_path)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_shell_an_empty_folder_of_documents(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.evaluate() == 2
    assert "documents' holds no file; give txt" in one_line(capsys)
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
    assert here.rows("persona_sets") == here.rows("documents") == 0, "it is found before documents are read"


def test_shell_an_id_twice(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    (here.folder / "items.jsonl").write_text((json.dumps(item(1)) + "\n") * 2)
    assert here.evaluate() == 2
    told = one_line(capsys)
    assert "items.jsonl:2" in told
    assert "boat-1" in told
    assert not (here.folder / "data").exists()


def test_shell_a_service_that_is_down(here: Here, capsys: pytest.CaptureFixture[str]) -> None:
    items, url = str(here.folder / "items.jsonl"), DOWN.removesuffix("/v1")
    assert run(["batch", items, "--persona-set", "ps_x", "--rubric", "ru_x", "--url", url]) == 1
    told = one_line(capsys)
    assert url in told
    assert "rehearing serve" in told


def stored_personas(folder: Path) -> str:
    """The id of a set of the given PERSONAS in the store of a folder."""

    async def store() -> str:
        async with open_application(Settings(data_dir=folder, _env_file=None)) as application:
            request = PersonaSetRequest.model_validate({"personas": PERSONAS})
            return (await application.persona_sets.create(None, request)).id

    return asyncio.run(store())


@pytest.mark.parametrize("down", [False, True], ids=["wrong key", "down"])
def test_shell_a_provider_that_will_not(
    here: Here, refusing: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, down: bool
) -> None:
    monkeypatch.setenv("REHEARING_API_KEY", "wrong")
    if down:
        monkeypatch.setenv("REHEARING_PROVIDER_PATIENCE", "PT1S")
    asked = ["--repeats", "1", "--model", "openai:bench", "--base-url", DOWN if down else refusing]
    code = here.evaluate(*asked, personas=stored_personas(here.folder / "data"))
    told = capsys.readouterr()
    assert code == (1 if down else 2), told.err
    assert ("cannot be reached" if down else "Check the API key") in told.err.splitlines()[-1]
    assert told.out == ""
