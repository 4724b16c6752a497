"""The stability report in the terminal: what may be 0 is called so, and no debate is credited with second thoughts."""

from __future__ import annotations

import pytest

from service.cli.report_text import print_report
from stability import read_ratings, stability_report


def table(*rows: str) -> bytes:
    return "\n".join(("item,persona,run,score,arm,phase", *rows)).encode()


def shown(rows: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_report(stability_report(read_ratings(table(*rows))))
    return capsys.readouterr().out.splitlines()


def test_a_variance_that_may_be_0_is_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    # every persona says the same of an item but for one run's chance: no persona, no interaction
    rows = [f"i{i},p{p},{r},{i % 4 + (i + p + r) % 2},," for i in range(12) for p in range(2) for r in range(4)]
    lines = shown(rows, capsys)
    assert any("between personas" in line and line.rstrip().endswith("not distinguishable from 0") for line in lines)
    assert not any("variance between items" in line and "not distinguishable" in line for line in lines)
    assert any("effective number of judges" in line and "of 2 personas" in line for line in lines)


def test_second_thoughts_are_printed_before_the_debate_is_credited(capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for i in range(12):
        for p in range(3):
            for r in range(2):
                alone = i % 4 + (p + r) % 2
                rows += [f"i{i},p{p},{r},{alone},,alone"]
                rows += [f"i{i},p{p},{r},{alone + (i + r) % 2},self_reflection,restated"]
                rows += [f"i{i},p{p},{r},{alone + 1},stance,restated"]
    lines = shown(rows, capsys)
    spontaneous = next(n for n, line in enumerate(lines) if "on second thoughts" in line)
    assert lines[spontaneous].split()[5] == "0.5"
    assert "more after the peers' scores" in lines[spontaneous + 1]
    assert lines[spontaneous + 1].split()[5] == "0.5", "all changed under stance, half of them anyway"
