"""Rows that cannot be read any more: a disk that lies, a hand in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import StoreDamagedError


@contextmanager
def stored(noun: str, identity: str = "") -> Iterator[None]:
    """Reads a row. Raises StoreDamagedError where it does not hold what it should; that quotes nothing of the row."""
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        named = f"{noun} {identity!r}" if identity else noun
        raise StoreDamagedError(
            f"a stored {named} cannot be read ({type(error).__name__}); restore the database from a copy"
        ) from error
