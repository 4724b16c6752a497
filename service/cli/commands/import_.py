"""`rehearing import`: a batch that another installation exported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import Quiet, talk

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `rehearing export ba_…` wrote.")], quiet: Quiet = False
) -> None:
    """Stores an exported batch here: personas, items, runs, calls and verdicts."""
    if not file.is_file():
        raise typer.BadParameter(f"{file} is not a file", param_hint="FILE")
    asyncio.run(_import(file, quiet))


async def _import(file: Path, quiet: bool) -> None:
    from service.application import open_application
    from service.cli.local import OWNER, settings_for

    async def chunks() -> AsyncIterator[bytes]:
        with file.open("rb") as source:
            while chunk := source.read(1 << 20):
                yield chunk

    async with open_application(settings_for()) as service:
        record = await service.batches.import_(OWNER, chunks())
    print(record.id)
    if not quiet:
        total = record.counts.get("total", 0)
        talk(f"imported {total} evaluations; read them with `rehearing serve` at /batches/{record.id}")
