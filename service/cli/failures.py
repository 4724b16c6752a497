"""What an error becomes on the command line: one line, and the exit code of who can put it right."""

from __future__ import annotations


def explain(error: Exception) -> tuple[int, str | None]:
    """(exit code, line) of an error; the line is None for one that only its traceback explains.

    2 for what the caller can mend (input, configuration), 1 for what failed on the way.
    """
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return 2, f"{error.title}: {_places(error)}"
    if isinstance(error, (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)):
        return 2, f"cannot open {error.filename!r}: {error.strerror}; check the path"
    if isinstance(error, UnicodeDecodeError):
        return 2, f"not UTF-8 text: {error}; save the file as UTF-8"
    if isinstance(error, _input_errors()):
        return 2, _line(error)
    if isinstance(error, (_failures(), RuntimeError, OSError)):
        return 1, _line(error) or type(error).__name__
    return 1, None


def _line(error: Exception) -> str:
    """Its message on one line: other libraries' break theirs."""
    return " ".join(str(error).split())


def _places(error: object) -> str:
    from pydantic import ValidationError

    assert isinstance(error, ValidationError)
    told = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors(include_url=False)]
    return "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")


def _input_errors() -> tuple[type[Exception], ...]:
    from yaml import YAMLError

    from agents import HearingInputError
    from clustering import DocumentInputError, PersonaInputError
    from llm import ModelConfigurationError
    from service.errors import (
        ConflictError,
        InvalidRequestError,
        NotAllowedError,
        NotFoundError,
    )
    from stability import RatingsError

    return (
        HearingInputError,
        DocumentInputError,
        PersonaInputError,
        ModelConfigurationError,
        ConflictError,
        InvalidRequestError,
        NotAllowedError,
        NotFoundError,
        RatingsError,
        YAMLError,
    )


def _failures() -> tuple[type[Exception], ...]:
    from llm import LlmError
    from service.errors import ServiceError

    return (LlmError, ServiceError)
