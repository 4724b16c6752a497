"""`rehearing keys`: who may call the service."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from service.cli.console import Json, print_json, results, talk

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    owner: Annotated[str, typer.Option(help="Whose rows it makes and sees.")] = "default",
    scope: Annotated[str, typer.Option(help="read, write or admin; each holds the ones before it.")] = "write",
) -> None:
    """Prints a new key, once. Only its hash is stored."""
    asyncio.run(_create(name, owner, scope))


async def _create(name: str, owner: str, scope: str) -> None:
    from service.application import Scope, open_application
    from service.cli.local import settings_for

    if scope not in tuple(Scope):
        raise typer.BadParameter(f"{scope!r} must be one of {', '.join(Scope)}", param_hint="--scope")
    held = tuple(Scope)[: tuple(Scope).index(Scope(scope)) + 1]
    async with open_application(settings_for()) as service:
        record, secret = await service.keys.create(name, owner, held)
    print(secret)
    talk(
        f"{record.id} for owner {owner!r} with scope {scope}; it is shown this once. Send it as `Authorization: Bearer …`"
    )


@app.command("list")
def list_(json_: Json = False) -> None:
    """Every key, without its secret."""
    asyncio.run(_list(json_))


async def _list(json_: bool) -> None:
    from dataclasses import asdict

    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        keys = await service.keys.list()
    if json_:
        print_json(
            [{name: str(value) if value is not None else None for name, value in asdict(key).items()} for key in keys]
        )
        return
    console = results()
    for key in keys:
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
        console.print(f"{key.id}  {key.owner}  {'+'.join(key.scopes)}  {state}  {key.name}")
    if not keys:
        talk("there is no key; make one with `rehearing keys create`")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="A ky_ id from `rehearing keys list`.")]) -> None:
    """Makes a key useless, at once."""
    asyncio.run(_revoke(key_id))


async def _revoke(key_id: str) -> None:
    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        await service.keys.revoke(key_id)
    talk(f"{key_id} is revoked")
