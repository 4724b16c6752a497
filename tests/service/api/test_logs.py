"""The log of an outage can be read: each kind of warning now and then, with a count, and by the problem's code."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from service.errors import StoreError, StoreFullError, StoreUnreachableError
from service.telemetry.logs import JsonFormatter
from service.telemetry.repeats import Repeats
from tests.service.api.conftest import RUBRIC, Serve, Service, problem
from tests.service.jobs.test_faults import until

WORDS = "herons nest above the sluice"


class Written(logging.Handler):
    """What a handler with the filter writes; the filter's clock stands still unless it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.lines: list[dict[str, Any]] = []
        self.offered = 0
        self.setFormatter(JsonFormatter())
        repeats = Repeats(every_s=10.0, clock=lambda: self.now)
        self.addFilter(self._count)
        self.addFilter(repeats)

    def _count(self, record: logging.LogRecord) -> bool:
        self.offered += record.levelno >= logging.WARNING
        return True

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))

    def above_info(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["level"] != "info"]


@pytest.fixture
def written() -> Iterator[Written]:
    handler, logger = Written(), logging.getLogger("rehearing")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_repeated_warning_is_written_now_and_then_with_a_count(written: Written) -> None:
    log = logging.getLogger("rehearing.jobs")
    for moment in range(100):
        written.now = moment / 10
        run_id = f"rn_{moment:026d}"
        log.warning("job %s waits for the store: %s", run_id, StoreUnreachableError("it is away"))
    assert len(written.lines) == 1
    assert "suppressed" not in written.lines[0]
    written.now = 10.0
    log.warning("job %s waits for the store: %s", f"rn_{200:026d}", StoreUnreachableError("it is away"))
    assert written.lines[1]["suppressed"] == 99
    written.now = 20.0
    log.warning("job %s waits for the store: %s", f"rn_{201:026d}", StoreUnreachableError("it is away"))
    assert "suppressed" not in written.lines[2]


def test_what_differs_and_what_is_no_warning_is_written(written: Written) -> None:
    log = logging.getLogger("rehearing.jobs")
    for _ in range(2):
        log.info("request")
        log.warning("feeding the queue: %s", "it is away")
        log.warning("feeding the queue: %s", "it is full")
        log.error("feeding the queue: %s", "it is away")
        log.error("unexpected error", extra={"error": "ValueError", "where": ["a.py:1 f"]})
        log.error("unexpected error", extra={"error": "ValueError", "where": ["b.py:1 g"]})
        for kind in (ValueError, KeyError):
            log.error("feeding failed", exc_info=kind("x"))
    assert Counter(line["level"] for line in written.lines) == {"info": 2, "warning": 2, "error": 5}


def test_no_more_kinds_are_remembered_than_there_is_room_for(written: Written) -> None:
    log = logging.getLogger("rehearing.jobs")
    for kind in range(3000):
        log.warning("kind %s", kind)
    log.warning("kind %s", 2999)
    log.warning("kind %s", 0)
    assert [line["message"] for line in written.lines[3000:]] == ["kind 0"], "the oldest are forgotten"


@pytest.mark.parametrize(
    ("error", "level", "code"),
    [
        (StoreUnreachableError("away"), "warning", "busy"),
        (StoreFullError("full"), "warning", "storage-full"),
        (StoreError("damaged"), "error", "stored-data-damaged"),
        (RuntimeError(WORDS), "error", "internal"),
    ],
)
async def test_what_is_nobodys_bug_is_a_warning_with_its_code(
    service: Service, written: Written, monkeypatch: pytest.MonkeyPatch, error: Exception, level: str, code: str
) -> None:
    async def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(service.application.rubrics, "put", fails)
    problem(await service.client.post("/v1/rubrics", json={**RUBRIC, "name": WORDS}), code)
    [told] = written.above_info()
    assert (told["level"], told["problem"], told["error"]) == (level, code, type(error).__name__)
    assert told["request_id"]
    assert ("where" in told) == (level == "error")
    assert WORDS not in json.dumps(written.lines)


async def test_a_database_that_is_away_fills_no_log(
    serve: Serve, database: dict[str, Any], written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole service with its loops: each says once what it waits for, however often it tries."""

    def away(*_: Any, **__: Any) -> None:
        raise sa.exc.OperationalError(WORDS, {}, sqlite3.OperationalError("database is locked"))

    async with serve(work=True, **database) as service:
        with monkeypatch.context() as patch:
            patch.setattr("sqlalchemy.ext.asyncio.AsyncConnection.execute", away)
            patch.setattr("service.store.one_thread.OneThread._commit", away)
            patch.setattr("service.store.one_thread.Lookup._read", away)
            for _ in range(20):
                problem(await service.client.get("/v1/batches"), "busy")

            async def tried_often() -> bool:
                return written.offered >= 60

            await until(tried_often)
    told = written.above_info()
    kinds = Counter((line["message"], line.get("error")) for line in told)
    assert set(kinds.values()) == {1}
    assert {line["level"] for line in told} == {"warning"}
    assert len(told) < 10 < written.offered
    assert WORDS not in json.dumps(told)
