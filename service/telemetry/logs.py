"""Structured logs: one JSON object a line on stderr, with the request's id.

What may be logged is a closed list of fields, so that document text cannot slip in through an `extra`.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from service.telemetry.context import request_id_context

FIELDS = (
    "method",
    "route",
    "status",
    "duration_s",
    "error",
    "where",
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
        return json.dumps(line, default=str)


def configure_logs(level: str = "INFO") -> None:
    """Sends this process's logs to stderr as JSON; uvicorn's own access log gives way to ours."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
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
