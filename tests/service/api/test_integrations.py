"""The recipes in examples/integrations, each run against a live service."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.service.api.conftest import ITEM, RUBRIC, Live

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "examples" / "integrations"
RECIPES = Path(__file__).parent / "recipes"
LOOPBACK = ROOT / "tests" / "servers" / "loopback.py"
ELSEWHERE = Path(os.environ.get("REHEARING_TEST_INTEGRATIONS", ROOT / ".venv-integrations" / "bin" / "python"))
NEEDS = (
    "inspect-ai and deepeval want older packages than ours and need an environment of their own: `make integrations` "
    "makes it, or name its Python in REHEARING_TEST_INTEGRATIONS"
)
QUIET = {"DEEPEVAL_TELEMETRY_OPT_OUT": "1"}
"""DeepEval tells its makers of every run, unless told not to."""


def run(live: Live, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**live.environment(), "PYTHONPATH": str(FOLDER)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def recipe(live: Live, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a recipe by name, with the live service in its environment."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name, value in live.environment().items():
        monkeypatch.setitem(os.environ, name, value)

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def test_curl(live: Live, tmp_path: Path) -> None:
    rubric, item, document = tmp_path / "rubric.json", tmp_path / "item.json", tmp_path / "minutes.txt"
    rubric.write_text(json.dumps(RUBRIC))
    item.write_text(json.dumps(ITEM))
    document.write_text(
        "\n\n".join(f"As a {who}, I want to be heard before it is decided." for who in ("nurse", "carer"))
    )
    done = run(live, "sh", str(FOLDER / "curl.sh"), str(rubric), str(item), str(document))
    assert done.returncode == 0, done.stderr + done.stdout
    verdict, _, transcript = done.stdout.partition("\n")
    assert json.loads(verdict)["scores"]["debate"]["clarity"]["n_asked"] == 3
    assert "# " in transcript


def test_python(live: Live) -> None:
    done = run(live, sys.executable, str(FOLDER / "rehearing_client.py"), input=json.dumps(ITEM))
    assert done.returncode == 0, done.stderr
    assert "hearings" in done.stdout


def test_python_tells_the_problem_and_the_request(live: Live) -> None:
    done = run(live, sys.executable, str(FOLDER / "rehearing_client.py"), input=json.dumps({**ITEM, "kind": "poem"}))
    assert done.returncode == 1
    assert "Request not valid" in done.stderr


def test_promptfoo(recipe: Any) -> None:
    context = {
        "prompt": "Summarise.",
        "vars": {},
        "test": {"vars": {}, "options": {}, "metadata": {}},
        "provider": {"options": {"id": "echo"}, "label": ""},
        "providerResponse": {"output": "Forty patients sent readings.", "cached": False},
        "config": {"dimension": "clarity", "repeats": 2},
        "metadata": {},
    }
    graded = recipe("promptfoo_assertion").get_assert("Forty patients sent readings.", context)
    assert isinstance(graded["pass"], bool)
    assert 1 <= graded["score"] <= 4
    assert 0 < graded["namedScores"]["agreement"] <= 1
    assert "of 2 hearings agree" in graded["reason"]


@pytest.mark.parametrize(("bound", "code"), [("1", 0), ("4.5", 3)])
def test_the_gate_fails_a_build_below_its_bound(live: Live, tmp_path: Path, bound: str, code: int) -> None:
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps(ITEM) + "\n")
    gate = [sys.executable, str(FOLDER / "gate.py"), str(items), "--repeats", "2"]
    done = run(live, *gate, "--score-min", bound, "--agree-min", "0")
    assert done.returncode == code, done.stdout + done.stderr
    assert ITEM["id"] in done.stdout


def test_the_gate_says_when_the_service_is_not_there(live: Live, tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps(ITEM) + "\n")
    environment = {**live.environment(), "REHEARING_URL": "http://127.0.0.1:1", "PYTHONPATH": str(FOLDER)}
    gate = [sys.executable, str(FOLDER / "gate.py"), str(items), "--score-min", "1"]
    done = subprocess.run(gate, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("gate: no answer from"), done.stderr


@pytest.mark.parametrize(("levels", "code"), [((3, 9), 0), ((1, 2), 3)])
def test_the_action(live: Live, tmp_path: Path, levels: tuple[int, ...], code: int) -> None:
    """Its commands as they stand, by the shell that GitHub takes, in a checkout with outputs to be judged."""
    shutil.copytree(FOLDER, tmp_path / "examples" / "integrations")
    (tmp_path / "items.jsonl").write_text(json.dumps(ITEM) + "\n")
    question = {**RUBRIC["dimensions"][0], "pass_threshold": None}
    question["levels"] = [{"value": value, "label": f"grade {value}"} for value in levels]
    rubric = live.client.post("/v1/rubrics", json={"name": f"up to {levels[-1]}", "dimensions": [question]})
    given = {**live.environment(), "REHEARING_RUBRIC": rubric.raise_for_status().json()["id"], "REHEARING_KEY": ""}
    path = f"{Path(sys.executable).parent}:{given['PATH']}"
    steps = yaml.safe_load((FOLDER / "github-action.yml").read_text())["jobs"]["judge"]["steps"]
    commands = [step for step in steps if "run" in step]
    for number, step in enumerate(commands, 1):
        told = {name: given[named(value)] for name, value in step.get("env", {}).items()}
        assert not told or told.keys() == {name for name in given if name.startswith("REHEARING_")}
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=tmp_path,
            env={"PATH": path, "HOME": str(tmp_path), **told},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == (code if number == len(commands) else 0), done.stdout + done.stderr
    assert done.stdout.startswith("pass " if code == 0 else "FAIL low"), done.stdout


def named(expression: str) -> str:
    """The name in `${{ vars.NAME }}` or `${{ secrets.NAME }}`."""
    return expression.removeprefix("${{ ").removesuffix(" }}").partition(".")[2]


def told_elsewhere(live: Live, folder: Path, script: str, *arguments: str) -> Any:
    """What a script prints last, as JSON. It runs in the recipes' own environment, and may look for no other machine."""
    if not ELSEWHERE.exists():
        pytest.skip(NEEDS)
    done = subprocess.run(
        [str(ELSEWHERE), str(LOOPBACK), str(RECIPES / script), *arguments],
        cwd=folder,
        env={**live.environment(), **QUIET, "HOME": str(folder), "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.integrations
def test_inspect(live: Live, tmp_path: Path) -> None:
    told = told_elsewhere(live, tmp_path, "in_inspect.py", str(tmp_path / "logs"))
    said, silent = told["scores"]["said"], told["scores"]["silent"]
    assert 1 <= said["rehearing"]["value"] <= 4
    assert said["rehearing"]["metadata"]["n_asked"] == 2
    assert "of 2 hearings agree" in said["rehearing"]["explanation"]
    assert said["rehearing1"]["reason"] == "grader_failed"
    assert said["rehearing1"]["explanation"].startswith("undecided: 0 of 2 hearings")
    assert silent["rehearing"]["reason"] == "no_response"
    mean = said["rehearing"]["value"]
    assert told["metrics"]["rehearing"] == {"mean": mean, "scored": 1, "unscored": 1}, "what is unknown is not 0"


@pytest.mark.integrations
def test_deepeval(live: Live, tmp_path: Path) -> None:
    told = told_elsewhere(live, tmp_path, "in_deepeval.py")
    assert [told[name]["success"] for name in ("low", "high", "undecided")] == [True, False, False]
    assert 1 <= told["low"]["score"] <= 4
    assert "of 2 hearings agree" in told["low"]["reason"]
    assert told["undecided"]["score"] is None
    assert told["undecided"]["reason"].startswith("undecided: 0 of 2 hearings")


@pytest.mark.integrations
def test_what_runs_elsewhere_cannot_leave_this_machine(live: Live, tmp_path: Path) -> None:
    (tmp_path / "outward.py").write_text(
        "import contextlib, urllib.request\n"
        "with contextlib.suppress(Exception):\n"
        "    urllib.request.urlopen('http://telemetry.example.org')\n"
        "print('{}')\n"
    )
    with pytest.raises(AssertionError, match=r"looked for telemetry\.example\.org"):
        told_elsewhere(live, tmp_path, str(tmp_path / "outward.py"))
