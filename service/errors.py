"""What can go wrong in the service, by who can put it right.

ServiceError
├── InvalidRequestError       the caller: a field is wrong; `problems` names each place
│   ├── InvalidBatchError     the caller: a line of the file is wrong; `problems` names the lines
│   └── LimitExceededError    the caller: more than a published limit allows
├── NotFoundError             the caller: no such row, or it is another owner's
├── ConflictError             the caller: the row is in a state that does not allow this
│   └── IdempotencyError      the caller: the key is in use (`in_flight`), or was used for another body
├── NotAllowedError           the caller: the key is missing, wrong, revoked, or lacks the scope
├── QueueFullError            ask again later: the queue is at its published length
└── StoreError                the operator
    ├── StoreFullError        the disk or the database is full; what was stored is intact
    ├── StoreUnreachableError the database does not answer; ask again later
    │   ├── StoreConflictError two writes got in each other's way; neither is wrong
    │   └── StoreUncertainError it broke off in the moment of a commit: whether that was made is unknown
    ├── StoreOutdatedError    the database is newer than this code, or was not migrated
    └── StoreDamagedError     a row cannot be read as what it should be
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Problem(NamedTuple):
    """One place that is wrong."""

    pointer: str
    """JSON pointer into the request, `/item/output`; `line:17` in a file of lines."""
    detail: str
    code: str = "invalid"


class ServiceError(Exception):
    """Anything that this package raises on purpose."""


class InvalidRequestError(ServiceError):
    """The request cannot be carried out as it is."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class InvalidBatchError(InvalidRequestError):
    """A file of items holds a line that is wrong. Nothing of it was stored."""


class LimitExceededError(InvalidRequestError):
    """More than a published limit allows."""


class NotFoundError(ServiceError):
    """No such row, or none that this owner may see: the two are told apart for nobody."""


class ConflictError(ServiceError):
    """The row's state does not allow this."""


class IdempotencyError(ConflictError):
    """The idempotency key is being answered right now, or was used with another body."""

    def __init__(self, message: str, *, in_flight: bool) -> None:
        super().__init__(message)
        self.in_flight = in_flight


class NotAllowedError(ServiceError):
    """No key, a key that is none of ours, a revoked one, or one without the scope."""


class QueueFullError(ServiceError):
    """Too much is waiting already."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreError(ServiceError):
    """The database fails."""


class StoreFullError(StoreError):
    """No room left on the disk or in the database."""


class StoreUnreachableError(StoreError):
    """The database does not answer."""


class StoreConflictError(StoreUnreachableError):
    """The database gave up one of two writes that waited for each other; made again, it succeeds."""


class StoreUncertainError(StoreUnreachableError):
    """The database broke off in the moment of a commit and stayed away: what was to be stored may be, or may not."""


class StoreOutdatedError(StoreError):
    """Code and database are of different versions."""


class StoreDamagedError(StoreError):
    """A row does not hold what it should."""
