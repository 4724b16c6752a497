"""`rehearing batch`: a file of items to a running service, and its results back."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Json, Quiet, print_json, progress, talk

if TYPE_CHECKING:
    import httpx

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def batch(
    items: Annotated[str, typer.Argument(help="A file of items, one JSON object a line; - for stdin.")],
    persona_set: Annotated[str, typer.Option(help="A ps_ id of the service.")],
    rubric: Annotated[str, typer.Option(help="A rubric file (YAML or JSON), a ru_ id, or a content hash.")],
    url: Annotated[str, typer.Option(help="The service.")] = "http://127.0.0.1:8080",
    repeats: Annotated[int, typer.Option(min=1, help="How often each item is heard.")] = 5,
    arm: Annotated[list[str] | None, typer.Option(help="debate, stance, self_reflection, panel (repeatable).")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Model specs (repeatable); none: the service's own.")] = None,
    name: Annotated[str, typer.Option(help="What to call the batch.")] = "",
    budget_usd_max: Annotated[float | None, typer.Option(help="Stop cleanly at this cost.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and spend nothing.")] = False,
    wait: Annotated[bool, typer.Option(help="Follow it to its end and print its results as NDJSON.")] = True,
    html: Annotated[Path | None, typer.Option(help="Write the stability report as a page.")] = None,
    aggregation: Annotated[
        str, typer.Option(help="mean, median, trimmed, certainty_weighted, or raked: by a calibrated set's weights.")
    ] = "mean",
    fail_under: Annotated[
        float | None, typer.Option(help="Exit with 3 when any verdict's mean is lower, undecided or missing.")
    ] = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Sends items, follows them, prints one result a line; with --json the batch, its results and its report at once.

    The service's own key, if it asks for one, is in REHEARING_KEY.
    """
    if fail_under is not None and (dry_run or not wait):
        raise typer.BadParameter("needs the results: leave out --dry-run and --no-wait", param_hint="--fail-under")
    head: dict[str, Any] = {
        "persona_set": persona_set,
        "rubric": _rubric(rubric),
        "repeats": repeats,
        "models": model or [],
        "name": name or ("stdin" if items == "-" else Path(items).stem),
        "protocol": {"arms": arm or ["debate"], "aggregation": aggregation},
        **({} if budget_usd_max is None else {"budget_usd_max": budget_usd_max}),
    }
    with _service(url) as client:
        sent = _send(client, items, head, dry_run)
        if dry_run or not wait:
            print_json(sent)
            if not quiet:
                talk("nothing was stored" if dry_run else f"follow it at {url.rstrip('/')}/batches/{sent['id']}")
            return 0
        told = _follow(client, sent["id"], quiet)
        kept, below = [], ""
        for line in _results(client, told["id"]):
            one = json.loads(line)
            below = below or _below(one, head["protocol"]["arms"][-1], fail_under)
            if json_:
                kept.append(one)
            else:
                print(line)
        if json_:
            print_json({"batch": told, "results": kept, "report": _report(client, told)})
        if html:
            html.write_bytes(
                _checked(client.get(f"/v1/batches/{told['id']}/report", params={"format": "html"})).content
            )
        if not quiet:
            talk(f"batch {told['id']} {told['status']}; its report: {url.rstrip('/')}/batches/{told['id']}")
    if below:
        talk(below)
    return 1 if told["status"] != "completed" else 3 if below else 0


@contextmanager
def _service(url: str) -> Iterator[httpx.Client]:
    """A client of the service, with the caller's own key."""
    import httpx

    key = os.environ.get(
        "REHEARING_KEY"
    )  # never REHEARING_API_KEY: that is the provider's, and no business of a service
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=90) as client:
            yield client
    except (httpx.TransportError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        talk(f"{url} does not answer ({error}); start it with `rehearing serve`, or name another with --url")
        raise typer.Exit(1) from error


def _send(client: httpx.Client, items: str, head: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    source = sys.stdin.buffer if items == "-" else Path(items).open("rb")  # noqa: SIM115
    with source:
        answer = client.post(
            "/v1/batches",
            params={"dry_run": dry_run},
            content=_lines(source, items, head),
            headers={"Content-Type": "application/x-ndjson"},
        )
    told: dict[str, Any] = _checked(answer).json()
    return told


def _rubric(given: str) -> Any:
    path = Path(given)
    if not path.is_file():
        return given
    from service.cli.local import read_rubric

    return read_rubric(path).model_dump(mode="json")


def _lines(source: Iterable[bytes], name: str, head: dict[str, Any]) -> Iterator[bytes]:
    """The head, then the items as they stand; a line that is an item already gets its id as custom_id."""
    yield json.dumps({"batch": head}).encode() + b"\n"
    for number, line in enumerate(source, 1):
        if not line.strip():
            yield b"\n"
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise typer.BadParameter(f"{name}:{number} is not JSON: {error}") from error
        if isinstance(found, dict) and "custom_id" not in found:
            found = {"custom_id": str(found.get("id", "")), "item": found}
        yield json.dumps(found).encode() + b"\n"


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    response.read()
    try:
        problem = response.json()
        detail = problem.get("detail", "")
        found = [one for one in problem.get("errors", []) if one["detail"] not in detail][:3]
        places = "".join(f"; {one['pointer']}: {one['detail']}" for one in found)
        line = f"{problem.get('title', response.status_code)}: {detail}{places}"
    except ValueError:
        line = f"the service answered {response.status_code}"
    talk(line)
    raise typer.Exit(2 if 400 <= response.status_code < 500 else 1)


def _follow(client: httpx.Client, batch_id: str, quiet: bool) -> dict[str, Any]:
    """The batch when it has ended and its report is made."""
    with progress(quiet) as bar:
        task = bar.add_task(f"batch {batch_id}", total=None)
        while True:
            told: dict[str, Any] = _checked(client.get(f"/v1/batches/{batch_id}", params={"wait": 5})).json()
            bar.update(task, total=told["progress"]["total"], completed=told["progress"]["done"])
            if told["status"] not in ("queued", "running") and told.get("report_status") != "pending":
                return told
            time.sleep(0.2)


def _results(client: httpx.Client, batch_id: str) -> Iterator[str]:
    """Its results, one JSON line each, as they come."""
    with client.stream("GET", f"/v1/batches/{batch_id}/results") as answer:
        yield from _checked(answer).iter_lines()


def _report(client: httpx.Client, told: dict[str, Any]) -> Any:
    """Its stability report; None where it has none, such as of a cancelled batch."""
    if told.get("report_status") != "ready":
        return None
    return _checked(client.get(f"/v1/batches/{told['id']}/report")).json()


def _below(one: dict[str, Any], arm: str, bound: float | None) -> str:
    """What of a result is lower than the bound, undecided, or missing; empty for nothing."""
    scores = one["result"].get("scores", {}).get(arm, {})
    for name, value in [(name, score["value"]) for name, score in scores.items()] or [("the verdict", None)]:
        if bound is not None and (value is None or value < bound):
            shown = "undecided" if value is None else value
            return f"{name} of {one['custom_id']!r} is {shown}, below --fail-under {bound}"
    return ""
