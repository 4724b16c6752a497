"""The program `rehearing`: its commands, and what their errors become.

Exit codes: 0 done, 1 failure, 2 usage or input, 3 below `--fail-under`, 130 interrupted.
"""

from __future__ import annotations

import importlib
import keyword
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service.cli.console import talk

COMMANDS = {
    "demo": "documents to personas to debate to stability report, offline, in a minute",
    "serve": "serve the REST API and the pages, and work on runs",
    "worker": "work on the runs of a service that shares this database",
    "personas": "build a persona set from a folder of documents, or change a stored one",
    "evaluate": "hear items in the debate, here and now",
    "batch": "send a file of items to a running service and fetch its results",
    "stability": "say how far repeated ratings can be trusted, from any table",
    "list": "list the stored persona sets, batches, evaluations and runs with their ids",
    "export": "write a stored hearing, or replay it without a model",
    "commitment": "say when in its debate a stored run's verdict was settled",
    "adherence": "say how well the personas of a stored run stayed in role",
    "import": "store a batch that another installation exported",
    "purge": "delete what is older than a given age",
    "keys": "create, list and revoke API keys",
    "doctor": "say what is configured and whether it answers",
}


_UsageError: Any = typer.BadParameter.__mro__[1]
"""What the parser raises for any wrong usage; typer names only the one below it."""


class _Lazy(TyperGroup):
    """Imports a command's module when the command is named, so that each starts fast."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.commands = dict.fromkeys(COMMANDS, self)  # only their names are used: a mistyped one is compared with them

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, name: str) -> Any:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"service.cli.commands.{name}{'_' if keyword.iskeyword(name) else ''}")
        command: Any = typer.main.get_command(module.app)
        command.name = name
        command.short_help = COMMANDS[name]
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(cls=_Lazy, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)


def _tell_version(asked: bool) -> None:
    from importlib.metadata import version

    if asked:
        print(f"rehearing {version('rehearing')}")
        raise typer.Exit


@app.callback()
def rehearing(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Judge model outputs with personas that debate, hear every case again, and say how far to trust the verdict."""


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits; an error is one line on stderr that names the place and the next step."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """The exit code of one command."""
    command = typer.main.get_command(app)
    try:
        result: Any = command.main(args=arguments, prog_name="rehearing", standalone_mode=False)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        talk("interrupted")
        return 130
    except _UsageError as error:
        _tell_usage(error)
        return 2
    except BrokenPipeError:
        return 1
    except Exception as error:
        from service.cli.failures import explain

        code, line = explain(error)
        if line is None:
            raise
        talk(line)
        return code
    return int(result) if isinstance(result, int) else 0


def _tell_usage(error: Any) -> None:
    """What was wrong, in one line; or all of the help, as it is, for a command without its subcommand."""
    message = error.format_message()
    if error.ctx is not None and message == error.ctx.get_help():
        print(message, file=sys.stderr)
    else:
        talk(message + _hint(error, "" if message.endswith((".", "?")) else "."))


def _hint(error: Any, stop: str) -> str:
    """Where to look after wrong usage; a value that is wrong says for itself what it should be."""
    if type(error) is typer.BadParameter or error.ctx is None:
        return ""
    return f"{stop} See `{error.ctx.command_path} --help`."
