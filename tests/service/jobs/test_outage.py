"""A provider that is down for longer than the circuit's window while a batch is heard: everybody waits, nothing is lost.

Ten minutes are two seconds here, and more where nobody has been told by then; the circuit's probes are scaled as much,
from 1 to 30 s to 3 to 100 ms. Patience is only longer than the outage, as it is by default. Waits between a caller's own
attempts are not scaled, 0.5 s and more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from agents import DebateProtocol, Outcome, replay
from llm import GateSettings, configure_gates
from service.application import Application, BatchRequest, EvaluationFilter, RunRecord, Status
from service.store import tables
from tests.service.jobs.conftest import Provider, asking_of, until
from tests.service.jobs.test_working import lines

TEN_MINUTES, SCALE = timedelta(minutes=10), 300
OUTAGE_S, PATIENCE_S = TEN_MINUTES.total_seconds() / SCALE, 1200.0
PROTOCOL = DebateProtocol(turns_max=4, synthesis=False, spread_epsilon=0)
PERSONAS, REPEATS = 3, 2


@asynccontextmanager
async def heard(
    settings: Any, working: Any, rubric: Any, provider: Provider, items: int, gate: GateSettings
) -> AsyncIterator[Any]:
    """A batch under way: (application, batch id, spec of its model)."""
    spec = f"openai:bench@{provider.base_url}"
    configure_gates(gate, spec)
    async with working(asking_of(settings, provider)) as (app, personas):
        request = BatchRequest(persona_set=personas, rubric=rubric, repeats=REPEATS, protocol=PROTOCOL)
        batch = await app.batches.create(None, request, lines(items))
        assert [app.models.get(one).spec for one in batch.models] == [spec]
        yield app, batch.id, spec


async def runs_of(app: Application, batch_id: str) -> list[RunRecord]:
    evaluations = (await app.evaluations.list(None, EvaluationFilter(batch_id=batch_id), limit=100)).rows
    return [run for one in evaluations for run in await app.runs.list(None, one.id)]


async def calls_made(app: Application) -> int:
    async with app.context.store.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(tables.calls))).scalar_one())


async def sit_out(app: Application, batch_id: str, spec: str) -> None:
    """Waits for as long as the outage lasts: until it was told for how long it is waited, and ten scaled minutes at least."""
    loop = asyncio.get_running_loop()
    end, seen = loop.time() + OUTAGE_S, 0.0
    async with asyncio.timeout(150):
        while loop.time() < end or seen <= OUTAGE_S / 8:
            batch = await app.batches.get(None, batch_id)
            assert batch.state.status is Status.RUNNING
            assert not [run for run in await runs_of(app, batch_id) if run.state.status is Status.FAILED]
            seen = max(seen, batch.state.waiting_for.get(spec, 0.0))
            await asyncio.sleep(0.2)
    told = {check.name: check for check in (await app.health()).checks}["models"]
    assert told.state == "degraded"
    assert "openai:bench (" in told.detail
    assert "127.0.0.1" not in told.detail, "it is read without a key"
    evaluations = (await app.evaluations.list(None, EvaluationFilter(batch_id=batch_id), limit=100)).rows
    waiting = [await app.evaluations.get(None, one.id) for one in evaluations if one.state.status is Status.RUNNING]
    assert waiting
    assert all(spec in one.state.waiting_for for one in waiting)
    owner = waiting[0].owner
    told_to_owners = await app.batches.get(owner, batch_id), await app.evaluations.get(owner, waiting[0].id)
    assert all(list(one.state.waiting_for) == ["openai:bench"] for one in told_to_owners), (
        "an address is nobody's business"
    )


def test_ten_minutes_are_waited_for_by_default(sqlite_settings: Any) -> None:
    assert sqlite_settings.provider_patience > TEN_MINUTES


@pytest.mark.parametrize(("how", "items"), [("refused", 2), ("503", 1)])
async def test_a_provider_is_away_for_ten_minutes_and_comes_back(
    settings: Any,
    working: Any,
    rubric: Any,
    provider: Provider,
    how: str,
    items: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "rehearing.jobs")
    gate = GateSettings(probe_after_s=1 / SCALE, probe_after_max_s=30 / SCALE, patience_s=PATIENCE_S)
    provider.hold(after=5 * items)
    async with heard(settings, working, rubric, provider, items, gate) as (app, batch_id, spec):

        async def half_is_answered() -> bool:
            return await provider.all_held() and await calls_made(app) == provider.answered == 5 * items

        await until(half_is_answered)
        await provider.down(how)
        await sit_out(app, batch_id, spec)
        await provider.up()

        async def reported() -> bool:
            return (await app.batches.get(None, batch_id)).report_status != "pending"

        await until(reported)
        done = await app.batches.get(None, batch_id)
        assert (done.state.status, done.state.waiting_for) == (Status.COMPLETED, {})
        assert done.counts["completed"] == done.counts["total"] == items
        runs = await runs_of(app, batch_id)
        assert len(runs) == items * REPEATS
        good = 0
        for run in runs:
            assert run.attempts == 1, "waiting is no reason to begin again"
            result, calls = await app.runs.result(None, run.id), await app.runs.calls(None, run.id)
            ended = {turn.outcome for turn in result.transcript.turns}
            assert ended <= {Outcome.DECIDED, Outcome.ABSTAINED}, "a turn was lost"
            assert {part.n_asked for v in result.verdicts.values() for part in v.dimensions.values()} == {PERSONAS}
            evaluation = await app.evaluations.get(None, run.evaluation_id)
            personas = (await app.persona_sets.get(None, evaluation.persona_set_id)).persona_set
            again = await replay(
                evaluation.item, personas, rubric, evaluation.protocol, result.run, calls, expected=result
            )
            assert again == result, "every score is out of a reply"
            good += sum(call.outcome == "ok" for call in calls)
        assert provider.answered == good, "no finished call was repeated"
        await until_logged(caplog, spec, "unreachable" if how == "refused" else "server_error")


async def until_logged(caplog: pytest.LogCaptureFixture, spec: str, kind: str) -> None:
    """The log tells of the outage once, and of its end with the worker's next beat."""

    def told(what: str) -> int:
        return sum(record.getMessage().startswith(f"model {spec} {what}") for record in caplog.records)

    async def is_over() -> bool:
        return bool(told("answers again, after "))

    await until(is_over)
    assert told(f"does not answer ({kind}): ") == told("does not answer") == told("answers again") == 1, caplog.text


async def test_patience_ends_and_nothing_is_guessed(
    settings: Any, working: Any, rubric: Any, provider: Provider
) -> None:
    """Away for longer than it is waited for: judges are lost and counted, verdicts are missing, none is made up."""
    gate = GateSettings(probe_after_s=0.01, probe_after_max_s=0.05, patience_s=0.5)
    await provider.down("refused")
    async with heard(settings, working, rubric, provider, 1, gate) as (app, batch_id, _):

        async def ended() -> bool:
            return (await app.batches.get(None, batch_id)).state.status.ended

        await until(ended)
        done = await app.batches.get(None, batch_id)
        assert done.state.status is Status.FAILED
        for run in await runs_of(app, batch_id):
            assert (run.state.status, run.state.error_code) == (Status.FAILED, "too_few_judgements")
            for verdict in (await app.runs.result(None, run.id)).verdicts.values():
                assert {(part.value, part.n_used) for part in verdict.dimensions.values()} == {(None, 0)}
