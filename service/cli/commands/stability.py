"""`rehearing stability`: a report on anybody's ratings, with no server, no database and no model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from service.cli.console import Json, Quiet, print_json, talk

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def stability(
    ratings: Annotated[str, typer.Argument(help="A csv, ndjson, parquet, Inspect or promptfoo file; - for stdin.")],
    tau: Annotated[list[str] | None, typer.Option(help="Pass threshold: 3.5, or DIMENSION=3.5 (repeatable).")] = None,
    target: Annotated[float, typer.Option(min=0.0, max=0.999, help="Dependability to plan for.")] = 0.8,
    universe: Annotated[str, typer.Option(help="fixed: these personas. random: personas of this kind.")] = "fixed",
    map_: Annotated[list[str] | None, typer.Option("--map", help="Rename a column: persona=judge_name.")] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="csv, ndjson, parquet, wide, inspect, promptfoo.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the permutation tests.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write the report as one self-contained page.")] = None,
    fail_under: Annotated[
        float | None, typer.Option(help="Exit with 3 when a verdict's dependability is lower, or undefined.")
    ] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Says how far repeated ratings can be trusted.

    Columns: item, persona, run, score (empty is missing), and where there are any dimension, cluster, arm, phase,
    system, human, model, order, prompt, certainty, abstained, tokens, calls, time.
    """
    from stability import read_ratings, report_html, stability_report

    source: Any = sys.stdin.buffer.read() if ratings == "-" else Path(ratings)
    table = read_ratings(source, format=format_, mapping=pairs(map_, "--map"))
    report = stability_report(
        table, thresholds=_thresholds(tau), target=target, universe=_universe(universe), seed=seed
    )
    if html:
        html.write_text(report_html(report, title=f"Stability of {Path(ratings).name}"), encoding="utf-8")
    if json_:
        print_json(report)
    else:
        from service.cli.report_text import print_report

        print_report(report)
    if html and not quiet:
        talk(f"the report is in {html}")
    elif not quiet and not json_:
        talk("add --html report.html for the charts, or --json for every figure")
    return below(report, fail_under)


def pairs(values: list[str] | None, option: str) -> dict[str, str]:
    """NAME=VALUE options as a dictionary. Raises typer.BadParameter for anything else."""
    for value in values or []:
        if "=" not in value:
            raise typer.BadParameter(f"{value!r} must look like NAME=VALUE", param_hint=option)
    return {name.strip(): rest.strip() for name, _, rest in (value.partition("=") for value in values or [])}


def _thresholds(values: list[str] | None) -> dict[str, float] | float | None:
    if not values:
        return None
    try:
        if len(values) == 1 and "=" not in values[0]:
            return float(values[0])
        return {name: float(value) for name, value in pairs(values, "--tau").items()}
    except ValueError as error:
        raise typer.BadParameter(f"a threshold must be a number: {error}", param_hint="--tau") from error


def _universe(value: str) -> Literal["fixed", "random"]:
    if value == "fixed":
        return "fixed"
    if value == "random":
        return "random"
    raise typer.BadParameter(f"{value!r} must be fixed or random", param_hint="--universe")


def below(report: Any, bound: float | None) -> int:
    """3 when any dimension's verdict is less dependable than the bound, or undefined; else 0."""
    if bound is None:
        return 0
    for name, dimension in report.dimensions.items():
        figure = dimension.dependability.debate or dimension.dependability.panel
        if figure.value is None or figure.value < bound:
            shown = "undefined" if figure.value is None else f"{figure.value:.2f}"
            talk(f"dependability of {name!r} is {shown}, below --fail-under {bound}")
            return 3
    return 0
