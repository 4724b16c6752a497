"""`rehearing personas`: a persona set from a folder of documents, or a changed one from a stored set."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Json, Quiet, print_json, progress, talk

if TYPE_CHECKING:
    from service.application import PersonaSetCalibration, PersonaSetEdit, PersonaSetRecord

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_NOT_TEXT = ("traits", "relationships", "demographics", "weight")
"""Fields of a card whose new value is read as YAML: `--change 'nurse-1.traits=[brief, tired]'`."""


@app.command()
def personas(
    documents: Annotated[
        str, typer.Argument(help="A folder of txt, md, html, pdf, docx, jsonl or csv files; or a ps_ id.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Model that extracts perspectives; without one: extractive.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="Field of the persona options: NAME=VALUE (repeatable).")
    ] = None,
    demographics: Annotated[
        bool, typer.Option("--demographics", help="Give personas what the documents state: age, gender, place, …")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and spend nothing.")] = False,
    name: Annotated[str, typer.Option(help="What to call the set.")] = "",
    unpin: Annotated[list[str] | None, typer.Option(help="Let this persona be dropped again (repeatable).")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Leave this persona out (repeatable).")] = None,
    merge: Annotated[list[str] | None, typer.Option(help="ID,ID,…: one persona with the first's card.")] = None,
    change: Annotated[list[str] | None, typer.Option(help="ID.FIELD=VALUE: rewrite part of a card.")] = None,
    pin: Annotated[list[str] | None, typer.Option(help="Keep this persona from being dropped (repeatable).")] = None,
    assign: Annotated[
        Path | None, typer.Option(help="A folder of new documents: where in the set do their statements belong?")
    ] = None,
    calibrate: Annotated[
        Path | None, typer.Option(help="YAML with the population's `margins`: weight the personas to match them.")
    ] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Builds stakeholder personas and prints each with one verbatim quote.

    Of a ps_ id it prints what is stored; with --assign where new documents belong in it; with --drop, --merge, --change, --pin or --unpin it stores a new, changed set; with --calibrate a new, weighted one.
    """
    edit = _edit(name, unpin, drop, merge, change, pin)
    if assign is not None:
        if edit is not None or not documents.startswith("ps_") or not assign.is_dir():
            raise typer.BadParameter("needs a ps_ id, a folder, and no changes beside it", param_hint="--assign")
        asyncio.run(_assign(documents, assign, json_, quiet))
        return
    if documents.startswith("ps_") and not Path(documents).exists():
        if calibrate is not None and edit is not None:
            raise typer.BadParameter("change the set first, then calibrate the new one", param_hint="--calibrate")
        asyncio.run(_stored(documents, _calibration(calibrate, name) if calibrate else edit, json_, quiet))
        return
    if edit is not None or calibrate is not None:
        raise typer.BadParameter("changes need a ps_ id; build the set first", param_hint="DOCUMENTS")
    if not Path(documents).is_dir():
        raise typer.BadParameter(f"{documents} is neither a folder nor a ps_ id", param_hint="DOCUMENTS")
    options = [*(option or []), *(["demographics=true"] if demographics else [])]
    if dry_run:
        asyncio.run(_dry_run(Path(documents), model, base_url, options, json_, quiet))
        return
    asyncio.run(_build(Path(documents), model, base_url, options, name, json_, quiet))


async def _build(
    documents: Path,
    model: str | None,
    base_url: str | None,
    option: list[str] | None,
    name: str,
    json_: bool,
    quiet: bool,
) -> None:
    from service.cli.local import at_work, build_personas, document_names, settings_for

    options = _options(option)
    settings = settings_for(base_url=base_url).model_copy(update={"persona_model": model})
    async with at_work(settings) as service:
        with progress(quiet) as bar:
            record = await build_personas(service, documents, options=options, bar=bar, name=name)
        names = await document_names(service, record)
    _tell(record, names, json_, quiet)


def _options(option: list[str] | None) -> dict[str, object]:
    import yaml

    from service.cli.commands.stability import pairs

    return {key: yaml.safe_load(value) for key, value in pairs(option, "--option").items()}


