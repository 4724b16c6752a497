"""`rehearing keys`: who may call the service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, Quiet, print_json, results, talk

if TYPE_CHECKING:
    from service.application.records import KeyRecord

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Create, list and revoke API keys."
)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    owner: Annotated[str, typer.Option(help="Whose rows it makes and sees.")] = "default",
    scope: Annotated[str, typer.Option(help="read, write or admin; each holds the ones before it.")] = "write",
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Prints a new key, once. Only its hash is stored."""
    asyncio.run(_create(name, owner, scope, json_, quiet))


async def _create(name: str, owner: str, scope: str, json_: bool, quiet: bool) -> None:
    from service.application import Scope, open_application
    from service.cli.local import settings_for

    if scope not in tuple(Scope):
        raise typer.BadParameter(f"{scope!r} must be one of {', '.join(Scope)}", param_hint="--scope")
    held = tuple(Scope)[: tuple(Scope).index(Scope(scope)) + 1]
    async with open_application(settings_for()) as service:
        record, secret = await service.keys.create(name, owner, held)
    if json_:
        print_json(_plain(record) | {"key": secret})
    else:
        print(secret)
    if not quiet:
        talk(
            f"{record.id} for owner {owner!r} with scope {scope}; it is shown this once. "
            "Send it as `Authorization: Bearer …`"
        )


def _plain(record: KeyRecord) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    plain: dict[str, Any] = to_jsonable_python(record)
    return plain


@app.command("list")
def list_(json_: Json = False, quiet: Quiet = False) -> None:
    """Every key, without its secret."""
    asyncio.run(_list(json_, quiet))


async def _list(json_: bool, quiet: bool) -> None:
    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        keys = await service.keys.list()
    if json_:
        print_json([_plain(key) for key in keys])
        return
    console = results()
    for key in keys:
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "valid"
        console.print(f"{key.id}  {key.owner}  {'+'.join(key.scopes)}  {state}  {key.name}")
    if not keys and not quiet:
        talk("there is no key; make one with `rehearing keys create`")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="A ky_ id from `rehearing keys list`.")],
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Makes a key useless, at once."""
    asyncio.run(_revoke(key_id, json_, quiet))


async def _revoke(key_id: str, json_: bool, quiet: bool) -> None:
    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        record = await service.keys.revoke(key_id)
    if json_:
        print_json(_plain(record))
    if not quiet:
        talk(f"{key_id} is revoked")
