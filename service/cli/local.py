"""A hearing on this machine: documents in, personas, runs, results; what `demo` and `evaluate` share."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from agents import Item, Rubric
    from service.application import Application, BatchRecord, EvaluationRecord, PersonaSetRecord
    from service.settings import Settings

OWNER = None
"""The person at the terminal sees every owner's rows: the database is a file of theirs."""

POLL_S = 0.2


def settings_for(model: str | None = None, base_url: str | None = None) -> Settings:
    """The installation's settings, with what the command line says about the model put over them."""
    from service.settings import Settings

    over = {name: value for name, value in (("model", model), ("base_url", base_url)) if value is not None}
    return Settings(**over)  # type: ignore[arg-type]


@asynccontextmanager
async def at_work(settings: Settings) -> AsyncIterator[Application]:
    """The application, working on runs in this process until the block ends."""
    from service.opening import open_service

    async with open_service(settings, work=True) as app:
        yield app


def read_rubric(path: Path) -> Rubric:
    """A rubric from YAML or JSON. Raises pydantic.ValidationError naming the field, typer.BadParameter naming the line."""
    import yaml

    from agents import Rubric

    try:
        held = yaml.safe_load(_text(path, path.read_bytes()))
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise typer.BadParameter(f"{path}{line}: no YAML: {error.problem or error.context}") from error
    return Rubric.model_validate(held)


