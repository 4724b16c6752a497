"""Lists of many evaluations: each filter of the list, matching nothing, one row and most rows; and the counts of a batch of all.

    python -m bench.lists --rows 150000            # SQLite in a fresh folder; REHEARING_DATABASE_URL for an empty Postgres database

Prints the least milliseconds of five lists, and the index that the database takes.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from service.application import Application, EvaluationFilter, Status, open_application
from service.application.batch_counts import keep_counts
from service.settings import Settings
from service.store import tables

NOW = datetime.now(UTC)
OWNERS = (None, "me", "third")
"""An administrator, the owner of half of the rows, the owner of a single one."""
HEARD: dict[str, Any] = {
    "persona_set_hash": "", "rubric_hash": "", "protocol": {}, "models": ["simulated"], "repeats_min": 1, "repeats_max": 1,
    "seed": 0, "priority": 5, "simulated": True,
}  # fmt: skip
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "kind that nothing has": {"kind": "pair"},
    "kind that one has": {"kind": "dialogue"},
    "kind that most have": {"kind": "summary"},
    "status that nothing has": {"status": Status.CANCELLED},
    "status that one has": {"status": Status.FAILED},
    "status that most have": {"status": Status.COMPLETED},
    "persona set that nothing has": {"persona_set_id": "ps_1"},
    "persona set that all have": {"persona_set_id": "ps_0"},
    "rubric that all have": {"rubric_id": "ru_0"},
    "item that nothing has": {"item_id": "none"},
    "item that twenty have": {"item_id": "item-70"},
    "system that nothing has": {"system": "none"},
    "system that a tenth has": {"system": "system-3"},
    "created later than all": {"created_after": NOW + timedelta(days=1)},
    "kind that most, status that nothing has": {"kind": "summary", "status": Status.CANCELLED},
    "kind that nothing, status that most have": {"kind": "pair", "status": Status.COMPLETED},
}


def evaluation_rows(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield HEARD | {
            "id": f"ev_{number:09}",
            "owner": "third" if number == count // 2 else ("me", "other")[number % 2],
            "created_at": NOW - timedelta(seconds=count - number),
            "status": Status.FAILED if number == 3000 else Status.COMPLETED,
            "persona_set_id": "ps_0",
            "rubric_id": "ru_0",
            "batch_id": "ba_0",
            "custom_id": str(number),
            "item_id": f"item-{number // 20}",
            "item_kind": "dialogue" if number == 5000 else ("summary", "summary", "text")[number % 3],
            "item_hash": "",
            "item": "{}",
            "runs": 1,
            "calls": 9,
            "system": f"system-{number % 10}",
        }


async def fill(app: Application, count: int) -> None:
    owned = {"owner": "me", "created_at": NOW}
    sets = [owned | {"id": f"ps_{n}", "status": "completed", "name": "", "request": {}} for n in range(2)]
    rubric = owned | {"id": "ru_0", "name": "", "content_hash": "", "body": {}}
    batch = owned | HEARD | {"id": "ba_0", "status": Status.COMPLETED, "persona_set_id": "ps_0", "rubric_id": "ru_0"}
    batch |= {"name": "", "items": count}
    store = app.context.store
    for table, rows in ((tables.persona_sets, sets), (tables.rubrics, [rubric]), (tables.batches, [batch])):
        await store.write(lambda connection, table=table, rows=rows: connection.execute(sa.insert(table), rows))  # type: ignore[misc]
    made = evaluation_rows(count)
    while rows := list(islice(made, 2000)):
        await store.write(lambda connection, rows=rows: connection.execute(sa.insert(tables.evaluations), rows))  # type: ignore[misc]
    if not store.is_sqlite:
        async with store.engine.connect() as connection:
            freely = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await freely.exec_driver_sql("VACUUM ANALYZE evaluations")


async def least(ask: Callable[[], Awaitable[Any]]) -> tuple[Any, float]:
    """What is answered, and the seconds of the fastest of five."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        answer = await ask()
        taken.append(time.perf_counter() - start)
    return answer, min(taken)


async def measure(app: Application, name: str, filters: dict[str, Any], owner: str | None) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        asked.append((statement, parameters))

    sa.event.listen(Engine, "before_cursor_execute", note)
    page, taken_s = await least(lambda: app.evaluations.list(owner, EvaluationFilter(**filters)))
    sa.event.remove(Engine, "before_cursor_execute", note)
    statement, parameters = next(one for one in reversed(asked) if "FROM evaluations" in one[0])
    explain = "EXPLAIN QUERY PLAN " if app.context.store.is_sqlite else "EXPLAIN "
    async with app.context.store.read() as connection:
        plan = "\n".join(str(row[-1]) for row in await connection.exec_driver_sql(explain + statement, parameters))
    index = re.search(r"ix_\w+", plan)
    print(f"| {name} | {owner or 'all'} | {len(page.rows)} | {taken_s * 1e3:.1f} | {index[0] if index else 'none'} |")


async def bench(rows: int, folder: str) -> None:
    async with open_application(Settings(data_dir=Path(folder))) as app:
        await fill(app, rows)
        print("| filter | owner | rows | ms | index |\n|---|---|---|---|---|")
        for name, filters in FILTERS.items():
            for owner in OWNERS:
                await measure(app, name, filters, owner)
        for told in ("counted", "kept"):
            record, taken_s = await least(lambda: app.batches.get(None, "ba_0"))
            print(f"| batch of {record.counts['total']}, its counts {told} | all | 1 | {taken_s * 1e3:.1f} | |")
            if told == "counted":
                await keep_counts(app.context)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=150_000)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(bench(parser.parse_args().rows, folder))


if __name__ == "__main__":
    main()
