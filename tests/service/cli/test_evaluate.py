"""`rehearing evaluate`: what it reads, and what a dry run leaves behind."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from service.cli.local import read_items
from service.cli.program import run

ROOT = Path(__file__).parents[3]
RUBRIC = ROOT / "examples" / "rubrics" / "summary.yaml"
ITEM = {"kind": "text", "id": "a", "instruction": "Say it.", "output": "It."}


def test_items_of_stdin_are_lines_even_with_separators_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({**ITEM, "output": "one\u2028two\x85three"}, ensure_ascii=False)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"\ufeff{line}\r\n\n".encode())))
    (item,) = read_items("-")
    assert item.model_dump()["output"] == "one\u2028two\x85three"


@pytest.mark.parametrize(
    ("items", "rubric", "told"),
    [
        (json.dumps(ITEM).encode() + b"\n\xe9\n", RUBRIC.read_bytes(), "items.jsonl:2: not UTF-8"),
        (None, b"name: a\nquestion: caf\xe9\n", "rubric.yaml:2: not UTF-8"),
        (None, b"name: a\ndimensions: [\n", "rubric.yaml:3: no YAML"),
        (None, None, "cannot open '{folder}/rubric.yaml': No such file or directory; check the path"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(
    items: bytes | None, rubric: bytes | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "items.jsonl").write_bytes(items or json.dumps(ITEM).encode())
    if rubric is not None:
        (tmp_path / "rubric.yaml").write_bytes(rubric)
    asked = ["evaluate", str(tmp_path / "items.jsonl"), "--personas", "ps_1", "--rubric", str(tmp_path / "rubric.yaml")]
    assert run(asked) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told.replace("{folder}", str(tmp_path)) in line
    assert "Errno" not in line


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


def test_a_calibrated_panel_is_heard_by_its_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of two groups gets nearly all of the population: the raked verdict is nearly that group's own."""
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path / "data"))
    voices, items = tmp_path / "voices", tmp_path / "items.jsonl"
    voices.mkdir()
    (voices / "a.txt").write_text("As a ward nurse, I want sleep after a night shift.")
    (voices / "b.txt").write_text("As a patient, I want to read my own results.")
    items.write_text(json.dumps(ITEM))
    assert run(["personas", str(voices), "--option", "single_voices=true", "-q", "--name", "both", "--json"]) == 0
    groups = [one["group_id"] for one in json.loads(capsys.readouterr().out)["personas"]]
    assert run(["list", "persona-sets", "--json"]) == 0
    stored = json.loads(capsys.readouterr().out)
    rows = stored["data"] if isinstance(stored, dict) else stored
    (tmp_path / "town.yaml").write_text(
        json.dumps({"margins": {"group": dict(zip(groups, (0.98, 0.02), strict=True))}})
    )
    assert run(["personas", rows[0]["id"], "--calibrate", str(tmp_path / "town.yaml"), "--json"]) == 0
    told = capsys.readouterr()
    made = told.err.split("stored as ")[1].split(",")[0]
    weights = {one["group_id"]: one["weight"] for one in json.loads(told.out)["personas"]}
    asked = ["evaluate", str(items), "--personas", made, "--repeats", "1", "--arm", "panel", "--json", "-q"]
    asked += ["--rubric", str(ROOT / "examples" / "rubrics" / "summary.yaml"), "--model", "simulated:persona_sd=2"]
    values = {}
    for aggregation in ("mean", "raked"):
        assert run([*asked, "--aggregation", aggregation]) == 0
        scores = json.loads(capsys.readouterr().out)["scores"]["a"]["panel"]
        values[aggregation] = [one["value"] for one in scores.values()]
    assert sorted(weights.values()) == pytest.approx([0.04, 1.96])
    assert values["mean"] != values["raked"]
    assert run([*asked, "--aggregation", "loudest"]) == 2
    assert "certainty_weighted" in capsys.readouterr().err


def test_pairs_are_not_measured_by_the_pass_marks_of_grades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A preference lies between -1 and 1, so by a mark of 3 it would fail in every hearing and never flip."""
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path / "data"))
    voices, items = tmp_path / "voices", tmp_path / "items.jsonl"
    voices.mkdir()
    (voices / "a.txt").write_text("As a ward nurse, I want sleep after a night shift. As a patient, I want my results.")
    pairs = (ROOT / "examples" / "pairs.jsonl").read_text()
    asked = ["--personas", str(voices), "--rubric", str(ROOT / "examples" / "rubrics" / "dialogue.yaml")]
    asked += ["--repeats", "2", "--arm", "panel", "--json", "-q"]

    def report(text: str) -> dict[str, Any]:
        items.write_text(text)
        assert run(["evaluate", str(items), *asked]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)["report"]
        return found

    alone = report(pairs)
    for dimension in alone["dimensions"].values():
        assert dimension["flips"]["threshold"] is None
        assert {one["pass_rate"] for one in dimension["missing"]["personas"].values()} == {None}
    assert "scales_mixed" not in [one["code"] for one in alone["warnings"]]
    mixed = report(pairs + json.dumps(ITEM))
    assert [one["code"] for one in mixed["warnings"]].count("scales_mixed") == 1
    graded = report(json.dumps(ITEM))
    assert all(dimension["flips"]["threshold"] is not None for dimension in graded["dimensions"].values())
