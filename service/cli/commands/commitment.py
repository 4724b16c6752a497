"""`rehearing commitment`: when in its debate a stored run's verdict was settled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, Quiet, clean, print_json, results
from service.cli.probing import probed, tell_cost

if TYPE_CHECKING:
    from service.application import ProbeRecord

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def commitment(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A rn_ id.")],
    times: Annotated[int, typer.Option(min=2, max=50, help="Fresh verdicts after each turn.")] = 8,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draws the verdict anew after each turn of the run's debate, from its own models, and prints how far the draws agree."""
    from service.application import CommitmentRequest

    record = asyncio.run(probed(run, CommitmentRequest(times=times), "drawing verdicts anew", quiet))
    if json_:
        from service.api.answers.probes import commitment_answer

        print_json(commitment_answer(record))
    else:
        _print(record)
    return 0


def _print(record: ProbeRecord) -> None:
    from rich.table import Table

    table = Table("dimension", "turns heard", "most frequent verdict", "entropy (bits)", "decided", box=None)
    for name, points in (record.commitment or {}).items():
        for point in points:
            share = "" if point.modal_share is None else f"{point.modal_share:.0%} of the draws"
            entropy = "" if point.entropy is None else f"{point.entropy:.2f}"
            table.add_row(
                clean(name.replace("_", " ")), str(point.after), share, entropy, f"{point.n_used} of {point.n_asked}"
            )
    results().print(table)
    tell_cost(record, "100 % and 0 bits: every draw gave the same verdict")
