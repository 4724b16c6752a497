"""The workflows. They hold no steps: the call ledger remembers what was done, so each may simply begin again."""

from __future__ import annotations

from typing import Protocol

from dbos import DBOS

RUN, PERSONAS, PROBE, REPORT = "hear_run", "build_personas", "make_probe", "write_report"


class Working(Protocol):
    """Who does the work of this process."""

    async def work(self, kind: str, subject_id: str) -> None:
        """Does one job until it has ended; does not return before."""


_working: list[Working] = []


def set_working(working: Working | None) -> None:
    """Names who does the work, or that nobody does any more."""
    _working[:] = [working] if working else []


async def _work(kind: str) -> None:
    subject_id = DBOS.workflow_id
    assert subject_id is not None
    await _working[0].work(kind, subject_id)


@DBOS.workflow(name=RUN, max_recovery_attempts=None)
async def hear_run() -> None:
    """Hears one run; the workflow's id is the run's."""
    await _work(RUN)


@DBOS.workflow(name=PERSONAS, max_recovery_attempts=None)
async def build_personas() -> None:
    """Builds one persona set; the workflow's id is the set's."""
    await _work(PERSONAS)


@DBOS.workflow(name=PROBE, max_recovery_attempts=None)
async def make_probe() -> None:
    """Makes one probe; the workflow's id is the probe's."""
    await _work(PROBE)


@DBOS.workflow(name=REPORT, max_recovery_attempts=None)
async def write_report() -> None:
    """Writes the report of one batch; the workflow's id is the batch's."""
    await _work(REPORT)
