"""`rehearing demo`: the main job on the examples, offline."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Quiet, progress, results, talk

if TYPE_CHECKING:
    from service.application import Application, PersonaSetRecord

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SIMULATED = (
    "The simulated judge judged: it is no language model. It shows the service and tests the statistics; its verdicts "
    "say nothing about these texts. Name a real model with --model openai:NAME (and --base-url)."
)
JOBS = (("summaries", "summary"), ("dialogues", "dialogue"))
"""Items and their rubric, by file name."""


@app.command()
def demo(
    model: Annotated[str | None, typer.Option(help="simulated, openai:NAME, or PROVIDER:NAME.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    repeats: Annotated[int, typer.Option(min=1, max=100, help="How often each item is heard.")] = 5,
    examples: Annotated[Path | None, typer.Option(help="Another folder that is laid out like examples/.")] = None,
    out: Annotated[Path, typer.Option(help="Where transcripts and reports go.")] = Path(".rehearing/demo"),
    quiet: Quiet = False,
) -> None:
    """Documents to personas to debate to stability report, on the examples."""
    asyncio.run(_demo(model, base_url, repeats, _examples(examples), out, quiet))


def _examples(given: Path | None) -> Path:
    candidates = [given] if given else [Path("examples"), Path(__file__).parents[3] / "examples"]
    for folder in candidates:
        if (folder / "documents").is_dir():
            return folder
    raise typer.BadParameter(f"{candidates[0]} has no folder documents/; run it in a checkout, or name --examples")


async def _demo(model: str | None, base_url: str | None, repeats: int, examples: Path, out: Path, quiet: bool) -> None:
    from service.cli.hearing_text import print_personas
    from service.cli.local import at_work, build_personas, document_names, settings_for

    settings = settings_for(model, base_url)
    console = results()
    async with at_work(settings) as service:
        with progress(quiet) as bar:
            personas = await build_personas(service, examples / "documents", options={}, bar=bar, name="demo")
            batches = [await _hear(service, personas, examples, *job, repeats, bar) for job in JOBS]
        assert personas.persona_set is not None
        print_personas(personas.persona_set, await document_names(service, personas))
        for batch, (items, _) in zip(batches, JOBS, strict=True):
            console.print()
            await _tell(service, batch, items, repeats, out)
    console.print()
    if settings.model.startswith("simulated"):
        console.print(SIMULATED)
    console.print(
        f"Transcripts are in {out}/transcripts, the reports are {out}/report-summaries.html and {out}/report-dialogues.html."
    )
    console.print(
        f"Next: `make serve` (or `{_own_program()} serve`), then open http://{settings.host}:{settings.port}/evaluations in a browser.",
        soft_wrap=True,
    )


def _own_program() -> str:
    """How this program was started: `rehearing` where that is on the path, else its place."""
    started = Path(sys.argv[0])
    found = shutil.which(started.name)
    return started.name if found and Path(found).resolve() == started.resolve() else str(started)


async def _hear(
    service: Application, personas: PersonaSetRecord, examples: Path, items: str, rubric: str, repeats: int, bar: Any
) -> Any:
    from service.cli.local import hear_batch, read_items, read_rubric

    return await hear_batch(
        service,
        read_items(examples / f"{items}.jsonl"),
        bar=bar,
        label=items,
        persona_set=personas.id,
        rubric=read_rubric(examples / "rubrics" / f"{rubric}.yaml"),
        repeats=repeats,
    )


async def _tell(service: Application, batch: Any, label: str, repeats: int, out: Path) -> None:
    from service.cli.hearing_text import print_verdicts
    from service.cli.local import OWNER, evaluations_of, require_verdicts, write_transcripts
    from service.cli.report_text import print_report
    from stability import report_html

    evaluations = await evaluations_of(service, batch.id)
    require_verdicts(batch, evaluations)
    console = results()
    console.print(
        f"{label.capitalize()}, each heard {repeats} times: mean verdict (95 % interval), hearings that agree"
    )
    print_verdicts(evaluations, "debate")
    console.print()
    report = await service.batches.report(OWNER, batch.id)
    print_report(report)
    written = await write_transcripts(service, evaluations, out / "transcripts")
    (out / f"report-{label}.html").write_text(
        report_html(report, title=f"Stability of the demo's {label}"), encoding="utf-8"
    )
    if not written:
        talk(f"no run of {label} completed, so there is no transcript")
