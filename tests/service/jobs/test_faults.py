"""What a night's work meets: upgrades under way, damaged rows, reports that fail once, a database that goes away."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from agents import DebateProtocol
from service.application import BatchRequest, EvaluationRequest, Status
from service.application.context import Bell
from service.errors import StoreUnreachableError
from service.jobs import dispatch
from service.store import Store, head_revision, tables
from tests.service.jobs.conftest import until
from tests.service.jobs.test_working import SHORT, lines

LONG = DebateProtocol(turns_max=6, spread_epsilon=0)


async def attempts_of(app: Any, evaluation_id: str) -> list[int]:
    return [run.attempts for run in await app.runs.list(None, evaluation_id)]


async def test_what_an_older_version_had_in_hand_goes_on_after_the_upgrade(
    settings: Any, working: Any, rubric: Any, item: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = EvaluationRequest(item=item, persona_set="to come", rubric=rubric, repeats=6, protocol=LONG)
    hurried = settings.model_copy(update={"shutdown_grace": type(settings.heartbeat)(0), "executor_id": "w"})
    monkeypatch.setattr(dispatch, "_STRANDED_AFTER", type(settings.heartbeat)(seconds=1))
    with monkeypatch.context() as older:
        older.setattr("service.jobs.engine.VERSION", "schema-0001")
        async with working(hurried) as (app, personas):
            made = await app.evaluations.create(None, request.model_copy(update={"persona_set": personas}))

            async def begun() -> bool:
                return max(await attempts_of(app, made.id)) > 0

            await until(begun)
    async with working(settings) as (app, _):
        heard = await app.evaluations.wait(None, made.id, 150)
        runs = await app.runs.list(None, made.id)
    assert heard.state.status is Status.COMPLETED, heard.state
    assert [run.state.status for run in runs] == [Status.COMPLETED] * 6


async def test_a_worker_whose_database_was_migrated_under_it_stops(
    settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(settings) as (app, personas):
        newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
        await app.context.store.write(lambda connection: connection.execute(newer))
        async with asyncio.timeout(60):
            await app.context.work_ended.wait()
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, protocol=SHORT)
        made = await app.evaluations.create(None, request)
        assert await attempts_of(app, made.id) == [0]
        back = sa.text("UPDATE alembic_version SET version_num = :head")
        await app.context.store.write(lambda connection: connection.execute(back, {"head": head_revision()}))
    async with working(settings) as (app, _):
        assert (await app.evaluations.wait(None, made.id, 150)).state.status is Status.COMPLETED


async def test_a_damaged_item_fails_its_run_and_says_so(settings: Any, working: Any, rubric: Any, item: Any) -> None:
    async with working(settings, work=False) as (app, personas):
        request = EvaluationRequest(item=item, persona_set=personas, rubric=rubric, protocol=SHORT)
        damaged, sound = [await app.evaluations.create(None, request) for _ in range(2)]
        spoil = sa.text("UPDATE evaluations SET item = :body WHERE id = :id")
        await app.context.store.write(lambda c: c.execute(spoil, {"body": b"no zlib", "id": damaged.id}))
    async with working(settings) as (app, _):

        async def failed() -> bool:
            return (await app.runs.list(None, damaged.id))[0].state.status is Status.FAILED

        await until(failed)
        [run] = await app.runs.list(None, damaged.id)
        assert (run.state.error_code, run.attempts) == ("stored_data_damaged", 1)
        assert (await app.evaluations.wait(None, sound.id, 150)).state.status is Status.COMPLETED


async def test_a_report_that_fails_once_is_made_again(
    sqlite_settings: Any, working: Any, rubric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.jobs import reporting

    make, broken = reporting.make_report, 1

    async def sometimes(*told: Any) -> Any:
        nonlocal broken
        if broken:
            broken -= 1
            raise OSError("no space left on device")
        return await make(*told)

    monkeypatch.setattr(reporting, "make_report", sometimes)
    monkeypatch.setattr(dispatch, "_STRANDED_AFTER", type(sqlite_settings.heartbeat)(seconds=1))
    async with working(sqlite_settings) as (app, personas):
        request = BatchRequest(persona_set=personas, rubric=rubric, repeats=2, protocol=SHORT)
        batch = await app.batches.create(None, request, lines(2))

        async def reported() -> bool:
            return (await app.batches.get(None, batch.id)).report_status != "pending"

        await until(reported)
        done = await app.batches.get(None, batch.id)
        assert (done.report_status, done.report_error, broken) == ("ready", None, 0)
        async with app.context.store.read() as connection:
            assert (await connection.execute(sa.select(tables.batches.c.attempts))).scalar_one() == 1


@pytest.mark.postgres
async def test_writes_that_wait_for_each_other_are_made_again(postgres_url: str, sqlite_settings: Any) -> None:
    url = sqlite_settings.model_copy(update={"database_url": SecretStr(postgres_url)}).store_url
    stores = [Store(url), Store(url)]
    await stores[0].write(lambda c: c.execute(sa.text("CREATE TABLE counters (id INT PRIMARY KEY, n INT NOT NULL)")))
    await stores[0].write(lambda c: c.execute(sa.text("INSERT INTO counters VALUES (1, 0), (2, 0)")))

    async def crosswise(store: Store, order: tuple[int, int]) -> None:
        async def operation(connection: Any) -> None:
            for number in order:
                await connection.execute(sa.text("UPDATE counters SET n = n + 1 WHERE id = :id"), {"id": number})
                await connection.execute(sa.text("SELECT pg_sleep(0.2)"))

        await store.write(operation)

    await asyncio.gather(crosswise(stores[0], (1, 2)), crosswise(stores[1], (2, 1)))
    async with stores[0].read() as connection:
        assert list((await connection.execute(sa.text("SELECT n FROM counters ORDER BY id"))).scalars()) == [2, 2]
    for store in stores:
        await store.aclose()


async def test_progress_goes_on_when_the_database_was_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.jobs.progress import keeping

    write, told, failures = store.write, list[Any](), 2

    async def sometimes(operation: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnreachableError("away")
        told.append(await write(operation))

    monkeypatch.setattr(store, "write", sometimes)
    monkeypatch.setattr("service.jobs.progress._PROGRESS_EVERY_S", 0.01)
    context = SimpleNamespace(store=store, something_happened=Bell())
    async with keeping(context, tables.persona_sets, "ps_none") as keeper:  # type: ignore[arg-type]
        keeper.staged("reading", 1, 3)

        async def written() -> bool:
            return bool(told)

        await until(written)
    assert failures == 0
