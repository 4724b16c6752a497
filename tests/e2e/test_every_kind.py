"""A dialogue, a summary of several sources and a pair, each heard over REST and from the command line, and checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from service.cli import program as shell
from tests.e2e.conftest import PERSONAS, RUBRIC, Program, Service

pytestmark = pytest.mark.timeout(600)
EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = {"dialogue": "dialogue", "summary": "summary", "pair": "summary"}
"""Kind of item and the rubric that it is heard with."""
FILES = {"dialogue": "dialogues.jsonl", "summary": "summaries_multi.jsonl", "pair": "pairs.jsonl"}
SIMULATED = "simulated:malformed=0.1"
"""Faults all along: replies cut short, off their scale, or prose."""


class Told(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Runs a command over a program's store in this process, which has imported what it needs: a second less for each."""

    def told(machine: Program, *arguments: str) -> Told:
        with monkeypatch.context() as patch:
            for name, value in machine.environment.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = shell.run(list(arguments))
        return Told(code, *capsys.readouterr())

    return told


def _item(kind: str) -> dict[str, Any]:
    line = (EXAMPLES / FILES[kind]).read_text(encoding="utf-8").splitlines()[0]
    item: dict[str, Any] = json.loads(line)
    return item | {"human": {}}


def _rubric(kind: str) -> Path:
    return EXAMPLES / "rubrics" / f"{KINDS[kind]}.yaml"


def _heard_over_rest(service: Service, kind: str, personas: str) -> tuple[str, str]:
    """The path of the run, and its id."""
    asked = {
        "item": _item(kind),
        "persona_set": personas,
        "rubric": yaml.safe_load(_rubric(kind).read_text(encoding="utf-8")),
        "models": [SIMULATED],
    }
    accepted = service.client.post("/v1/evaluations", json=asked)
    assert accepted.status_code == 202, accepted.text
    path = accepted.headers["location"]
    done = service.client.get(path, params={"wait": 60}).json()
    assert done["status"] == "completed", done
    (run,) = service.client.get(f"{path}/runs").json()["data"]
    return f"{path}/runs/{run['id']}", str(run["id"])


def test_every_kind_is_heard_over_rest_and_from_the_command_line(
    program: Callable[..., Program], command: Callable[..., Told]
) -> None:
    machine = program()
    service = machine.serve()
    personas = service.persona_set()
    names = [str(persona["name"]) for persona in PERSONAS]
    for kind in KINDS:
        path, run = _heard_over_rest(service, kind, personas)
        words = service.client.get(f"{path}/transcript", params={"format": "markdown"}).text
        assert all(f"**{name}**" in words for name in names), "a reader meets ids instead of names"
        assert ("(outputs swapped: " in words) is (kind == "pair")
    _evaluate(command, machine, personas)
    _replay(command, machine, run)
    assert service.client.get(f"{path}/commitment").status_code == 404
    for kind in ("commitment", "adherence"):
        _probe(command, machine, service, path, kind)
    told = service.client.get(f"{path}/drift").raise_for_status().json()
    assert told["model"] == "all-MiniLM-L6-v2"
    assert len(told["judges"]) == len(PERSONAS)
    assert all(0 < point["to_card"] < 1.2 for own in told["judges"].values() for point in own["points"])
    exported = command(machine, "export", run, "--format", "drift")
    assert json.loads(exported.out) == told, exported.err


def _probe(command: Callable[..., Told], machine: Program, service: Service, path: str, kind: str) -> None:
    """Asked for over REST, then from the command line: there the answers are those that are kept."""
    assert service.client.put(f"{path}/{kind}", json={"times": 2}).status_code in (200, 202)
    done = service.client.get(f"{path}/{kind}", params={"wait": 60}).json()
    assert done["status"] == "completed", done
    again = command(machine, kind, path.rpartition("/")[2], "--times", "2", "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out) == done, "answers that were kept were asked for again"
    for own in (done.get("judges") or {}).values():
        role = own["ratings"]["role"]
        assert role["low"] <= role["mean"] <= role["high"]
        assert role["n_used"] == role["n_asked"] >= 4


def _evaluate(command: Callable[..., Told], machine: Program, personas: str) -> None:
    """All kinds in one file."""
    items, out = [_item(kind) for kind in KINDS], machine.folder / "told"
    (machine.folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    (machine.folder / "rubric.json").write_text(json.dumps(RUBRIC), encoding="utf-8")
    files = (str(machine.folder / "items.jsonl"), "--rubric", str(machine.folder / "rubric.json"))
    told = command(
        machine,
        "evaluate",
        *files,
        "--personas",
        personas,
        "--repeats",
        "2",
        "--out",
        str(out),
        "--model",
        SIMULATED,
        "-q",
    )
    assert told.code == 0, told.err
    assert all(item["id"] in told.out for item in items)
    assert (out / "report.html").stat().st_size > 10_000
    assert len(list((out / "transcripts").glob("*.md"))) == 2 * len(items)


def _replay(command: Callable[..., Told], machine: Program, run: str) -> None:
    replayed = command(machine, "export", run, "--replay")
    assert replayed.code == 0, replayed.err
    assert "bit for bit" in replayed.err


def test_runs_heard_under_faults_replay_without_a_model(
    program: Callable[..., Program], model_server: Callable[..., Any], command: Callable[..., Told]
) -> None:
    faults = {"429": 0.05, "500": 0.02, "truncated": 0.03, "length": 0.02, "off_scale": 0.03, "refusal": 0.02}
    server = model_server(faults=faults)
    machine = program(
        REHEARING_MODEL="openai:bench", REHEARING_BASE_URL=server.base_url, REHEARING_API_KEY="none",
        REHEARING_ATTEMPT_TIMEOUT="PT2S",
    )  # fmt: skip
    service = machine.serve()
    batch = service.send(5, repeats=1, protocol={"arms": ["debate", "stance"], "coordinator": "model"})
    assert service.ended(batch, machine.talk)["status"] == "completed"
    asked = server.stats()["calls"]
    for _, run in service.runs(batch)[:1]:
        _replay(command, machine, run)
    assert server.stats()["calls"] == asked
    assert set(server.stats()["outcomes"]) >= {"ok", "429", "truncated", "off_scale"}
