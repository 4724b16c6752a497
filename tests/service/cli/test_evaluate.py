"""`rehearing evaluate`: what it reads, and what a dry run leaves behind."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from service.cli.local import read_items
from service.cli.program import run

ROOT = Path(__file__).parents[3]
ITEM = {"kind": "text", "id": "a", "instruction": "Say it.", "output": "It."}


def test_items_of_stdin_are_lines_even_with_separators_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({**ITEM, "output": "one\u2028two\x85three"}, ensure_ascii=False)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"\ufeff{line}\r\n\n".encode())))
    (item,) = read_items("-")
    assert item.model_dump()["output"] == "one\u2028two\x85three"


def test_a_dry_run_on_a_folder_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("REHEARING_DATA_DIR", str(data))
    monkeypatch.setenv("REHEARING_PERSONA_MODEL", "openai:would-cost-money")
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "a.txt").write_text("As a nurse, I want to be heard. As a carer, I want to be asked.")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(ITEM).encode())))
    rubric = str(ROOT / "examples" / "rubrics" / "summary.yaml")
    asked = ["evaluate", "-", "--personas", str(tmp_path / "voices"), "--rubric", rubric, "--repeats", "2"]
    assert run([*asked, "--dry-run", "--json", "-q"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["items"][0]["runs"] == 2
    assert told.err == ""
    assert not data.exists()
