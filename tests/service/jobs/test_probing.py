"""Probes of heard runs as durable jobs, on both databases: paid once, resumed, cancelled, replaced by larger ones."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from agents import DebateProtocol
from service.application import (
    AdherenceRequest,
    Application,
    BatchRequest,
    CommitmentRequest,
    EvaluationFilter,
    EvaluationRequest,
    ProbeKind,
    ProbeRecord,
    RunRecord,
    Status,
)
from service.errors import ConflictError, InvalidRequestError, NotFoundError
from service.store import Store, migrating, tables
from tests.service.jobs.conftest import Provider, asking_of, until
from tests.service.jobs.test_working import lines

PROTOCOL = DebateProtocol(turns_max=2, synthesis=False, spread_epsilon=0)
PERSONAS, TIMES = 3, 4
JUDGE = "simulated:signal=0,run_sd=3"
"""Its personas start far apart, so that they have something to debate."""
DRAWS, ANSWERED = 8, 30
"""Of a probe of which more than one point is under way when its worker is killed, and how many calls it has then."""


async def heard_run(
    app: Application, personas: str, rubric: Any, item: Any, model: str, protocol: Any = PROTOCOL
) -> str:
    request = EvaluationRequest(
        item=item, persona_set=personas, rubric=rubric, protocol=protocol, models=(model,), repeats=2
    )
    made = await app.evaluations.create(None, request)
    done = await app.evaluations.wait(None, made.id, 150)
    assert done.state.status is Status.COMPLETED, done.state
    return (await app.runs.list(None, made.id))[1].id


async def ended(app: Application, run_id: str, kind: ProbeKind = ProbeKind.COMMITMENT) -> ProbeRecord:
    async with asyncio.timeout(150):
        while not (found := await app.probes.get(None, run_id, kind)).state.status.ended:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def calls_of(app: Application, subject_id: str) -> int:
    query = sa.select(sa.func.count()).select_from(tables.calls).where(tables.calls.c.subject_id == subject_id)
    async with app.context.store.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def test_two_callers_at_once_pay_once_and_more_draws_pay_for_what_is_new(
    asking: Any, working: Any, rubric: Any, item: Any, provider: Provider
) -> None:
    async with working(asking) as (app, personas):
        run_id = await heard_run(app, personas, rubric, item, "openai:bench")
        before = provider.answered
        with pytest.raises(NotFoundError):
            await app.probes.get(None, run_id, ProbeKind.COMMITMENT)
        request = CommitmentRequest(times=TIMES)
        both = await asyncio.gather(*(app.probes.put(None, run_id, request) for _ in range(5)))
        assert len({one.id for one in both}) == 1
        done = await ended(app, run_id)
        assert done.state.status is Status.COMPLETED, done.state
        points = (done.commitment or {})["clarity"]
        paid = provider.answered - before
        assert paid == PERSONAS * TIMES * len(points) == done.spent.calls
        assert done.state.progress.done == done.state.progress.total == len(points)
        assert (await app.probes.put(None, run_id, request)).commitment == done.commitment, "asked twice, made once"

        await app.probes.put(None, run_id, CommitmentRequest(times=TIMES + 1))
        more = await ended(app, run_id)
        assert more.state.status is Status.COMPLETED
        assert [point.values[:TIMES] for point in (more.commitment or {})["clarity"]] == [one.values for one in points]
        assert more.spent.calls == PERSONAS * (TIMES + 1) * len(points)
        assert provider.answered - before == more.spent.calls
        assert set(provider.server.finished.values()) == {1}, "nothing was asked twice"
        assert await calls_of(app, run_id) == (await app.runs.get(None, run_id)).spent.calls, (
            "the run's own stay its own"
        )


async def test_personas_are_rated_while_their_verdict_is_drawn_anew(
    settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(settings) as (app, personas):
        run_id = await heard_run(app, personas, rubric, item, JUDGE)
        await app.probes.put(None, run_id, CommitmentRequest(times=2))
        with pytest.raises(InvalidRequestError, match="nobody"):
            await app.probes.put(None, run_id, AdherenceRequest(observer="nobody:x"))
        await app.probes.put(None, run_id, AdherenceRequest(times=2))
        rated, drawn = await ended(app, run_id, ProbeKind.ADHERENCE), await ended(app, run_id)
        assert drawn.state.status is rated.state.status is Status.COMPLETED
        assert rated.observer == JUDGE
        assert set(rated.adherence or {}) == {"p0", "p1", "p2"}
        for own in (rated.adherence or {}).values():
            assert next(iter(own.ratings)) == "role"
            assert own.ratings["role"].n_used == own.ratings["role"].n_asked >= 4
        turns = [turn for turn in (await app.runs.transcript(None, run_id)).turns if turn.persona_id and turn.text]
        assert rated.spent.calls == 2 * len(turns)
        assert (rated.commitment, drawn.adherence) == (None, None)

        alone = await heard_run(app, personas, rubric, item, JUDGE, DebateProtocol(arms=("panel",)))
        with pytest.raises(ConflictError, match="nobody debated"):
            await app.probes.put(None, alone, CommitmentRequest())


async def test_a_cancelled_probe_asks_no_more_and_is_gone_on_with(
    asking: Any, working: Any, rubric: Any, item: Any, provider: Provider
) -> None:
    async with working(asking) as (app, personas):
        run_id = await heard_run(app, personas, rubric, item, "openai:bench")
        provider.hold(after=4)
        made = await app.probes.put(None, run_id, CommitmentRequest(times=2))

        async def under_way() -> bool:
            return await provider.all_held() and await calls_of(app, made.id) == 4

        await until(under_way)
        with pytest.raises(ConflictError, match="cancel it first"):
            await app.probes.put(None, run_id, CommitmentRequest(times=3))
        cancelled = await app.probes.cancel(None, run_id, ProbeKind.COMMITMENT)
        assert (cancelled.state.status, cancelled.state.error_code) == (Status.CANCELLED, "cancelled")
        assert (await app.probes.cancel(None, run_id, ProbeKind.COMMITMENT)).state == cancelled.state

        async def nobody_waits() -> bool:
            return not provider.held

        await until(nobody_waits)
        asked = provider.server.calls.total()
        provider.release()
        again = await app.probes.put(None, run_id, CommitmentRequest(times=2))
        assert again.id != made.id
        assert await calls_of(app, again.id) >= 4, "what was answered goes with the probe"
        done = await ended(app, run_id)
        assert done.state.status is Status.COMPLETED
        assert done.spent.calls == PERSONAS * 2 * len((done.commitment or {})["clarity"])
        assert provider.server.calls.total() - asked <= done.spent.calls, "what is answered is not asked again"


async def test_where_nothing_can_be_used_it_fails_and_says_so(
    settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(settings) as (app, personas):
        run_id = await heard_run(app, personas, rubric, item, JUDGE)
        await app.probes.put(None, run_id, AdherenceRequest(times=1, observer="simulated:malformed=1"))
        done = await ended(app, run_id, ProbeKind.ADHERENCE)
        assert (done.state.status, done.state.error_code) == (Status.FAILED, "no_usable_answer")
        assert done.adherence is None
        assert done.spent.calls > 0


@pytest.mark.postgres
async def test_a_worker_is_killed_in_the_midst_and_nothing_is_asked_twice(
    sqlite_settings: Any, postgres_url: str, working: Any, rubric: Any, item: Any, provider: Provider, start_worker: Any
) -> None:
    settings = asking_of(sqlite_settings, provider).model_copy(update={"database_url": SecretStr(postgres_url)})
    told = {"REHEARING_BASE_URL": provider.base_url, "REHEARING_DATABASE_URL": postgres_url}
    async with working(settings, work=False) as (app, personas):
        worker = start_worker(REHEARING_EXECUTOR_ID="one", REHEARING_API_KEY="none", **told)
        worker.wait_until_working()
        run_id = await heard_run(app, personas, rubric, item, "openai:bench")
        before = provider.answered
        provider.hold(after=ANSWERED)
        made = await app.probes.put(None, run_id, CommitmentRequest(times=DRAWS))

        async def in_the_midst() -> bool:
            return await provider.all_held() and await calls_of(app, made.id) == ANSWERED

        await until(in_the_midst)
        worker.kill()
        assert not (await app.probes.get(None, run_id, ProbeKind.COMMITMENT)).state.status.ended
    provider.release()
    taking_over = {
        "executor_id": "another",
        "heartbeat": timedelta(seconds=0.3),
        "worker_dead_after": timedelta(seconds=3),
    }
    async with working(settings.model_copy(update=taking_over)) as (app, _):
        done = await ended(app, run_id)
        assert done.state.status is Status.COMPLETED, done.state
        points = (done.commitment or {})["clarity"]
        assert await calls_of(app, made.id) == done.spent.calls == PERSONAS * DRAWS * len(points)
        paid = provider.answered - before
        # what was in flight when the worker was killed was answered to nobody: that alone may be asked again
        assert 0 <= paid - done.spent.calls <= PERSONAS * DRAWS
        repeated = sum(count - 1 for count in provider.server.finished.values())
        assert repeated <= PERSONAS * DRAWS


async def test_a_probe_moves_with_its_batch_once_it_has_ended(
    settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    async with working(settings) as (app, personas):
        request = BatchRequest(persona_set=personas, rubric=rubric, models=(JUDGE,), protocol=PROTOCOL)
        batch = await app.batches.create(None, request, lines(1))

        async def reported() -> bool:
            return (await app.batches.get(None, batch.id)).report_status != "pending"

        await until(reported)
        run = await _only_run(app, batch.id)
        await app.probes.put(None, run.id, AdherenceRequest(times=1))
        rated = await ended(app, run.id, ProbeKind.ADHERENCE)
    async with working(settings, work=False) as (app, _):
        await app.probes.put(None, run.id, AdherenceRequest(times=2))
        assert not (await app.probes.get(None, run.id, ProbeKind.ADHERENCE)).state.status.ended
        assert await _moved(app, batch.id) is None, "what is still asked stays behind"
        await app.probes.cancel(None, run.id, ProbeKind.ADHERENCE)
        moved = await _moved(app, batch.id)
        assert moved is not None
        assert moved.state.status is Status.CANCELLED
        assert await calls_of(app, moved.id) == rated.spent.calls


async def _only_run(app: Application, batch_id: str) -> RunRecord:
    (evaluation,) = (await app.evaluations.list(None, EvaluationFilter(batch_id=batch_id))).rows
    (run,) = await app.runs.list(None, evaluation.id)
    return run


async def _moved(app: Application, batch_id: str) -> ProbeRecord | None:
    """The adherence of the only run of a copy of the batch."""

    async def file() -> AsyncIterator[bytes]:
        async for chunk in app.batches.export(None, batch_id):
            yield chunk

    copy = await app.batches.import_(None, file())
    run = await _only_run(app, copy.id)
    try:
        return await app.probes.get(None, run.id, ProbeKind.ADHERENCE)
    except NotFoundError:
        return None


async def test_a_test_that_an_older_version_made_is_still_there(
    settings: Any, working: Any, rubric: Any, item: Any
) -> None:
    old = {
        "times": 2,
        "calls": 18,
        "cost_usd": 0.5,
        "simulated": True,
        "dimensions": {"clarity": [[0, 2, 2, 1.0, 0.0, [3, 3]]]},
    }
    async with working(settings) as (app, personas):
        run_id = await heard_run(app, personas, rubric, item, JUDGE)
        moment = datetime.now(UTC)
    before = ScriptDirectory(str(migrating._FOLDER)).get_revision("0009").down_revision
    await asyncio.to_thread(_migrated, settings, before, "downgrade")
    row = {"run_id": run_id, "created_at": moment, "body": zlib.compress(json.dumps(old).encode())}
    await asyncio.to_thread(_migrated, settings, "0009", "upgrade", row)
    async with working(settings, work=False) as (app, _):
        found = await app.probes.get(None, run_id, ProbeKind.COMMITMENT)
        assert (found.state.status, found.times, found.simulated) == (Status.COMPLETED, 2, True)
        assert (found.spent.calls, found.spent.cost_usd, found.created_at) == (18, 0.5, moment)
        assert (found.commitment or {})["clarity"][0].values == (3, 3)


def _migrated(settings: Any, revision: str, way: str, row: dict[str, Any] | None = None) -> None:
    """Goes one step through the schema; row: of a commitment test, put there before."""
    from alembic import command
    from alembic.config import Config

    engine = migrating._sync_engine(Store(settings.store_url))
    config = Config()
    config.set_main_option("script_location", str(migrating._FOLDER))
    with engine.begin() as connection:
        if row is not None:
            names = [sa.column("run_id"), sa.column("created_at", sa.DateTime(timezone=True)), sa.column("body")]
            connection.execute(sa.insert(sa.table("commitments", *names)), row)
        config.attributes["connection"] = connection
        getattr(command, way)(config, revision)
    engine.dispose()
