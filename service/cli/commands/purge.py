"""`rehearing purge`: retention."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from service.cli.console import print_json

app = typer.Typer(rich_markup_mode=None)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@app.command()
def purge(older_than: Annotated[str, typer.Option("--older-than", help="An age: 36h, 90d, 8w.")]) -> None:
    """Deletes evaluations, batches and what belongs to them that ended longer ago; prints what went."""
    found = re.fullmatch(r"(\d+)([hdw])", older_than)
    if not found:
        raise typer.BadParameter(f"{older_than!r} must look like 36h, 90d or 8w", param_hint="--older-than")
    asyncio.run(_purge(timedelta(**{_UNITS[found[2]]: int(found[1])})))


async def _purge(age: timedelta) -> None:
    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        print_json(asdict(await service.purge(age)))
