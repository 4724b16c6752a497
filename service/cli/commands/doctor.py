"""`rehearing doctor`: what is configured, and whether it answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, Quiet, clean, print_json, results, talk

if TYPE_CHECKING:
    from service.application import Check

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    model: Annotated[str | None, typer.Option(help="Ask this model instead of the configured one.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    migrate: Annotated[bool, typer.Option("--migrate", help="Only bring the database up to this version.")] = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Checks settings, database, data folder, keys, embedding model, models and collector; exits with 1 when anything fails."""
    told = asyncio.run(_doctor(model, base_url, migrate))
    if json_:
        print_json(told)
    else:
        console = results()
        for row in told:
            console.print(clean(f"{row['state']:<9} {row['name']:<14} {row['detail']}"))
    failed = [row["name"] for row in told if row["state"] == "failed"]
    if not quiet:
        talk(
            f"mend {', '.join(failed)} and ask again"
            if failed
            else "all well; next: rehearing demo, or rehearing serve"
        )
    return 1 if failed else 0


async def _doctor(model: str | None, base_url: str | None, migrate: bool) -> list[dict[str, Any]]:
    from service.application import open_application
    from service.cli.checkup import check_up
    from service.cli.local import settings_for

    settings = settings_for(model, base_url)
    where = "Postgres, by REHEARING_DATABASE_URL" if settings.database_url else f"SQLite in {settings.data_dir}"
    told = [{"name": "settings", "state": "ok", "detail": f"model {settings.model!r}, {where}"}]
    async with open_application(settings) as service:
        checks = list(map(_lenient, (await service.health()).checks))
        if not migrate:
            tried = await check_up(service)
            checks = [one for one in checks if one.name not in {another.name for another in tried}] + tried
    return told + [{"name": check.name, "state": check.state, "detail": check.detail} for check in checks]


def _lenient(check: Check) -> Check:
    """A service that was not started yet has no worker: that is no failure of what is configured."""
    if check.name == "worker" and check.state == "failed":
        return replace(check, state="ok", detail="none is running; `rehearing serve` or `rehearing worker` starts one")
    return check
