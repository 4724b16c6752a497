"""Asking about a heard run from the command line: the job is stored, worked on here, and followed to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.cli.console import progress, talk

if TYPE_CHECKING:
    from service.application import AdherenceRequest, CommitmentRequest, ProbeRecord


async def probed(run_id: str, request: CommitmentRequest | AdherenceRequest, label: str, quiet: bool) -> ProbeRecord:
    """The probe once it has completed. Raises RuntimeError with its own reason where it does not.

    Broken off, it is gone on with by whoever works next on this database, or by the same command.
    """
    from service.cli.local import OWNER, POLL_S, at_work, require_completed, settings_for, tell_of_waiting

    waiting: set[str] = set()
    async with at_work(settings_for()) as service:
        record = await service.probes.put(OWNER, run_id, request)
        with progress(quiet) as bar:
            task = bar.add_task(label, total=None)
            while not record.state.status.ended:
                await asyncio.sleep(POLL_S)
                waiting = tell_of_waiting(waiting)
                record = await service.probes.get(OWNER, run_id, record.kind)
                bar.update(task, total=record.state.progress.total or None, completed=record.state.progress.done)
    require_completed(record.state, f"the {record.kind} of run {run_id}")
    return record


def tell_cost(record: ProbeRecord, more: str) -> None:
    """What it came to, and who judged."""
    cost = "cost unknown" if record.spent.cost_usd is None else f"${record.spent.cost_usd:.2f}"
    talk(f"{record.spent.calls} calls, {cost}; {more}")
    if record.simulated:
        talk("the simulated judge had a part in it: for trying the service and testing the statistics, not for judging")
