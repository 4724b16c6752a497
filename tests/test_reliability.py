"""docs/reliability.md names the test that shows each line: each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)?(?:::)?(test_\w+)?`")


def named_tests() -> list[tuple[str, str]]:
    """(file, function) of every test that the page names; a function without a file belongs to the file named before."""
    found: list[tuple[str, str]] = []
    for line in (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").splitlines():
        file = ""
        for path, function in NAMED.findall(line):
            file = path or file
            if file:
                found.append((file, function))
    return found


def test_every_test_that_a_line_names_is_there() -> None:
    named = named_tests()
    assert len(named) > 40
    missing = [
        f"{file}::{function}"
        for file, function in named
        if not (ROOT / file).is_file() or (function and f"def {function}(" not in (ROOT / file).read_text())
    ]
    assert not missing
