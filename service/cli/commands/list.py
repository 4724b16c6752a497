"""`rehearing list`: what this installation holds, and the ids that other commands ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from service.cli.console import Json, Quiet, clean, print_json, results, talk

if TYPE_CHECKING:
    from datetime import datetime

    from service.application import Application, EvaluationRecord

    Lines = Sequence["Line"]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


class Line(NamedTuple):
    """One thing that is stored."""

    id: str
    created_at: datetime
    status: str
    about: str


class Listed(NamedTuple):
    lines: Lines
    next: str
    """The command that goes on from here."""
    more: bool = False


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]",
            help="persona-sets, batches, evaluations, or an id: a ba_ id for its evaluations, an ev_ id for its runs.",
        ),
    ] = "batches",
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    json_: Json = False,
    quiet: Quiet = False,
) -> None:
    """Prints one line each, newest first; a batch's evaluations with the least stable first."""
    asyncio.run(_list(what, limit, json_, quiet))


async def _list(what: str, limit: int, json_: bool, quiet: bool) -> None:
    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        found = await _found(service, what, limit)
    if json_:
        print_json([{**line._asdict(), "created_at": line.created_at.isoformat()} for line in found.lines])
    else:
        console = results()
        for line in found.lines:
            console.print(
                f"{line.id}  {line.created_at:%Y-%m-%d %H:%M}  {line.status:<9}  {clean(line.about)}", soft_wrap=True
            )
    if not quiet:
        talk(f"there are more; see --limit. {found.next}" if found.more else found.next)


async def _found(service: Application, what: str, limit: int) -> Listed:
    if what == "persona-sets":
        return await _persona_sets(service, limit)
    if what == "batches":
        return await _batches(service, limit)
    if what == "evaluations":
        return await _newest(service, limit)
    if what.startswith("ba_"):
        return await _evaluations(service, what, limit)
    if what.startswith("ev_"):
        return await _runs(service, what, limit)
    raise typer.BadParameter(
        f"{what!r} must be persona-sets, batches, evaluations, a ba_ id or an ev_ id", param_hint="WHAT"
    )


async def _persona_sets(service: Application, limit: int) -> Listed:
    page = await service.persona_sets.list(None, limit=limit)
    lines = [
        Line(one.id, one.created_at, one.state.status, f"{one.personas or 0} personas  {one.name}") for one in page.rows
    ]
    return Listed(
        lines,
        f"read one: rehearing personas {lines[0].id}" if lines else "none yet: rehearing personas FOLDER builds one",
        page.has_more,
    )


async def _batches(service: Application, limit: int) -> Listed:
    page = await service.batches.list(None, limit=limit)
    lines = [
        Line(one.id, one.created_at, one.state.status, f"{one.counts.get('total', 0)} items  {one.name}")
        for one in page.rows
    ]
    return Listed(
        lines,
        f"its evaluations: rehearing list {lines[0].id}"
        if lines
        else "no batch yet: rehearing evaluate hears one; rehearing list evaluations shows what was sent alone",
        page.has_more,
    )


async def _newest(service: Application, limit: int) -> Listed:
    page = await service.evaluations.list(None, limit=limit)
    following = f"its runs: rehearing list {page.rows[0].id}" if page.rows else "none yet: rehearing evaluate hears one"
    return Listed([_heard(one) for one in page.rows], following, page.has_more)


async def _evaluations(service: Application, batch_id: str, limit: int) -> Listed:
    from service.application import EvaluationFilter

    await service.batches.get(None, batch_id)
    page = await service.evaluations.list(None, EvaluationFilter(batch_id=batch_id), limit=limit, order="least_stable")
    lines = [_heard(one) for one in page.rows]
    return Listed(lines, f"its runs: rehearing list {lines[0].id}" if lines else "it holds none", page.has_more)


def _heard(one: EvaluationRecord) -> Line:
    return Line(one.id, one.created_at, one.state.status, f"{_agreement(one)}  {one.item_id}")


def _agreement(evaluation: EvaluationRecord) -> str:
    """How far its repeats came out alike, on the dimension where they did so least."""
    from service.application.scoring import disagreement_columns

    share = disagreement_columns(evaluation.scores)["disagreement"]
    return "not heard twice" if share is None else f"{1 - share:.0%} alike"


async def _runs(service: Application, evaluation_id: str, limit: int) -> Listed:
    runs = await service.runs.list(None, evaluation_id)
    lines = [
        Line(one.id, one.created_at, one.state.status, f"repeat {one.repeat + 1}  {one.outcome or ''}".rstrip())
        for one in runs[:limit]
    ]
    return Listed(lines, f"read one: rehearing export {lines[0].id}" if lines else "it has none", len(runs) > limit)
