"""`rehearing personas`: a persona set from a folder of documents."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import Json, Quiet, print_json, progress, talk

app = typer.Typer(rich_markup_mode=None)


@app.command()
def personas(
    documents: Annotated[Path, typer.Argument(help="A folder of txt, md, html, pdf, docx, jsonl or csv files.")],
    model: Annotated[
        str | None, typer.Option(help="Model that extracts perspectives; without one: extractive.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Field of the persona options: NAME=VALUE (repeatable).")
    ] = None,
    name: Annotated[str, typer.Option(help="What to call the set.")] = "",
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Builds stakeholder personas and prints each with one verbatim quote."""
    if not documents.is_dir():
        raise typer.BadParameter(f"{documents} is not a folder", param_hint="DOCUMENTS")
    asyncio.run(_personas(documents, model, base_url, option, name, json_, quiet))


async def _personas(
    documents: Path,
    model: str | None,
    base_url: str | None,
    option: list[str] | None,
    name: str,
    json_: bool,
    quiet: bool,
) -> None:
    import yaml

    from service.cli.commands.stability import pairs
    from service.cli.hearing_text import print_personas
    from service.cli.local import at_work, build_personas, document_names, settings_for

    options: dict[str, object] = {key: yaml.safe_load(value) for key, value in pairs(option, "--option").items()}
    settings = settings_for(base_url=base_url).model_copy(update={"persona_model": model})
    async with at_work(settings) as service:
        with progress(quiet) as bar:
            record = await build_personas(service, documents, options=options, bar=bar, name=name)
        names = await document_names(service, record)
    assert record.persona_set is not None
    if json_:
        print_json(record.persona_set)
    else:
        print_personas(record.persona_set, names)
    if not quiet:
        talk(
            f"stored as {record.id}; judge with it: rehearing evaluate ITEMS.jsonl --personas {record.id} --rubric RUBRIC.yaml"
        )
