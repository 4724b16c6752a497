"""The same warning over and over, as in an outage, once in a while with a count."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

REPEATED_EVERY_S = 10.0
"""In an outage every loop of every job says the same, many times a second; a person who reads along needs no more."""
_KINDS_MAX = 1000  # kinds of message that are remembered: far more than there are, and a bound for what others log
_COMPARED = 300  # characters: what follows in a long message is a traceback
_VARYING = re.compile(r"\b[a-z]{2}_[0-9a-z]{26}\b|\d+\.\d+|\battempt \d+")
_TELLING = ("error", "where", "problem")
"""Fields that make two records with the same message different ones."""


@dataclass(slots=True)
class _Seen:
    told_at: float
    suppressed: int = 0


class Repeats(logging.Filter):
    """Lets a warning or an error pass once in `every_s` seconds; the next one says in `suppressed` how many did not.

    The same message about other ids is the same. What is below a warning always passes.
    """

    def __init__(self, every_s: float = REPEATED_EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s, self._clock = every_s, clock
        self._seen: OrderedDict[tuple[object, ...], _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        if record.levelno < logging.WARNING:
            return True
        kind, now = _kind_of(record), self._clock()
        with self._lock:
            seen = self._seen.get(kind)
            if seen is not None and now - seen.told_at < self._every_s:
                seen.suppressed += 1
                return False
            if seen is not None and seen.suppressed:
                record.suppressed = seen.suppressed
            self._seen[kind] = _Seen(now)
            self._seen.move_to_end(kind)
            if len(self._seen) > _KINDS_MAX:
                self._seen.popitem(last=False)
        return True


def _kind_of(record: logging.LogRecord) -> tuple[object, ...]:
    message = _VARYING.sub("*", record.getMessage()[:_COMPARED])
    failed = record.exc_info[0] if record.exc_info else None
    return record.name, record.levelno, message, failed, *(str(getattr(record, name, "")) for name in _TELLING)
