"""A provider that is down for longer than the circuit's window while a batch is heard: everybody waits, nothing is lost.

Ten minutes are two seconds here; the circuit's probes are scaled as much, from 1 to 30 s to 3 to 100 ms. Patience is
only longer than the outage, as it is by default. Waits between a caller's own attempts are not scaled, 0.5 s and more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from agents import DebateProtocol, Outcome, replay
from bench import model_server
from llm import GateSettings, configure_gates
from service.application import Application, BatchRecord, BatchRequest, EvaluationFilter, RunRecord, Status
from tests.service.jobs.test_working import lines

TEN_MINUTES, SCALE = timedelta(minutes=10), 300
OUTAGE_S, PATIENCE_S = TEN_MINUTES.total_seconds() / SCALE, 60.0
PROTOCOL = DebateProtocol(turns_max=4, synthesis=False, spread_epsilon=0)
PERSONAS, REPEATS = 3, 2


class Provider:
    """The bench's model server in this loop, so that its counts outlive an outage of its port."""

    def __init__(self) -> None:
        self.server = model_server.ModelServer(0.03, {}, 0)
        self._runner: Any = None
        self.base_url = ""

    @property
    def answered(self) -> int:
        return int(self.server.finished.total())

    async def up(self) -> None:
        self.server.faults = {}
        if self._runner is None:
            port = int(self.base_url.rpartition(":")[2].removesuffix("/v1") or 0) if self.base_url else 0
            self._runner, self.base_url = await model_server.serve(self.server, port)

    async def down(self, how: str) -> None:
        if how == "503":
            self.server.faults = {"503": 1.0}
        elif self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    made = Provider()
    await made.up()
    yield made
    await made.down("refused")


@asynccontextmanager
async def heard(settings: Any, working: Any, rubric: Any, provider: Provider, items: int) -> AsyncIterator[Any]:
    """A batch under way: (application, batch id, spec of its model)."""
    spec = f"openai:bench@{provider.base_url}"
    gate = GateSettings(probe_after_s=1 / SCALE, probe_after_max_s=30 / SCALE, patience_s=PATIENCE_S)
    configure_gates(gate, spec)
    told = {"base_url": provider.base_url, "api_key": SecretStr("none")}
    async with working(settings.model_copy(update=told)) as (app, personas):
        request = BatchRequest(
            persona_set=personas, rubric=rubric, repeats=REPEATS, models=("openai:bench",), protocol=PROTOCOL
        )
        batch = await app.batches.create(None, request, lines(items))
        assert [app.models.get(one).spec for one in batch.models] == [spec]
        yield app, batch.id, spec


async def runs_of(app: Application, batch_id: str) -> list[RunRecord]:
    evaluations = (await app.evaluations.list(None, EvaluationFilter(batch_id=batch_id), limit=100)).rows
    return [run for one in evaluations for run in await app.runs.list(None, one.id)]


async def sit_out(app: Application, batch_id: str, spec: str) -> BatchRecord:
    """The batch as it was at the end of the outage, after it was seen to wait all along."""
    loop = asyncio.get_running_loop()
    end, seen = loop.time() + OUTAGE_S, []
    while loop.time() < end:
        batch = await app.batches.get(None, batch_id)
        assert batch.state.status is Status.RUNNING
        assert not [run for run in await runs_of(app, batch_id) if run.state.status is Status.FAILED]
        seen.append(batch.state.waiting_for.get(spec, 0.0))
        await asyncio.sleep(0.1)
    assert max(seen) > OUTAGE_S / 8, f"nobody was told what is waited for: {seen}"
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
    return batch


def test_ten_minutes_are_waited_for_by_default(sqlite_settings: Any) -> None:
    assert sqlite_settings.provider_patience > TEN_MINUTES


@pytest.mark.parametrize(("how", "items"), [("refused", 4), ("503", 1)])
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
    async with heard(settings, working, rubric, provider, items) as (app, batch_id, spec):
        async with asyncio.timeout(60):
            while provider.answered < 5 * items:  # noqa: ASYNC110 - the server rings no bell
                await asyncio.sleep(0.01)
        in_flight = provider.server.in_flight
        await provider.down(how)
        await sit_out(app, batch_id, spec)
        await provider.up()
        async with asyncio.timeout(120):
            while (done := await app.batches.get(None, batch_id)).report_status == "pending":  # noqa: ASYNC110
                await asyncio.sleep(0.05)

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
        # what was in flight when the provider went was answered to nobody: that alone may be asked again
        assert 0 <= provider.answered - good <= (in_flight if how == "refused" else 0)
        await until_logged(caplog, spec, "unreachable" if how == "refused" else "server_error")


async def until_logged(caplog: pytest.LogCaptureFixture, spec: str, kind: str) -> None:
    """The log tells of the outage once, and of its end with the worker's next beat."""

    def told(what: str) -> int:
        return sum(record.getMessage().startswith(f"model {spec} {what}") for record in caplog.records)

    async with asyncio.timeout(60):
        while not told("answers again, after "):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert told(f"does not answer ({kind}): ") == told("does not answer") == told("answers again") == 1, caplog.text


async def test_patience_ends_and_nothing_is_guessed(
    settings: Any, working: Any, rubric: Any, provider: Provider
) -> None:
    """Away for longer than it is waited for: judges are lost and counted, verdicts are missing, none is made up."""
    async with heard(settings, working, rubric, provider, 1) as (app, batch_id, spec):
        configure_gates(GateSettings(probe_after_s=0.01, probe_after_max_s=0.05, patience_s=0.5), spec)
        await provider.down("refused")
        async with asyncio.timeout(120):
            while not (done := await app.batches.get(None, batch_id)).state.status.ended:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert done.state.status is Status.FAILED
        for run in await runs_of(app, batch_id):
            assert (run.state.status, run.state.error_code) == (Status.FAILED, "too_few_judgements")
            for verdict in (await app.runs.result(None, run.id)).verdicts.values():
                assert {(part.value, part.n_used) for part in verdict.dimensions.values()} == {(None, 0)}