def _text(path: str | Path, held: bytes) -> str:
    """What a file says. Raises typer.BadParameter that names the line which is not UTF-8."""
    try:
        return held.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = held.count(b"\n", 0, error.start) + 1
        raise typer.BadParameter(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from error


def read_items(path: str | Path) -> list[Item]:
    """Items, one JSON object a line; `-` reads stdin. Raises typer.BadParameter that names the line."""
    from pydantic import ValidationError

    from agents import item_adapter

    items: list[Item] = []
    seen: dict[str, int] = {}
    held = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    for number, line in enumerate(_text(path, held).split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = item_adapter.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "item"
            raise typer.BadParameter(f"{path}:{number}: {place}: {first['msg']}") from error
        if item.id in seen:
            raise typer.BadParameter(f"{path}:{number}: id {item.id!r} stands on line {seen[item.id]} already")
        seen[item.id] = number
        items.append(item)
    if not items:
        raise typer.BadParameter(f"{'stdin' if path == '-' else path} holds no item; write one JSON object a line")
    return items


async def build_personas(
    app: Application, folder: Path, *, options: dict[str, object], bar: Progress, name: str = ""
) -> PersonaSetRecord:
    """A persona set from every readable file of `folder`; files that cannot be read are named on stderr."""
    from service.application import PersonaSetRequest

    ids = await keep_folder(app, folder, bar)
    record = await app.persona_sets.create(
        OWNER, PersonaSetRequest(name=name or folder.name, documents=ids, options=options)
    )
    return await _until_built(app, record.id, bar)


async def keep_folder(app: Application, folder: Path, bar: Progress) -> tuple[str, ...]:
    """Ids of the stored documents of `folder`; files that cannot be read are named on stderr."""
    from clustering import read_documents
    from service.cli.console import talk

    task = bar.add_task("reading documents", total=None)

    def reading(stage: str, done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    found = await asyncio.to_thread(read_documents, folder, progress=reading)
    added = await app.documents.store([app.documents.take(OWNER, found.documents)])
    skipped = [(one.name, f"{one.reason}: {one.detail}") for one in found.skipped]
    for where, why in [*skipped, *((one.name, one.reason) for one in added.skipped)]:
        talk(f"skipped {where}: {why}")
    return tuple(document.id for document in added.documents)


async def _until_built(app: Application, set_id: str, bar: Progress) -> PersonaSetRecord:
    task = bar.add_task("building personas", total=None)
    while True:
        record = await app.persona_sets.get(OWNER, set_id)
        progress = record.state.progress
        stage = f"personas: {progress.stage}" if progress.stage else "building personas"
        bar.update(task, total=progress.total or None, completed=progress.done, description=stage)
        if record.state.status.ended:
            bar.update(task, description="building personas", total=1, completed=1)
            require_completed(record.state, f"persona set {set_id}")
            return record
        await asyncio.sleep(POLL_S)


def require_completed(state: Any, what: str) -> None:
    """Raises RuntimeError with the job's own reason unless it completed."""
    if state.status != "completed":
        raise RuntimeError(f"{what} {state.status}: {state.error or 'no reason was given'}")


def require_verdicts(batch: BatchRecord, evaluations: Sequence[EvaluationRecord]) -> None:
    """Raises unless the batch completed, with the first item's reason.

    ModelConfigurationError where the model cannot be used as it is configured, else RuntimeError.
    """
    from llm import ModelConfigurationError

    lost = next((one.state for one in evaluations if one.state.error), batch.state)
    if lost.error_code == "model_unusable" and batch.state.status != "completed":
        raise ModelConfigurationError(f"batch {batch.id} {batch.state.status}: {lost.error}")
    require_completed(replace(batch.state, error=batch.state.error or lost.error), f"batch {batch.id}")


async def document_names(app: Application, record: PersonaSetRecord) -> dict[str, str]:
    """The names of a set's documents by their ids."""
    titles = await app.documents.titles(OWNER, record.document_ids)
    return {one: titles.get(one) or one for one in record.document_ids}


def check_models(app: Application, specs: Sequence[str]) -> None:
    """Opens the models that are to judge, the installation's own without any: before documents are read for personas,
    which takes a while. Raises ModelConfigurationError."""
    for spec in specs or (app.context.settings.model,):
        app.context.models.check(spec)


async def hear_batch(
    app: Application, items: Sequence[Item], *, bar: Progress, label: str, **hearing: Any
) -> BatchRecord:
    """A batch of the items, followed until it has ended and its report is made."""
    from service.application import BatchRequest

    lines = [
        json.dumps({"custom_id": item.id, "item": item.model_dump(mode="json")}).encode() + b"\n" for item in items
    ]

    async def chunks() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    record = await app.batches.create(OWNER, BatchRequest(name=label, **hearing), chunks())
    task = bar.add_task(f"hearing {label}", total=record.state.progress.total or len(items))
    waiting: set[str] = set()
    while not record.state.status.ended or record.report_status == "pending":
        await asyncio.sleep(POLL_S)
        waiting = tell_of_waiting(waiting)
        record = await app.batches.get(OWNER, record.id)
        bar.update(task, total=record.state.progress.total, completed=record.state.progress.done)
    return record


def tell_of_waiting(known: set[str]) -> set[str]:
    """Says which models began or ceased to be waited for; known: those told of before. Gives those waited for now."""
    from llm import troubles
    from service.cli.console import talk

    found = troubles()
    for spec, trouble in found.items():
        if spec not in known:
            talk(
                f"waiting for {spec}, for up to {_lasting(trouble.patience_s)}: {trouble.reason}. "
                "What is done stays; Ctrl-C stops (REHEARING_PROVIDER_PATIENCE sets how long)"
            )
    for spec in sorted(known - found.keys()):
        talk(f"{spec} answers again, or was given up")
    return set(found)


def _lasting(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


async def evaluations_of(app: Application, batch_id: str) -> list[EvaluationRecord]:
    """Every evaluation of a batch, in the order of its lines."""
    from service.application import EvaluationFilter, Place

    found: list[EvaluationRecord] = []
    after: Place | None = None
    while True:
        page = await app.evaluations.list(OWNER, EvaluationFilter(batch_id=batch_id), after=after, limit=100)
        found += page.rows
        if not page.has_more:
            return sorted(found, key=lambda record: (record.created_at, record.id))
        after = Place(page.rows[-1].created_at, page.rows[-1].id)


async def write_transcripts(app: Application, evaluations: Sequence[EvaluationRecord], folder: Path) -> int:
    """Every run's transcript as Markdown in `folder`; how many were written."""
    from agents import transcript_markdown

    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for evaluation in evaluations:
        personas = await app.persona_sets.get(OWNER, evaluation.persona_set_id)
        for run in await app.runs.list(OWNER, evaluation.id):
            if run.state.status != "completed":
                continue
            result = await app.runs.result(OWNER, run.id)
            name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in evaluation.item_id)[:80]
            path = folder / f"{name}-{run.repeat + 1}.md"
            path.write_text(transcript_markdown(result, personas.persona_set, evaluation.item), encoding="utf-8")
            count += 1
    return count
