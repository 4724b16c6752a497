"""`rehearing personas ps_…`: what is stored, and changed copies of it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.application import PersonaSetRequest, open_application
from service.cli.program import run
from tests.service.conftest import quick_settings


@pytest.fixture
def stored(tmp_path: Path, personas: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a set of p0, p1 and p2."""
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path))

    async def store() -> str:
        async with open_application(quick_settings(tmp_path)) as app:
            return (await app.persona_sets.create(None, PersonaSetRequest(personas=personas, name="judges"))).id

    return asyncio.run(store())


def test_a_changed_copy_is_stored_and_its_parent_named(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["--merge", "p0,p1", "--change", "p2.name=Ada", "--change", "p2.traits=[brief, kind]", "--pin", "p2"]
    assert run(["personas", stored, *changes, "--json"]) == 0
    told = capsys.readouterr()
    first, last = json.loads(told.out)["personas"]
    assert (first["id"], last["name"], last["traits"], last["pinned"]) == ("p0", "Ada", ["brief", "kind"], True)
    assert f"edited from {stored}" in told.err
    made = re.search(r"stored as (ps_\w+)", told.err)
    assert made is not None
    assert run(["personas", made[1], "--drop", "p2"]) == 2
    assert "pinned" in capsys.readouterr().err
    assert run(["personas", made[1], "-q"]) == 0
    told = capsys.readouterr()
    assert "Ada [group 0] (p2, pinned)" in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--change", "p2=Ada"], "ID.FIELD=VALUE"),
        (["--merge", "p0"], "ids"),
        (["--drop", "nobody"], "nobody"),
        (["--change", "p2.colour=red"], "colour"),
    ],
)
def test_a_change_that_cannot_be_made_is_usage(
    stored: str, arguments: list[str], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["personas", stored, *arguments]) == 2
    assert place in capsys.readouterr().err


def test_a_panel_is_weighted_to_a_population(stored: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "population.yaml"
    file.write_text("margins: {group: {g0: 0.5, g1: 0.5}}\n")
    assert run(["personas", stored, "--calibrate", str(file), "--name", "town"]) == 0
    told = capsys.readouterr()
    assert [float(found) for found in re.findall(r"weight (\d[.]\d\d)", told.out)] == [0.75, 1.5, 0.75]
    assert "3 personas count as 2.67" in told.out
    assert "combinations of attributes" in told.out
    assert f"edited from {stored}" in told.err
    assert "--aggregation raked" in told.err
    file.write_text("margins: {group: {g0: 0.5, g1: 0.4}}\n")
    assert run(["personas", stored, "--calibrate", str(file)]) == 2
    assert "sum to 0.9" in capsys.readouterr().err
    file.write_text("- nothing\n")
    assert run(["personas", stored, "--calibrate", str(file)]) == 2
    assert "margins" in capsys.readouterr().err
    assert run(["personas", stored, "--calibrate", str(file), "--drop", "p0"]) == 2
    assert run(["personas", str(tmp_path), "--calibrate", str(file)]) == 2


def test_demographics_are_told_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "interviews"
    folder.mkdir()
    (folder / "maria.txt").write_text("I am a 54-year-old ward nurse. I want the drug chart at the bedside.")
    assert run(["personas", str(folder), "-q"]) == 0
    assert "age 54" not in capsys.readouterr().out
    assert run(["personas", str(folder), "--demographics", "-q"]) == 0
    told = capsys.readouterr().out
    assert "age 54, occupation ward nurse" in told
    assert "scores may follow who somebody is" in told


def test_files_that_cannot_be_read_are_named_and_the_others_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path / "data"))
    folder, outside = tmp_path / "mixed", tmp_path / "secret.txt"
    folder.mkdir()
    outside.write_text("As a thief, I want to be read.")
    (folder / "link.txt").symlink_to(outside)
    for name, content in {
        "broken.pdf": b"%PDF-1.7 nothing",
        "empty.txt": b"",
        "good.txt": b"As a nurse, I want a chair.",
        "twin.txt": b"As a nurse, I want a chair.",
        ".hidden": b"x",
    }.items():
        (folder / name).write_bytes(content)
    assert run(["personas", str(folder), "--json"]) == 0
    told = capsys.readouterr()
    assert [one["stakeholder"] for one in json.loads(told.out)["personas"]] == ["nurse"]
    for name, reason in {
        "broken.pdf": "broken", "empty.txt": "empty", "twin.txt": "duplicate", "link.txt": "unsafe_name",
        ".hidden": "unsupported",
    }.items():  # fmt: skip
        assert f"skipped {name}: {reason}: " in told.err


def test_a_dry_run_tells_the_cost_of_a_model_and_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OPENAI_API_KEY", "unused")
    folder = tmp_path / "interviews"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"As a nurse, I want {number} chairs. " * 800)
    asked = ["personas", str(folder), "--model", "openai:gpt-4o", "--dry-run"]
    assert run([*asked, "--json", "-q"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["calls"] == 6
    assert told["cost_usd"] > 0
    assert run(asked) == 0
    printed = capsys.readouterr()
    assert f"6 calls, {told['input_tokens']:,} input" in printed.out
    assert "about $" in printed.out
    assert "nothing was stored or asked" in printed.err
    assert not (tmp_path / "data").exists()


def test_changes_of_a_folder_are_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["personas", str(tmp_path), "--drop", "p1"]) == 2
    assert "ps_ id" in capsys.readouterr().err


def test_new_documents_are_placed_in_a_stored_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path / "data"))
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, texts in (
        (old, ("As a ward nurse, I want sleep after a night shift.", "As a patient, I want to read my own results.")),
        (new, ("As a night nurse, I want a quiet room.", "As a beekeeper, I want fewer pesticides on the fields.")),
    ):
        folder.mkdir()
        for number, text in enumerate(texts):
            (folder / f"{number}.txt").write_text(text)
    assert run(["personas", str(old), "--option", "single_voices=true"]) == 0
    made = re.search(r"stored as (ps_\w+)", capsys.readouterr().err)
    assert made is not None
    assert run(["personas", made[1], "--assign", str(new), "-q"]) == 0
    told = capsys.readouterr().out
    assert "2 statements: 1 fit a group, 1 do not" in told
    assert re.search(r"ward-nurse \(0\.\d\d\): “As a night nurse", told)
    assert re.search(r"does not fit \(-?0\.\d\d\): “As a beekeeper", told)
    assert run(["personas", made[1], "--assign", str(new), "--json", "-q"]) == 0
    assert [one["group_id"] for one in json.loads(capsys.readouterr().out)] == ["ward-nurse", None]
    assert run(["personas", made[1], "--assign", str(new), "--drop", "ward-nurse-1"]) == 2
    assert "--assign" in capsys.readouterr().err
