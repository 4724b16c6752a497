"""Structured logs: one JSON object a line on stderr, with the request's id.

What may be logged is a closed list of fields, so that document text cannot slip in through an `extra`.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from types import TracebackType

from service.telemetry.context import request_id_context
from service.telemetry.repeats import Repeats

FIELDS = (
    "method",
    "route",
    "status",
    "duration_s",
    "error",
    "where",
    "problem",
    "suppressed",
    "run_id",
    "job_id",
    "worker",
    "attempt",
    "outcome",
    "model",
    "purpose",
    "count",
    "address",
)
"""Fields of a record that are written; all others are dropped."""


class JsonFormatter(logging.Formatter):
    """One record as one line of JSON; line breaks inside values are escaped, so none can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identity := request_id_context.get():
            line["request_id"] = identity
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record.exc_info[2])
        return self._written(line)

    def _written(self, line: dict[str, object]) -> str:
        return json.dumps(line, default=str)


class PlainFormatter(JsonFormatter):
    """The same for a reader at a terminal, still one line a record."""

    def _written(self, line: dict[str, object]) -> str:
        time, level, logger, message = (line.pop(name) for name in ("time", "level", "logger", "message"))
        fields = "".join(f" {name}={json.dumps(value, default=str)}" for name, value in line.items())
        plain = str(message).translate(_ONE_LINE)
        return f"{time} {level!s:8}{logger}: {plain}{fields}"


_ONE_LINE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
"""Control characters: a terminal would obey them."""
_FRAMES = 12


def _where(traceback: TracebackType | None) -> list[str]:
    """The innermost frames: code only, no values and no message, which may quote a document."""
    frames = extract_tb(traceback)[-_FRAMES:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]


def configure_logs(level: str = "INFO", *, as_json: bool = True) -> None:
    """Sends this process's logs to stderr, as JSON or plainly; uvicorn's own access log gives way to ours.

    A warning that is repeated over and over is written now and then, with the number of those that were not.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else PlainFormatter())
    handler.addFilter(Repeats())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("rehearing").setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
        logger.setLevel(logging.INFO)
    access = logging.getLogger("uvicorn.access")
    access.handlers = []
    access.propagate = False
