"""`rehearing export`: a stored run as text, replayed without a model, a whole batch as one file, or its ratings as a table."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.console import Quiet, talk

if TYPE_CHECKING:
    from service.application import Application

app = typer.Typer(rich_markup_mode=None, add_completion=False)
FORMATS = ("markdown", "json", "ndjson", "calls", "drift")
BATCH_FORMATS = ("csv",)


@app.command()
def export(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A rn_ id (one run) or a ba_ id (a whole batch).")],
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="Of a run: markdown (the default), json, ndjson (turns), calls, drift (of its words). "
            "Of a batch: csv, its ratings as a table.",
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="Hear the run again from its calls, without a model.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write here instead of stdout.")] = None,
    quiet: Quiet = False,
) -> int:
    """Writes a stored hearing. --replay makes its result once more from the recorded calls, and compares bit for bit."""
    of_batch = id_.startswith("ba_")
    offered = BATCH_FORMATS if of_batch else FORMATS
    if format_ not in (None, *offered):
        what = "a batch, which goes out whole without it," if of_batch else "a run"
        raise typer.BadParameter(f"{format_!r} of {what} must be one of {', '.join(offered)}", param_hint="--format")
    if replay and of_batch:
        raise typer.BadParameter("is of a run (a rn_ id); a batch goes out whole, as one file", param_hint="--replay")
    if of_batch and format_ is None and out is None and sys.stdout.isatty():
        raise typer.BadParameter("a batch is a gzipped file: name one, or redirect stdout", param_hint="--out")
    code = asyncio.run(_export(id_, format_ or ("" if of_batch else "markdown"), replay, out, quiet))
    if out and not replay and not quiet:
        talk(f"{out} is written" + _next(out, of_batch, format_))
    return code


def _next(out: Path, of_batch: bool, format_: str | None) -> str:
    """The likely next command."""
    if not of_batch:
        return ""
    return (
        f"; read it with: rehearing stability {out}"
        if format_
        else f"; store it elsewhere with: rehearing import {out}"
    )


async def _export(id_: str, format_: str, replay: bool, out: Path | None, quiet: bool) -> int:
    from service.application import open_application
    from service.cli.local import settings_for

    async with open_application(settings_for()) as service:
        if id_.startswith("ba_"):
            await _batch(service, id_, format_, out)
            return 0
        if replay:
            return await _replay(service, id_, quiet)
        text = await _run_text(service, id_, format_)
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


async def _batch(service: Application, batch_id: str, format_: str, out: Path | None) -> None:
    from service.cli.local import OWNER

    chunks = service.batches.table(OWNER, batch_id) if format_ else service.batches.export(OWNER, batch_id)
    first = await anext(chunks)  # before a file of the caller's is emptied
    sink = out.open("wb") if out else sys.stdout.buffer
    try:
        sink.write(first)
        async for chunk in chunks:
            sink.write(chunk)
    finally:
        sink.flush() if out is None else sink.close()


async def _run_text(service: Application, run_id: str, format_: str) -> str:
    from agents import transcript_markdown
    from service.cli.local import OWNER

    if format_ == "calls":
        return "\n".join(call.model_dump_json() for call in await service.runs.calls(OWNER, run_id))
    if format_ == "drift":
        from service.api.answers.drifts import drift_answer

        return drift_answer(await service.drifts.get(OWNER, run_id)).model_dump_json(indent=2)
    result = await service.runs.result(OWNER, run_id)
    if format_ == "json":
        return result.model_dump_json(indent=2)
    if format_ == "ndjson":
        return "\n".join(turn.model_dump_json() for turn in result.transcript.turns)
    record = await service.runs.get(OWNER, run_id)
    evaluation = await service.evaluations.get(OWNER, record.evaluation_id)
    personas = await service.persona_sets.get(OWNER, evaluation.persona_set_id)
    return transcript_markdown(result, personas.persona_set, evaluation.item)


async def _replay(service: Application, run_id: str, quiet: bool) -> int:
    from agents import ReplayDifferedError, replay
    from llm import ReplayMissError
    from service.cli.local import OWNER

    record = await service.runs.get(OWNER, run_id)
    evaluation = await service.evaluations.get(OWNER, record.evaluation_id)
    personas = await service.persona_sets.get(OWNER, evaluation.persona_set_id)
    rubric = await service.rubrics.get(OWNER, evaluation.rubric_id)
    result, calls = await service.runs.result(OWNER, run_id), await service.runs.calls(OWNER, run_id)
    assert evaluation.item is not None
    assert personas.persona_set is not None
    try:
        again = await replay(
            evaluation.item,
            personas.persona_set,
            rubric.rubric,
            evaluation.protocol,
            result.run,
            calls,
            expected=result,
        )
    except (ReplayDifferedError, ReplayMissError) as error:
        talk(f"the replay does not give the stored verdict: {error}")
        return 1
    for arm, verdict in again.verdicts.items():
        for name, told in verdict.dimensions.items():
            print(f"{arm}\t{name}\t{told.value if told.value is not None else told.outcome}")
    if not quiet:
        talk(
            f"replayed {again.calls} recorded calls without a model: every turn and verdict is the stored one, "
            "bit for bit"
        )
    return 0
