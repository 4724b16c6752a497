"""`rehearing keys`: made once, listed without its secret, revoked; to be read by people and by programs."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from service.cli.program import run


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARING_DATA_DIR", str(tmp_path))


def test_keys_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "list"]) == 0
    assert "rehearing keys create" in capsys.readouterr().err
    assert run(["keys", "create", "--owner", "alice", "--scope", "read", "--name", "nightly"]) == 0
    made = capsys.readouterr()
    assert made.out.startswith("rh_")
    assert "alice" in made.err
    assert run(["keys", "list", "-q"]) == 0
    listed = capsys.readouterr()
    key_id, owner, scopes, *_ = listed.out.split()
    assert (owner, scopes) == ("alice", "read")
    assert made.out.strip() not in listed.out
    assert run(["keys", "revoke", key_id, "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    assert run(["keys", "revoke", "ky_none"]) == 2
    assert run(["keys", "create", "--scope", "all"]) == 2


def test_keys_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "create", "--scope", "admin", "--json", "-q"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made.pop("key").startswith("rh_")
    assert made["scopes"] == ["read", "write", "admin"]
    assert datetime.fromisoformat(made["created_at"]).tzinfo is not None
    assert run(["keys", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [made]
    assert run(["keys", "revoke", made["id"], "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["revoked_at"] is not None
