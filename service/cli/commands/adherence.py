"""`rehearing adherence`: how well the personas of a stored run stayed in role."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, Quiet, clean, print_json, results, talk

if TYPE_CHECKING:
    from service.application import AdherenceRecord

app = typer.Typer(rich_markup_mode=None)


@app.command()
def adherence(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A rn_ id.")],
    times: Annotated[int, typer.Option(min=1, max=20, help="Ratings of each contribution.")] = 3,
    observer: Annotated[str | None, typer.Option(help="The model that rates; the run's first one by default.")] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Has an observer rate every contribution of the run, and prints how far each persona stayed in role."""
    record = asyncio.run(_measure(run, times, observer, quiet))
    if json_:
        ratings = {judge: {name: one._asdict() for name, one in own.items()} for judge, own in record.ratings.items()}
        print_json(
            asdict(record) | {"ratings": ratings, "drift": {name: one._asdict() for name, one in record.drift.items()}}
        )
    else:
        _print(record)
    return 0


async def _measure(run_id: str, times: int, observer: str | None, quiet: bool) -> AdherenceRecord:
    from service.application import open_application
    from service.cli.local import OWNER, settings_for

    async with open_application(settings_for()) as service:
        if not quiet:
            talk(f"asking for {times} ratings of each contribution to {run_id}; what is answered is kept")
        return await service.observers.measure(OWNER, run_id, times, observer)


def _print(record: AdherenceRecord) -> None:
    from rich.table import Table

    table = Table("judge", "question", "mean", "95 % interval", "ratings used", box=None)
    for judge, own in record.ratings.items():
        for name, one in own.items():
            mean = "none" if one.mean is None else f"{one.mean:.2f} of {3 if name == 'role' else 5}"
            interval = "none" if one.low is None or one.high is None else f"{one.low:.2f} to {one.high:.2f}"
            used = f"{one.n_used} of {one.n_asked}"
            table.add_row(clean(judge), clean(name.replace("_", " ")), mean, interval, used)
    results().print(table)
    for judge, found in record.drift.items():
        if found.onset is not None:
            talk(f"{clean(judge)} left its role: contribution {found.onset + 1} is a point below its first")
    cost = "cost unknown" if record.cost_usd is None else f"${record.cost_usd:.2f}"
    talk(f"{record.calls} calls since the hearing, {cost}; rated by {clean(record.observer)}")
    if record.simulated:
        talk("the simulated judge judged or rated: for trying the service and testing the statistics, not for judging")
