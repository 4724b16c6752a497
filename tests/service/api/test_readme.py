"""What the README tells a newcomer to type, typed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.program import run
from tests.service.api.conftest import Live

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(first_words: str) -> list[list[str]]:
    """The README's indented commands that begin so, without the folder of the program, as words."""
    lines = re.sub(r" *\\\n *", " ", README).splitlines()
    found = [shlex.split(line, comments=True) for line in lines if line.startswith(f"    .venv/bin/{first_words}")]
    assert found, f"the README no longer tells `{first_words}`"
    return found


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_session_with_curl_works_verbatim(live: Live) -> None:
    sessions = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert len(sessions) == 1
    session = sessions[0].replace("http://127.0.0.1:8080", live.url)
    assert live.url in session
    folder = str(Path(sys.executable).parent)
    done = subprocess.run(
        ["sh", "-e", "-c", session],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"status": "completed"' in done.stdout
    assert '"n_asked": 3' in done.stdout
    assert "# " in done.stdout.partition("\n}\n")[2], "no transcript"


def test_the_report_on_anybodys_ratings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    for words in commands("rehearing stability"):
        page = tmp_path / words[words.index("--html") + 1]
        words[words.index("--html") + 1] = str(page)
        assert run(words[1:]) == 0
        assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
        assert "items" in capsys.readouterr().out


def test_the_real_model_is_named_with_options_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    told = commands("rehearing doctor") + commands("rehearing evaluate") + commands("rehearing serve")
    for _, command, *words in told:
        assert run([command, "--help"]) == 0
        page = capsys.readouterr().out
        assert [word for word in words if word.startswith("--") and word not in page] == []
        assert [word for word in words if word.startswith("examples/") and not (ROOT / word).exists()] == []
