"""`rehearing batch`: a file of items to a running service, and its results back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.console import Quiet, progress, talk

if TYPE_CHECKING:
    import httpx

app = typer.Typer(rich_markup_mode=None)


@app.command()
def batch(
    items: Annotated[Path, typer.Argument(help="Items, one JSON object a line.")],
    persona_set: Annotated[str, typer.Option(help="A ps_ id of the service.")],
    rubric: Annotated[str, typer.Option(help="A rubric file (YAML or JSON), a ru_ id, or a content hash.")],
    url: Annotated[str, typer.Option(help="The service.")] = "http://127.0.0.1:8080",
    repeats: Annotated[int, typer.Option(min=1, help="How often each item is heard.")] = 5,
    arm: Annotated[list[str] | None, typer.Option(help="debate, stance, self_reflection, panel (repeatable).")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Model specs (repeatable); none: the service's own.")] = None,
    name: Annotated[str, typer.Option(help="What to call the batch.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and spend nothing.")] = False,
    wait: Annotated[bool, typer.Option(help="Follow it to its end and print its results as NDJSON.")] = True,
    html: Annotated[Path | None, typer.Option(help="Write the stability report as a page.")] = None,
    quiet: Quiet = False,
) -> int:
    """Sends items, follows them, prints one result a line. The service's own key, if it asks for one, is in REHEARING_KEY."""
    import httpx

    head: dict[str, Any] = {
        "persona_set": persona_set,
        "rubric": _rubric(rubric),
        "repeats": repeats,
        "models": model or [],
        "name": name or items.stem,
        "protocol": {"arms": arm or ["debate"]},
    }
    key = os.environ.get(
        "REHEARING_KEY"
    )  # never REHEARING_API_KEY: that is the provider's, and no business of a service
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=90) as client:
            sent = _checked(
                client.post(
                    "/v1/batches",
                    params={"dry_run": dry_run},
                    content=_lines(items, head),
                    headers={"Content-Type": "application/x-ndjson"},
                )
            )
            if dry_run or not wait:
                print(json.dumps(sent.json(), indent=2))
                return 0
            return _follow(client, sent.json()["id"], html, quiet)
    except httpx.TransportError as error:
        talk(f"{url} does not answer ({error}); start it with `rehearing serve`, or name another with --url")
        return 1


def _rubric(given: str) -> Any:
    path = Path(given)
    if not path.is_file():
        return given
    from service.cli.local import read_rubric

    return read_rubric(path).model_dump(mode="json")


def _lines(path: Path, head: dict[str, Any]) -> Iterator[bytes]:
    """The head, then the items as they stand; a line that is an item already gets its id as custom_id."""
    yield json.dumps({"batch": head}).encode() + b"\n"
    with path.open("rb") as file:
        for number, line in enumerate(file, 2):
            if not line.strip():
                yield b"\n"
                continue
            try:
                found = json.loads(line)
            except ValueError as error:
                raise typer.BadParameter(f"{path}:{number - 1} is not JSON: {error}") from error
            if isinstance(found, dict) and "custom_id" not in found:
                found = {"custom_id": str(found.get("id", "")), "item": found}
            yield json.dumps(found).encode() + b"\n"


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    response.read()
    try:
        problem = response.json()
        places = "; ".join(f"{one['pointer']}: {one['detail']}" for one in problem.get("errors", [])[:3])
        line = f"{problem.get('title', response.status_code)}: {problem.get('detail', '')} {places}".strip()
    except ValueError:
        line = f"the service answered {response.status_code}"
    talk(line)
    raise typer.Exit(2 if 400 <= response.status_code < 500 else 1)


def _follow(client: httpx.Client, batch_id: str, html: Path | None, quiet: bool) -> int:
    with progress(quiet) as bar:
        task = bar.add_task(f"batch {batch_id}", total=None)
        while True:
            told = _checked(client.get(f"/v1/batches/{batch_id}", params={"wait": 5})).json()
            bar.update(task, total=told["progress"]["total"], completed=told["progress"]["done"])
            if told["status"] not in ("queued", "running"):
                break
            time.sleep(0.2)
    with client.stream("GET", f"/v1/batches/{batch_id}/results") as results:
        for line in _checked(results).iter_lines():
            print(line)
    if html:
        html.write_bytes(_checked(client.get(f"/v1/batches/{batch_id}/report", params={"format": "html"})).content)
    if not quiet:
        talk(f"batch {batch_id} {told['status']}; its report: {client.base_url}batches/{batch_id}")
    return 0 if told["status"] == "completed" else 1
