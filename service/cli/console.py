"""Where the command line speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No talk and no progress bars.")]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Untrusted text without the characters that could steer a terminal."""
    return _CONTROL.sub("\ufffd", text)


def talk(line: str) -> None:
    """One line for the person at the terminal."""
    print(f"rehearing: {clean(line)}", file=sys.stderr)


def results() -> Console:
    """The console for results; plain when it is not a terminal or NO_COLOR is set."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "110"))
    return Console(highlight=False, width=width, markup=False)


def progress(quiet: bool) -> Any:
    """A progress bar on stderr; silent when quiet."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


def print_json(data: Any) -> None:
    """One JSON document on stdout. data: a pydantic model, or plain data."""
    import json

    text = (
        data.model_dump_json(by_alias=True, indent=2)
        if hasattr(data, "model_dump_json")
        else json.dumps(data, indent=2)
    )
    print(text)