async def _dry_run(
    folder: Path, model: str | None, base_url: str | None, option: list[str] | None, json_: bool, quiet: bool
) -> None:
    """The estimate, made in a data folder that goes away again."""
    from dataclasses import asdict
    from tempfile import TemporaryDirectory

    from service.application import PersonaSetRequest, open_application
    from service.cli.hearing_text import print_estimate
    from service.cli.local import OWNER, keep_folder, settings_for

    with TemporaryDirectory(prefix="rehearing-") as scratch:
        over = {"persona_model": model, "data_dir": Path(scratch), "database_url": None}
        async with open_application(settings_for(base_url=base_url).model_copy(update=over)) as service:
            with progress(quiet) as bar:
                ids = await keep_folder(service, folder, bar)
            asked = PersonaSetRequest(documents=ids, options=_options(option))
            told = await service.persona_sets.estimate(OWNER, asked)
    if json_:
        print_json(asdict(told))
    else:
        print_estimate([told])
    if not quiet:
        talk("nothing was stored or asked; leave out --dry-run to build the set")


async def _stored(
    persona_set_id: str, change: PersonaSetEdit | PersonaSetCalibration | None, json_: bool, quiet: bool
) -> None:
    from service.application import PersonaSetEdit, open_application
    from service.cli.local import OWNER, document_names, require_completed, settings_for

    async with open_application(settings_for()) as service:
        if change is None:
            record = await service.persona_sets.get(OWNER, persona_set_id)
        elif isinstance(change, PersonaSetEdit):
            record = await service.persona_sets.edit(OWNER, persona_set_id, change)
        else:
            record = await service.persona_sets.calibrate(OWNER, persona_set_id, change)
        require_completed(record.state, f"persona set {record.id}")
        names = await document_names(service, record)
    _tell(record, names, json_, quiet)


async def _assign(persona_set_id: str, folder: Path, json_: bool, quiet: bool) -> None:
    from clustering import read_documents
    from service.application import open_application
    from service.cli.hearing_text import print_assignments
    from service.cli.local import OWNER, settings_for

    reading = read_documents(folder)
    if not quiet:
        for one in reading.skipped:
            talk(f"skipped {one.name}: {one.reason}: {one.detail}")
    async with open_application(settings_for()) as service:
        found = await service.persona_sets.assign(OWNER, persona_set_id, reading.documents)
    if json_:
        print_json([asdict(one) | {"span": one.span.model_dump()} for one in found])
    else:
        print_assignments(found)


def _tell(record: PersonaSetRecord, names: dict[str, str], json_: bool, quiet: bool) -> None:
    from service.cli.hearing_text import print_personas

    assert record.persona_set is not None
    if json_:
        print_json(record.persona_set)
    else:
        print_personas(record.persona_set, names)
    if not quiet:
        where = f"stored as {record.id}" + (f", edited from {record.parent}" if record.parent else "")
        raked = " --aggregation raked" if record.persona_set.calibration else ""
        talk(
            f"{where}; judge with it: rehearing evaluate ITEMS.jsonl --personas {record.id} --rubric RUBRIC.yaml{raked}"
        )


def _edit(
    name: str,
    unpin: list[str] | None,
    drop: list[str] | None,
    merge: list[str] | None,
    change: list[str] | None,
    pin: list[str] | None,
) -> PersonaSetEdit | None:
    """The changes that were asked for; None for none. Raises typer.BadParameter, pydantic.ValidationError."""
    if not (unpin or drop or merge or change or pin):
        return None
    import yaml

    from service.application import PersonaMerge, PersonaSetEdit
    from service.cli.commands.stability import pairs

    changes: dict[str, dict[str, object]] = {}
    for place, value in pairs(change, "--change").items():
        persona_id, dot, field = place.rpartition(".")
        if not dot:
            raise typer.BadParameter(f"{place!r} must look like ID.FIELD=VALUE", param_hint="--change")
        changes.setdefault(persona_id, {})[field] = yaml.safe_load(value) if field in _NOT_TEXT else value
    merges = tuple(PersonaMerge(ids=tuple(one.strip() for one in ids.split(","))) for ids in merge or [])
    return PersonaSetEdit(
        name=name,
        unpin=tuple(unpin or ()),
        drop=tuple(drop or ()),
        merge=merges,
        change=changes,
        pin=tuple(pin or ()),
    )


def _calibration(path: Path, name: str) -> PersonaSetCalibration:
    """A population from YAML or JSON. Raises typer.BadParameter, pydantic.ValidationError."""
    import yaml

    from service.application import PersonaSetCalibration

    asked = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(asked, dict):
        raise typer.BadParameter(
            f"{path} must hold `margins: {{ATTRIBUTE: {{CATEGORY: SHARE}}}}`", param_hint="--calibrate"
        )
    return PersonaSetCalibration.model_validate({"name": name, **asked})
