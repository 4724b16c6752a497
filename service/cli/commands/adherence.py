"""`rehearing adherence`: how well the personas of a stored run stayed in role."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, Quiet, clean, print_json, results, talk
from service.cli.probing import probed, tell_cost

if TYPE_CHECKING:
    from service.application import ProbeRecord

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def adherence(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A rn_ id.")],
    times: Annotated[int, typer.Option(min=1, max=50, help="Ratings of each contribution.")] = 3,
    observer: Annotated[str | None, typer.Option(help="The model that rates; the run's first one by default.")] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Has an observer rate every contribution of the run, and prints how far each persona stayed in role."""
    from service.application import AdherenceRequest

    record = asyncio.run(probed(run, AdherenceRequest(times=times, observer=observer), "rating contributions", quiet))
    if json_:
        from service.api.answers.probes import adherence_answer

        print_json(adherence_answer(record))
    else:
        _print(record)
    return 0


def _print(record: ProbeRecord) -> None:
    from rich.table import Table

    table = Table("judge", "question", "mean", "95 % interval", "ratings used", box=None)
    judges = record.adherence or {}
    for judge, own in judges.items():
        for name, one in own.ratings.items():
            mean = "none" if one.mean is None else f"{one.mean:.2f} of {3 if name == 'role' else 5}"
            interval = "none" if one.low is None or one.high is None else f"{one.low:.2f} to {one.high:.2f}"
            used = f"{one.n_used} of {one.n_asked}"
            table.add_row(clean(judge), clean(name.replace("_", " ")), mean, interval, used)
    results().print(table)
    for judge, own in judges.items():
        if own.drift.onset is not None:
            talk(f"{clean(judge)} left its role: contribution {own.drift.onset + 1} is a point below its first")
    tell_cost(record, f"rated by {clean(record.observer or '')}")
