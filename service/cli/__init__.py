"""The command line. Results go to stdout, talk and progress to stderr."""

from service.cli.program import main

__all__ = ["main"]
