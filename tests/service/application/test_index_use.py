"""Lists and figures that are asked for again and again are found by an index, however many rows there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from service.application import (
    Application,
    EvaluationFilter,
    EvaluationRequest,
    PersonaSetRequest,
    Status,
    open_application,
)
from service.application.context import now
from service.store import tables


@pytest.fixture
async def app(settings: Any) -> AsyncIterator[Application]:
    async with open_application(settings) as opened:
        yield opened


@pytest.fixture
async def request_of(app: Application, personas: Any, rubric: Any, item: Any) -> Callable[..., EvaluationRequest]:
    made = await app.persona_sets.create(None, PersonaSetRequest(personas=personas))
    return lambda **over: EvaluationRequest(item=item, persona_set=made.id, rubric=rubric, **over)


async def plan_of(app: Application, asking: Callable[[], Awaitable[Any]], of: str) -> str:
    """How the database carries out the query about `of` that `asking` makes, were the table too long to be read whole."""
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        asked.append((statement, parameters))

    sa.event.listen(Engine, "before_cursor_execute", note)
    try:
        await asking()
    finally:
        sa.event.remove(Engine, "before_cursor_execute", note)
    statement, parameters = next(one for one in asked if f"FROM {of}" in one[0] and "ORDER BY" in one[0])
    async with app.context.store.read() as connection:
        if connection.dialect.name == "sqlite":
            explain = "EXPLAIN QUERY PLAN "
        else:
            explain = "EXPLAIN "
            await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            await connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        rows = await connection.exec_driver_sql(explain + statement, parameters)
        return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("owner", [None, "me"])
async def test_a_page_begins_where_the_cursor_stands(app: Application, owner: str | None) -> None:
    plan = await plan_of(app, lambda: app.evaluations.list(owner, after=(now(), "ev_x")), "evaluations")
    assert "ix_evaluations_list" in plan
    begins = [
        "(created_at,id)<" in line or ("Index Cond" in line and "ROW(created_at" in line) for line in plan.splitlines()
    ]
    assert any(begins), plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("owner", [None, "me"])
@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"kind": "pair"}, "by_kind"),
        ({"status": Status.EXPIRED}, "by_status"),
        ({"system": "gpt"}, "by_system"),
        ({"persona_set_id": "ps_x"}, "by_persona_set"),
        ({"rubric_id": "ru_x"}, "by_rubric"),
        ({"item_id": "item-1"}, "by_item"),
        ({"batch_id": "ba_x"}, "list_batch"),
        ({"kind": "summary", "created_after": now()}, "by_kind"),
        ({"created_before": now()}, "list"),
    ],
)
async def test_a_filter_reads_what_it_matches_in_the_order_of_the_list(
    app: Application, asked: dict[str, Any], index: str, owner: str | None
) -> None:
    """One that matches nothing reads nothing: every list used to be walked to its end for it."""
    plan = await plan_of(app, lambda: app.evaluations.list(owner, EvaluationFilter(**asked)), "evaluations")
    of_every_owner = owner is None and index in ("by_kind", "by_status", "by_system", "list")
    assert f"ix_evaluations_{index}{'_all' if of_every_owner else ''} " in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("owner", [None, "me"])
@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"status": Status.FAILED, "kind": "summary"}, "by_status"),
        ({"system": "gpt", "status": Status.COMPLETED}, "by_system"),
        ({"system": "gpt", "persona_set_id": "ps_x"}, "by_system"),
        ({"persona_set_id": "ps_x", "rubric_id": "ru_x"}, "by_persona_set"),
    ],
)
async def test_of_two_filters_sqlite_reads_what_the_narrower_one_matches(
    sqlite_settings: Any, asked: dict[str, Any], index: str, owner: str | None
) -> None:
    """It keeps no statistics: it takes the index that was made last. Postgres knows how many rows each would match."""
    async with open_application(sqlite_settings) as app:
        plan = await plan_of(app, lambda: app.evaluations.list(owner, EvaluationFilter(**asked)), "evaluations")
    assert f"ix_evaluations_{index}" in plan


async def test_what_was_heard_again_is_looked_up(app: Application) -> None:
    assert "ix_evaluations_reheard" in await plan_of(app, app.queue_figures, "evaluations")


async def test_the_oldest_that_waits_may_be_of_any_priority_or_in_the_queue(
    app: Application, request_of: Callable[..., EvaluationRequest]
) -> None:
    assert (await app.queue_figures()).oldest_queued_s is None
    made = [await app.evaluations.create(None, request_of(priority=priority)) for priority in (9, 0, 5)]
    runs = tables.runs

    async def oldest_minutes() -> int:
        return round(((await app.queue_figures()).oldest_queued_s or 0.0) / 60)

    async def change(evaluation_id: str, **values: Any) -> None:
        one = sa.update(runs).where(runs.c.evaluation_id == evaluation_id).values(**values)
        await app.context.store.write(lambda connection: connection.execute(one))

    for one, minutes in zip(made, (30, 20, 10), strict=True):
        await change(one.id, created_at=now() - timedelta(minutes=minutes))
    assert await oldest_minutes() == 30
    await change(made[0].id, dispatched_at=now())
    assert await oldest_minutes() == 30, "it is in the queue and has not begun"
    await change(made[0].id, status=Status.RUNNING)
    assert await oldest_minutes() == 20
    assert (await app.queue_figures()).queued == 2
