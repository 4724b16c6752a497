"""One working process: takes jobs, shows that it lives, drops what is no longer its own, takes over from the dead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from llm import CallLedger, troubles
from service.application.context import Context
from service.application.stopped_runs import settle_dropped
from service.errors import StoreDamagedError, StoreError
from service.jobs.cases import Cases
from service.jobs.dispatch import forget_hopeless, mark_dispatched, still_mine, stranded, sweep, waiting_jobs
from service.jobs.engine import Engine
from service.jobs.hearing import hear_case, load_hearing_code
from service.jobs.lease import Lease
from service.jobs.notifying import notify, open_sender
from service.jobs.personas import build
from service.jobs.probing import probe
from service.jobs.reporting import report_batch
from service.jobs.telling import Teller
from service.jobs.workflows import PERSONAS, PROBE, REPORT, RUN, set_working
from service.store import head_revision, stored_revision
from service.telemetry import MeteredLedger, Metrics, job_span

log = logging.getLogger("rehearing.jobs")

_FED_AHEAD = (
    2  # jobs kept in the queue per job that may run: enough that no worker idles, few enough to keep priorities
)
_FEED_SETTLES_S = 0.05  # between two feeds: new work that comes alone is fed at once, and much of it together
_RETRY_S, _RETRY_MAX_S = 0.5, 30.0
_FORGET_EVERY = 240  # feeds between clearings of the queue's memory of finished work: about a minute
_SWEEP_EVERY = 8  # feeds between looks for expired and stranded work


@dataclass(eq=False)
class _Active:
    kind: str
    work: asyncio.Task[None]
    workflow: asyncio.Task[object] | None


class Worker:
    """Works on jobs in this process's event loop until it is stopped."""

    def __init__(self, context: Context, engine: Engine, metrics: Metrics | None = None) -> None:
        self._context, self._engine = context, engine
        self._metrics = metrics or Metrics()
        settings = context.settings
        self._lease = Lease(context.store, engine.executor_id, settings.worker_dead_after.total_seconds())
        self._active: dict[str, _Active] = {}
        self._cases, self._teller = Cases(context), Teller(context)
        self._sender = open_sender(context)
        self._loops: list[asyncio.Task[None]] = []
        self._waited_for: dict[str, float] = {}
        self._stopping = False
        self._stopped: asyncio.Task[None] | None = None

    @property
    def active(self) -> int:
        """Jobs in progress here."""
        return len(self._active)

    async def start(self) -> None:
        """Registers, then begins to work."""
        await asyncio.to_thread(load_hearing_code)
        await self._lease.register()
        set_working(self)
        await self._engine.start()
        settings = self._context.settings
        self._loops = [
            asyncio.create_task(self._repeat(self._beat, settings.heartbeat.total_seconds()), name="heartbeat"),
            # apart from the beat: a slow look at the others must not make this worker look dead
            asyncio.create_task(self._repeat(self._take_over, settings.heartbeat.total_seconds()), name="taking over"),
            asyncio.create_task(self._feed_for_ever(), name="feeding"),
            asyncio.create_task(self._repeat(self._drop_foreign, settings.poll.total_seconds() * 2), name="dropping"),
            asyncio.create_task(self._repeat(self._notify, settings.poll.total_seconds() * 4), name="notifying"),
        ]

    async def stop(self) -> None:
        """Lets jobs finish for as long as the settings allow, then gives back what is left and says goodbye; once."""
        if self._stopped is None:
            grace_s = self._context.settings.shutdown_grace.total_seconds()
            self._stopped = asyncio.create_task(self._stop(grace_s), name="stopping")
        await asyncio.shield(self._stopped)

    async def _stop(self, grace_s: float) -> None:
        self._stopping = True
        working = [one.work for one in self._active.values()]
        if working:
            await asyncio.wait(working, timeout=grace_s)
        for loop in self._loops[1:]:
            loop.cancel()
        with _told("stopping the queue"):
            await self._engine.stop()
        set_working(None)
        for one in list(self._active.values()):
            one.work.cancel()
            if one.workflow is not None:
                one.workflow.cancel()
        left = [task for one in self._active.values() for task in (one.work, one.workflow) if task is not None]
        self._loops[0].cancel()
        await asyncio.gather(*left, *self._loops, return_exceptions=True)
        with _told("handing over"):  # where the database is away, the others find out by the missing beats
            await self._engine.hand_over((await self._engine.holders()).get(self._engine.executor_id, []))
            await self._lease.retire()
        await self._teller.stop()
        await self._sender.aclose()
        await self._engine.close()
        self._context.work_ended.set()

    async def work(self, kind: str, subject_id: str) -> None:
        """Does one job until it has ended. A job that is given up here stays unfinished, for another to take over."""
        active = _Active(kind, asyncio.create_task(self._persist(kind, subject_id)), asyncio.current_task())
        self._active[subject_id] = active
        try:
            if self._stopping:
                active.work.cancel()
                await asyncio.Event().wait()
            await asyncio.wait([active.work])
            if active.work.cancelled():
                if self._stopping:
                    await asyncio.Event().wait()
                with _told("settling a dropped job"):
                    await self._context.store.write(lambda one: settle_dropped(one, subject_id))
        finally:
            if self._active.get(subject_id) is active:
                del self._active[subject_id]
        if not active.work.cancelled():
            active.work.result()

    async def _persist(self, kind: str, subject_id: str) -> None:
        """Tries again for as long as the store, or this worker's lease, is away: nothing done is lost by waiting."""
        pause = _RETRY_S
        while True:
            try:
                await self._do(kind, subject_id)
                return
            except StoreDamagedError as error:
                log.error("job %s cannot be done: %s", subject_id, error)
                await forget_hopeless(self._context, kind, subject_id, error)
                return
            except StoreError as error:
                log.warning("job %s waits for the store: %s", subject_id, error)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.exception("job %s failed inside", subject_id)
                await forget_hopeless(self._context, kind, subject_id, error)
                return
            await asyncio.sleep(pause)
            pause = min(_RETRY_MAX_S, pause * 2)

    async def _do(self, kind: str, subject_id: str) -> None:
        worker_id = self._engine.executor_id
        with job_span(kind, subject_id) as traced:

            def metered(ledger: CallLedger) -> CallLedger:
                return MeteredLedger(ledger, self._metrics, traced)

            if kind == RUN:
                await hear_case(
                    self._context,
                    subject_id,
                    worker_id,
                    cases=self._cases,
                    teller=self._teller,
                    await_lease=self._lease.held,
                    metered=metered,
                )
            elif kind == PERSONAS:
                await build(self._context, subject_id, worker_id, metered=metered, await_lease=self._lease.held)
            elif kind == PROBE:
                await probe(self._context, subject_id, worker_id, await_lease=self._lease.held, metered=metered)
            elif kind == REPORT:
                await report_batch(self._context, subject_id)

    async def _feed_for_ever(self) -> None:
        pause, count = self._context.settings.poll.total_seconds(), 0
        while True:
            ring = self._context.work_waits.next_ring
            with _told("feeding the queue"):
                if count % _SWEEP_EVERY == 0:
                    await sweep(self._context)
                if count % _FORGET_EVERY == 0:
                    await self._engine.forget_finished()
                await self._feed()
            count += 1
            await asyncio.sleep(_FEED_SETTLES_S)
            await self._context.work_waits.wait(pause, ring)

    async def _feed(self) -> None:
        """Puts stored work into the queue: highest priority first, and not more than will soon be done."""
        jobs = await waiting_jobs(self._context, self._context.limits.jobs_concurrent * _FED_AHEAD)
        if jobs and not self._stopping:
            await self._engine.enqueue([job for job in jobs if job.workflow != REPORT])
            await self._engine.enqueue_again([job for job in jobs if job.workflow == REPORT])  # it may be made anew
            await mark_dispatched(self._context, jobs)

    async def _drop_foreign(self) -> None:
        """Ends work here on jobs that were cancelled, deleted or taken over."""
        looked_at = dict(self._active)  # what begins while the store answers is not in the answer
        kinds = {key: one.kind for key, one in looked_at.items()}
        mine = await still_mine(self._context, self._engine.executor_id, kinds)
        for subject_id, one in looked_at.items():
            if subject_id not in mine:
                one.work.cancel()

    async def _notify(self) -> None:
        await notify(self._context, self._sender)

    async def _beat(self) -> None:
        if not await self._lease.beat(self._waits()):
            log.warning("others gave this worker up; it drops %d jobs and begins anew", len(self._active))
            for one in self._active.values():
                one.work.cancel()
            await self._lease.register()
        await self._check_schema()

    def _waits(self) -> dict[str, float]:
        """Seconds since which this worker has waited for a model, by its spec; logged when a wait begins and when it ends.

        The kind of failure alone is logged: a provider's own words may quote what it was asked.
        """
        found = troubles()
        for spec in found.keys() - self._waited_for.keys():
            log.warning(
                "model %s does not answer (%s): its jobs wait, for up to %.0f s, and what is done stays",
                spec, found[spec].outcome, found[spec].patience_s,
            )  # fmt: skip
        for spec in self._waited_for.keys() - found.keys():
            log.info("model %s answers again, after %.0f s", spec, self._waited_for[spec])
        self._waited_for = {spec: round(trouble.since_s, 1) for spec, trouble in found.items()}
        return self._waited_for

    async def _check_schema(self) -> None:
        """Stops where the database was migrated under this worker: code that does not know its rows must not touch them."""
        stored, known = await stored_revision(self._context.store), head_revision()
        if stored != known and self._stopped is None:
            log.error(
                "the database is now at schema %s and this code at %s: this worker hands over and stops", stored, known
            )
            self._stopped = asyncio.create_task(self._stop(grace_s=0), name="stopping")

    async def _take_over(self) -> None:
        """Gives what dead workers held back to the queue, and finds work that the queue has lost."""
        held = await self._engine.holders()
        dead = await self._lease.dead_among({name for name in held if name})
        for name in dead:
            log.warning("worker %s is dead; %d jobs go back to the queue", name, len(held[name]))
            await self._engine.hand_over(held[name])
        await self._engine.revive(await stranded(self._context, exclude=set(self._active)))

    async def _repeat(self, action: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while True:
            with _told(getattr(action, "__name__", "a task")):
                await action()
            await asyncio.sleep(pause_s)


class _told:  # noqa: N801 - reads as a phrase: `with _told("feeding")`
    """Logs what goes wrong in a loop that must go on: the next round tries again."""

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, StoreError):
            log.warning("%s: %s", self._doing, error)
            return True
        if isinstance(error, Exception):
            log.error("%s failed", self._doing, exc_info=error)
            return True
        return False
