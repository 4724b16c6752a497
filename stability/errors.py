"""What can go wrong with a table of ratings, by who can fix it.

StabilityError
└── RatingsError                the caller: the table; every message names the place and the next step
    ├── UnreadableRatingsError     no format fits, or the file is damaged
    ├── ColumnError           a column is missing, stands twice, or a mapping names none
    ├── CellError             a value does not fit its column (line and column in the message)
    └── DuplicateRatingsError      two rows rate the same thing (both lines in the message)
"""

from __future__ import annotations


class StabilityError(Exception):
    """Anything that `stability` refuses."""


class RatingsError(StabilityError, ValueError):
    """A table of ratings that cannot be used as it stands."""

    def __init__(self, message: str, *, line: int | None = None, column: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        """1-based line of the file (row of the table where there are no lines); None where it is no single one."""
        self.column = column


class UnreadableRatingsError(RatingsError):
    """No format fits, or the file is damaged."""


class ColumnError(RatingsError):
    """A column is missing, stands twice, or a mapping names none."""


class CellError(RatingsError):
    """A value does not fit its column."""


class DuplicateRatingsError(RatingsError):
    """Two rows rate the same item by the same persona in the same run."""
