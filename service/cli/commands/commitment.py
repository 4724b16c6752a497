"""`rehearing commitment`: when in its debate a stored run's verdict was settled."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, Quiet, clean, print_json, results, talk

if TYPE_CHECKING:
    from service.application import CommitmentRecord

app = typer.Typer(rich_markup_mode=None)


@app.command()
def commitment(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A rn_ id.")],
    times: Annotated[int, typer.Option(min=2, max=50, help="Fresh verdicts after each turn.")] = 8,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draws the verdict anew after each turn of the run's debate, from its own models, and prints how far the draws agree."""
    record = asyncio.run(_measure(run, times, quiet))
    if json_:
        dimensions = {name: [point._asdict() for point in points] for name, points in record.dimensions.items()}
        print_json({**asdict(record), "created_at": record.created_at.isoformat(), "dimensions": dimensions})
    else:
        _print(record)
    return 0


async def _measure(run_id: str, times: int, quiet: bool) -> CommitmentRecord:
    from service.application import open_application
    from service.cli.local import OWNER, settings_for

    async with open_application(settings_for()) as service:
        if not quiet:
            talk(f"asking the models of {run_id} for {times} verdicts after each turn; what is answered is kept")
        return await service.commitments.measure(OWNER, run_id, times)


def _print(record: CommitmentRecord) -> None:
    from rich.table import Table

    table = Table("dimension", "turns heard", "most frequent verdict", "entropy (bits)", "decided", box=None)
    for name, points in record.dimensions.items():
        for point in points:
            share = "" if point.modal_share is None else f"{point.modal_share:.0%} of the draws"
            entropy = "" if point.entropy is None else f"{point.entropy:.2f}"
            table.add_row(
                clean(name.replace("_", " ")), str(point.after), share, entropy, f"{point.n_used} of {point.n_asked}"
            )
    results().print(table)
    cost = "cost unknown" if record.cost_usd is None else f"${record.cost_usd:.2f}"
    talk(f"{record.calls} calls, {cost}; 100 % and 0 bits: every draw gave the same verdict")
    if record.simulated:
        talk("the simulated judge judged: for trying the service and testing the statistics, not for judging")
