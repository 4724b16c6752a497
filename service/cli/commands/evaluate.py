"""`rehearing evaluate`: items heard in the debate, here and now."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, Quiet, print_json, progress, talk

if TYPE_CHECKING:
    from service.application import Application, EvaluationRecord

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def evaluate(
    items: Annotated[str, typer.Argument(help="A file of items, one JSON object a line; - for stdin.")],
    personas: Annotated[str, typer.Option(help="A ps_ id, or a folder of documents.")],
    rubric: Annotated[Path, typer.Option(help="A rubric as YAML or JSON.")],
    repeats: Annotated[int, typer.Option(min=1, max=100, help="How often each item is heard.")] = 5,
    arm: Annotated[list[str] | None, typer.Option(help="debate, stance, self_reflection, panel (repeatable).")] = None,
    model: Annotated[list[str] | None, typer.Option(help="simulated, openai:NAME, PROVIDER:NAME (repeatable).")] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of an OpenAI-compatible server.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for transcripts and the HTML report.")] = None,
    budget_usd_max: Annotated[float | None, typer.Option(help="Stop cleanly at this cost.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and spend nothing.")] = False,
    aggregation: Annotated[
        str, typer.Option(help="mean, median, trimmed, certainty_weighted, or raked: by a calibrated set's weights.")
    ] = "mean",
    fail_under: Annotated[
        float | None, typer.Option(help="Exit with 3 when any verdict's mean is lower, or undecided.")
    ] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Prints one verdict line an item, then what the repeats say about trusting it."""
    from agents import Aggregation, Arm, DebateProtocol
    from service.cli.local import read_items, read_rubric, settings_for

    unknown = [name for name in arm or [] if name not in tuple(Arm)]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} must be one of {', '.join(Arm)}", param_hint="--arm")
    if aggregation not in tuple(Aggregation):
        raise typer.BadParameter(f"{aggregation!r} must be one of {', '.join(Aggregation)}", param_hint="--aggregation")
    arms = tuple(Arm(name) for name in arm or ["debate"])
    hearing: dict[str, Any] = {
        "rubric": read_rubric(rubric),
        "protocol": DebateProtocol(arms=arms, aggregation=Aggregation(aggregation)),
        "models": tuple(model or ()),
        "repeats": repeats,
        "seed": seed,
        "budget_usd_max": budget_usd_max,
    }
    settings = settings_for(model[0] if model else None, base_url)
    if dry_run:
        asyncio.run(_dry_run(settings, read_items(items), personas, hearing, json_, quiet))
        return 0
    label = "stdin" if items == "-" else Path(items).stem
    told = asyncio.run(_evaluate(settings, read_items(items), personas, hearing, label, out, json_, quiet))
    return _below(told, str(arms[-1]), fail_under)


async def _evaluate(
    settings: Any,
    items: Any,
    personas: str,
    hearing: Any,
    label: str,
    out: Path | None,
    json_: bool,
    quiet: bool,
) -> list[EvaluationRecord]:
    from service.cli.local import (
        at_work,
        build_personas,
        check_models,
        evaluations_of,
        hear_batch,
        require_verdicts,
    )

    async with at_work(settings) as service:
        with progress(quiet) as bar:
            if Path(personas).is_dir():
                check_models(service, hearing["models"])
                personas = (await build_personas(service, Path(personas), options={}, bar=bar)).id
                if not quiet:
                    talk(f"personas are stored as {personas}: judge with the same ones by --personas {personas}")
            batch = await hear_batch(service, items, bar=bar, label=label, persona_set=personas, **hearing)
        evaluations = await evaluations_of(service, batch.id)
        require_verdicts(batch, evaluations)
        await _tell(service, batch, evaluations, str(hearing["protocol"].arms[-1]), out, json_, quiet)
        return evaluations


async def _dry_run(settings: Any, items: Any, personas: str, hearing: Any, json_: bool, quiet: bool) -> None:
    """The estimate. Nothing is stored, nothing asked and no waiting run begun: personas of a folder are built without
    a model, in a data folder that goes away again."""
    from tempfile import TemporaryDirectory

    from service.application import open_application
    from service.cli.local import at_work, build_personas, check_models

    folder = Path(personas).is_dir()
    with TemporaryDirectory(prefix="rehearing-") as scratch:
        if folder:
            over = {"data_dir": Path(scratch), "database_url": None, "persona_model": None}
            settings = settings.model_copy(update=over)
        async with at_work(settings) if folder else open_application(settings) as service:
            if folder:
                check_models(service, hearing["models"])
                with progress(quiet) as bar:
                    personas = (await build_personas(service, Path(personas), options={}, bar=bar)).id
            await _estimate(service, items, {"persona_set": personas, **hearing}, json_)
    if not quiet:
        talk("nothing was stored or asked; leave out --dry-run to hear them")


async def _estimate(service: Application, items: Any, hearing: dict[str, Any], json_: bool) -> None:
    from dataclasses import asdict

    from service.application import EvaluationRequest
    from service.cli.hearing_text import print_estimate, total_cost
    from service.cli.local import OWNER

    told = [await service.evaluations.estimate(OWNER, EvaluationRequest(item=item, **hearing)) for item in items]
    if json_:
        print_json({"items": [asdict(one) for one in told], "cost_usd": total_cost(told)})
    else:
        print_estimate(told)


async def _tell(
    service: Application,
    batch: Any,
    evaluations: list[EvaluationRecord],
    arm: str,
    out: Path | None,
    json_: bool,
    quiet: bool,
) -> None:
    from service.cli.hearing_text import print_verdicts
    from service.cli.local import OWNER, write_transcripts
    from service.cli.report_text import print_report
    from stability import report_html

    report = await service.batches.report(OWNER, batch.id)
    if json_:
        print_json(
            {
                "batch": batch.id,
                "scores": {one.item_id: _plain(one) for one in evaluations},
                "report": report.model_dump(mode="json", by_alias=True),
            }
        )
    else:
        print_verdicts(evaluations, arm)
        print_report(report)
        if batch.simulated:
            talk("the simulated judge judged: for trying the service and testing the statistics, not for judging")
    if out:
        await write_transcripts(service, evaluations, out / "transcripts")
        (out / "report.html").write_text(report_html(report, title=f"Stability of {batch.name}"), encoding="utf-8")
        talk(f"transcripts and report.html are in {out}")
    elif not quiet:
        talk(f"stored as {batch.id}; read it with `rehearing serve`, or add --out FOLDER")


def _plain(evaluation: EvaluationRecord) -> dict[str, Any]:
    from dataclasses import asdict

    return {arm: {name: asdict(score) for name, score in scores.items()} for arm, scores in evaluation.scores.items()}


def _below(evaluations: list[EvaluationRecord], arm: str, bound: float | None) -> int:
    for evaluation in evaluations if bound is not None else []:
        for name, score in evaluation.scores.get(arm, {}).items():
            if score.value is None or score.value < (bound or 0):
                talk(
                    f"{name} of {evaluation.item_id!r} is {score.value if score.value is not None else 'undecided'}, below --fail-under {bound}"
                )
                return 3
    return 0
