"""The program as a shell sees it: exit codes, streams, one line for an error."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from service.cli.program import COMMANDS, run

RATINGS = """item,persona,run,score
a,strict,1,2
a,strict,2,2
a,mild,1,4
a,mild,2,4
b,strict,1,3
b,strict,2,3
b,mild,1,5
b,mild,2,5
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert name in capsys.readouterr().out


def test_an_unknown_command_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["judge"]) == 2
    assert "judge" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "place"), [(["batch"], "batch --help"), (["demo", "--colour"], "demo --help")])
def test_wrong_usage_says_where_to_look(words: list[str], place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    told = capsys.readouterr().err
    assert f"`rehearing {place}`" in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("words", [["frobnicate"], ["demo", "--nothing-like-it"], ["export"], ["keys", "creat"]])
def test_the_pointer_to_the_help_is_a_sentence_of_its_own(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    told = capsys.readouterr().err.strip()
    before, _, after = told.rpartition(" See `")
    assert before[-1] in ".?", told
    assert before[-2] not in ".?", told
    assert after.endswith("--help`.")


def test_a_mistyped_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evalute"]) == 2
    assert "Did you mean 'evaluate'?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["keys"]])
def test_without_a_command_the_help_is_shown_as_it_is(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--help"]) == 0
    assert run(words) == 2
    told = capsys.readouterr()
    assert told.err == told.out


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"rehearing {version('rehearing')}\n"


def test_completion_is_offered_once_for_the_whole_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "--show-completion" in capsys.readouterr().out
    for name in COMMANDS:
        run([name, "--help"])
        assert "completion" not in capsys.readouterr().out


def test_stability_of_a_handmade_table_prints_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.csv").write_text(RATINGS)
    assert run(["stability", str(tmp_path / "r.csv"), "--tau", "3.5"]) == 0
    out = capsys.readouterr().out
    assert "2 items" in out
    assert "2 personas" in out


def test_stability_as_json_is_the_published_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.csv").write_text(RATINGS)
    assert run(["stability", str(tmp_path / "r.csv"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == "rehearing.report/1"
    assert report["dimensions"]["score"]["components"]["run"]["value"] == 0
    assert report["dimensions"]["score"]["components"]["persona"]["value"] == pytest.approx(2.0)


def test_a_wrong_column_is_one_line_and_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.csv").write_text("item,judge,run\na,b,1\n")
    assert run(["stability", str(tmp_path / "r.csv")]) == 2
    error = capsys.readouterr().err
    assert "score" in error
    assert len(error.strip().splitlines()) == 1


def test_a_missing_file_is_one_line_and_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stability", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_fail_under_is_three(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(RATINGS.replace("2,5\n", "2,1\n"))
    assert run(["stability", str(tmp_path / "r.csv"), "--fail-under", "0.99", "-q"]) == 3


def test_control_characters_of_untrusted_text_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.csv").write_text(
        "item,persona,run,score,dimension\n" + "a,p,1,2,evil\x1b[2J\n" + "a,p,2,3,evil\x1b[2J\n"
    )
    run(["stability", str(tmp_path / "r.csv")])
    assert "\x1b" not in capsys.readouterr().out


def test_stability_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(RATINGS)
    program = (
        "import sys\n"
        "from service.cli.program import run\n"
        f"assert run(['stability', {str(tmp_path / 'r.csv')!r}, '-q']) == 0\n"
        "heavy = {'torch', 'langchain_core', 'langgraph', 'fastapi', 'sentence_transformers', 'openai', 'dbos', 'sqlalchemy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('{"kind": "summary", "id": "a", "sources": [], "output": "x"}', "sources"),
        ('{"kind": "poem", "id": "a"}', "kind"),
        ('{"kind": "text", "id": "a", "instruction": "x", "output": "y", "colour": 1}', "colour"),
    ],
)
def test_a_bad_item_names_its_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, place: str
) -> None:
    items, rubric = tmp_path / "items.jsonl", tmp_path / "rubric.yaml"
    items.write_text('{"kind": "text", "id": "ok", "instruction": "x", "output": "y"}\n' + line + "\n")
    rubric.write_text(
        "name: r\ndimensions: [{name: d, question: q, levels: [{value: 1, label: a}, {value: 2, label: b}]}]\n"
    )
    assert run(["evaluate", str(items), "--personas", "ps_x", "--rubric", str(rubric)]) == 2
    error = capsys.readouterr().err
    assert "items.jsonl:2" in error
    assert place in error


def test_a_threshold_off_its_scale_names_the_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items, rubric = tmp_path / "items.jsonl", tmp_path / "rubric.yaml"
    items.write_text('{"kind": "text", "id": "ok", "instruction": "x", "output": "y"}\n')
    rubric.write_text(
        "name: r\ndimensions: [{name: d, question: q, pass_threshold: 9, levels: [{value: 1, label: a}, {value: 2, label: b}]}]\n"
    )
    assert run(["evaluate", str(items), "--personas", "ps_x", "--rubric", str(rubric)]) == 2
    assert "pass_threshold 9" in capsys.readouterr().err


def test_an_address_that_is_taken_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--port", str(port)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert f"127.0.0.1:{port}" in told[0]
    assert "--port" in told[0]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_shell_completes_commands_and_options() -> None:
    """As bash does it: the printed script is sourced, and its function called with the words so far."""
    program = Path(sys.executable).with_name("rehearing")
    script = """
        source <("$0" --show-completion bash)
        complete -p rehearing >/dev/null || exit 9
        COMP_WORDS=(rehearing sta) COMP_CWORD=1; _rehearing_completion "$0"; echo "${COMPREPLY[*]}"
        COMP_WORDS=(rehearing evaluate --fail) COMP_CWORD=2; _rehearing_completion "$0"; echo "${COMPREPLY[*]}"
    """
    told = subprocess.run(["bash", "-c", script, str(program)], capture_output=True, text=True, timeout=120, check=True)
    assert told.stdout.split() == ["stability", "--fail-under"]
