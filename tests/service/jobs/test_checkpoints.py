"""A row of the queue's own tables that is damaged while nobody works: the store knows what there is to do, so nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.application import EvaluationRequest, Status
from service.jobs import dispatch, engine
from service.jobs.queue_database import open_queue_database
from tests.service.jobs.conftest import Provider, until
from tests.service.jobs.test_faults import attempts_of
from tests.service.jobs.test_working import SHORT

DAMAGES = {
    "inputs": "}{ not JSON",
    "name": "no_such_workflow",
    "status": "HALF",
    "serialization": "no such serializer",
    "queue_name": "no such queue",
    "executor_id": None,
    "application_version": "from another world",
}


def damage(settings: Any, ids: list[str]) -> None:
    """Another column of each of these workflows."""
    database = open_queue_database(settings.jobs_url)
    schema = None if database.dialect.name == "sqlite" else "dbos"
    table = sa.Table("workflow_status", sa.MetaData(schema=schema), autoload_with=database)
    with database.begin() as connection:
        for one, (column, value) in zip(ids, DAMAGES.items(), strict=True):
            done = connection.execute(sa.update(table).where(table.c.workflow_uuid == one).values({column: value}))
            assert done.rowcount == 1, column
    database.dispose()


async def nothing(*_: Any) -> None:
    """Hands nothing over, as a process that is killed."""


async def test_a_damaged_row_of_the_queue(
    asking: Any, working: Any, rubric: Any, item: Any, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    settings = asking
    provider.hold()
    request = EvaluationRequest(item=item, persona_set="to come", rubric=rubric, repeats=len(DAMAGES), protocol=SHORT)
    dying = settings.model_copy(update={"shutdown_grace": timedelta(0), "executor_id": "w"})
    with monkeypatch.context() as killed:
        killed.setattr(engine.Engine, "hand_over", nothing)
        async with working(dying) as (app, personas):
            made = await app.evaluations.create(None, request.model_copy(update={"persona_set": personas}))

            async def all_begun() -> bool:
                return min(await attempts_of(app, made.id)) > 0

            await until(all_begun)
            runs = await app.runs.list(None, made.id)
    assert {run.state.status for run in runs} == {Status.RUNNING}
    provider.release()
    damage(settings, [run.id for run in runs])
    monkeypatch.setattr(dispatch, "_STRANDED_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(engine, "_IDLE_S", 2.0)
    next_one = "another" if settings.database_url else "w"  # who comes back finds its own rows, another takes them over
    async with working(settings.model_copy(update={"executor_id": next_one})) as (app, _):
        heard = await app.evaluations.wait(None, made.id, 150)
        runs = await app.runs.list(None, made.id)
    assert heard.state.status is Status.COMPLETED, dict(zip(DAMAGES, [run.state.status for run in runs], strict=True))
    assert all(run.attempts > 1 and run.verdicts for run in runs)
