"""The recipes in examples/integrations, each run against a live service."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.service.api.conftest import ITEM, RUBRIC, Live

FOLDER = Path(__file__).parents[3] / "examples" / "integrations"
NEEDS = "{} is not installed: it asks for older packages than ours; examples/integrations/README.md says how to test it"


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
    context = {"prompt": "Summarise.", "vars": {}, "config": {"dimension": "clarity", "repeats": 2}}
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


def test_the_action_runs_the_gate_with_options_that_it_has() -> None:
    action = yaml.safe_load((FOLDER / "github-action.yml").read_text())
    step = next(step for step in action["jobs"]["judge"]["steps"] if step.get("name") == "Judge")
    program, *options = step["run"].split()[1:]
    assert (FOLDER.parents[1] / program).is_file()
    source = (FOLDER / "gate.py").read_text()
    assert all(f'"{option}"' in source for option in options if option.startswith("--"))
    assert {"REHEARING_URL", "REHEARING_PERSONA_SET", "REHEARING_RUBRIC", "REHEARING_KEY"} == step["env"].keys()


@pytest.mark.skipif(importlib.util.find_spec("inspect_ai") is None, reason=NEEDS.format("inspect-ai"))
def test_inspect(recipe: Any) -> None:
    from inspect_ai.model import ModelOutput
    from inspect_ai.scorer import Target
    from inspect_ai.solver import TaskState

    state = TaskState(
        model="none/none",
        sample_id="one",
        epoch=0,
        input="Summarise.",
        messages=[],
        output=ModelOutput.from_content("none", "Forty patients sent readings."),
    )
    score = asyncio.run(recipe("inspect_scorer").rehearing(repeats=2)(state, Target("")))
    assert 1 <= score.value <= 4
    assert score.metadata["n_asked"] == 2


@pytest.mark.skipif(importlib.util.find_spec("deepeval") is None, reason=NEEDS.format("deepeval"))
def test_deepeval(recipe: Any) -> None:
    from deepeval.test_case import LLMTestCase

    metric = recipe("deepeval_metric").RehearingMetric(threshold=1, repeats=2, agree_min=0)
    case = LLMTestCase(input="Summarise.", actual_output="Forty patients sent readings.")
    assert 1 <= metric.measure(case) <= 4
    assert metric.is_successful()
