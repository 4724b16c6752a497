"""Tests that share something dear are kept together, and the list of them names what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scheduling import TOGETHER, group_of, made_once

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("start", [start for starts in TOGETHER.values() for start in starts])
def test_what_is_kept_together_exists(start: str) -> None:
    file, _, test = start.partition("::")
    assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8")


def test_a_test_is_in_its_group_or_alone() -> None:
    assert group_of("tests/service/pages/test_pages.py::test_a[b]") == group_of(
        "tests/service/pages/test_browser.py::c"
    )
    assert group_of("tests/llm/test_gate.py::test_a") == "tests/llm/test_gate.py::test_a"


def test_what_is_made_twice_in_a_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = tmp_path / "gw0", tmp_path / "gw1"
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "this")
    made_once("site", workers[0])
    with pytest.raises(FileExistsError, match="site-this"):
        made_once("site", workers[1])
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "another")
    made_once("site", workers[1])
