"""`rehearing purge`: retention."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from service.cli.console import Quiet, print_json, talk

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@app.command()
def purge(
    older_than: Annotated[str, typer.Option("--older-than", help="An age: 36h, 90d, 8w.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")] = False,
    quiet: Quiet = False,
) -> None:
    """Deletes evaluations, batches and what belongs to them that ended longer ago; prints how many went, as JSON."""
    found = re.fullmatch(r"(\d{1,5})([hdw])", older_than)
    if not found:
        raise typer.BadParameter(f"{older_than!r} must look like 36h, 90d or 8w", param_hint="--older-than")
    asyncio.run(_purge(timedelta(**{_UNITS[found[2]]: int(found[1])}), older_than, dry_run, quiet))


async def _purge(age: timedelta, told_age: str, dry_run: bool, quiet: bool) -> None:
    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        print_json(asdict(await service.purge(age, dry_run=dry_run)))
    if quiet:
        return
    if dry_run:
        talk(f"nothing was deleted; do it with: rehearing purge --older-than {told_age}")
    else:
        talk("deleted for good; a batch to keep is written to a file by `rehearing export ba_… --out FILE`")
