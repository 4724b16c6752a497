"""The job engine: DBOS, set up so that it prints nothing, calls nobody, and every worker keeps its name."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, WorkflowStatus

from service.jobs.queue_database import open_queue_database
from service.settings import Settings
from service.store.engine import store_error

QUEUE = "work"
VERSION = "1"
"""The same for every version of ours: the engine gives a workflow to workers of its own version alone, and a run that
was begun before an upgrade has to go on after it. A worker whose schema is not the database's stops by itself."""
APPLICATION = "rehearing"
_WAITING, _PENDING = "ENQUEUED", "PENDING"
_FINISHED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
_LISTED_MAX = 1000
_IDLE_S = 20.0  # the queue hands out many workflows at once and begins them one by one
_TAKEN_EVERY_S = 0.1  # a place that is free waits half of it for its next run; a look costs 2 ms
_ENQUEUED_AT_ONCE = 32  # in one transaction: on SQLite nobody else writes to the queue meanwhile


class Job(NamedTuple):
    """Something for the queue. The id is the workflow's and the row's."""

    id: str
    workflow: str
    priority: int


class Engine:
    """One process's connection to the queue. `client` alone works without running workflows here."""

    def __init__(self, settings: Settings, executor_id: str) -> None:
        self._settings, self.executor_id = settings, executor_id
        self._client: DBOSClient | None = None
        self._database: sa.Engine | None = None
        self._idle_since: dict[str, float] = {}

    async def start(self) -> None:
        """Begins to take workflows from the queue, on the event loop that this is called from."""
        _quiet_logger()
        settings = self._settings
        self._database = open_queue_database(settings.jobs_url)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": settings.jobs_url,
            "application_version": VERSION,
            "executor_id": self.executor_id,
            "log_level": "WARNING",
            "enable_otlp": False,
            "use_listen_notify": False,
            "sys_db_pool_size": 5,
            "scheduler_polling_interval_sec": 3600.0,
            "notification_listener_polling_interval_sec": 0.25,  # it sleeps so long before it stops, and asks nothing here
            "serializer": DBOSPortableJSONSerializer(),
        }
        if self._database.dialect.name == "sqlite":
            config["system_database_engine"] = self._database
        DBOS(config=config)
        DBOS.launch()
        self._client = await asyncio.to_thread(self._open_client)
        rate = settings.runs_per_second
        await DBOS.register_queue_async(
            QUEUE,
            worker_concurrency=settings.limits.jobs_concurrent,
            limiter={"limit": max(1, round(rate * 10)), "period": 10.0} if rate else None,
            polling_interval_sec=min(_TAKEN_EVERY_S, settings.poll.total_seconds()),
            on_conflict="always_update",
        )

    def _open_client(self) -> DBOSClient:
        return DBOSClient(
            system_database_engine=self._database,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
        )

    async def stop(self) -> None:
        """Takes nothing more; what runs here stays unfinished in the engine's tables, for `hand_over`."""
        # DBOS has put its own threads behind `asyncio.to_thread`; they end with it
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="rehearing"))
        await asyncio.to_thread(DBOS.destroy)

    async def close(self) -> None:
        if self._client is not None:
            await asyncio.to_thread(self._client.destroy)
        if self._database is not None:
            self._database.dispose()

    @property
    def client(self) -> DBOSClient:
        assert self._client is not None, "the engine was not started"
        return self._client

    async def enqueue(self, jobs: Iterable[Job]) -> None:
        """Puts jobs into the queue; one that is there already, or is finished, stays as it is. Raises StoreError."""
        await asyncio.to_thread(self._enqueue, sorted(jobs))

    def _enqueue(self, jobs: Sequence[Job]) -> None:
        """Many in a transaction, since its commit is dearer than a job; in one order, so that no two wait for each other."""
        assert self._database is not None
        for start in range(0, len(jobs), _ENQUEUED_AT_ONCE):
            try:
                with self._database.begin() as connection:
                    for job in jobs[start : start + _ENQUEUED_AT_ONCE]:
                        self._put(connection, job)
            except sa.exc.DBAPIError as error:
                raise (store_error(error) or error) from error

    def _put(self, connection: sa.Connection, job: Job) -> None:
        self.client.enqueue_in_transaction(
            connection,
            {
                "workflow_name": job.workflow,
                "queue_name": QUEUE,
                "workflow_id": job.id,
                "priority": job.priority + 1,
            },
        )

    async def enqueue_again(self, jobs: Sequence[Job]) -> None:
        """Puts jobs into the queue whose workflows were lost, or finished without doing the work."""
        await self._put_anew(jobs, await self._found(jobs), set())

    async def revive(self, jobs: Sequence[Job]) -> None:
        """`enqueue_again` for all jobs that should have begun long ago and are not at work here, called again and again.

        What this worker holds by the queue's word, but is not working on from one call to another some time later, broke
        when it was to begin: its row in the queue is damaged.
        """
        found, moment = await self._found(jobs), time.monotonic()
        held = {
            one.workflow_id for one in found if one.status == _PENDING and one.executor_id in (self.executor_id, None)
        }
        self._idle_since = {one: self._idle_since.get(one, moment) for one in held}
        idle = {one for one, since in self._idle_since.items() if moment - since > _IDLE_S}
        await self._put_anew(jobs, found, idle)

    async def _found(self, jobs: Sequence[Job]) -> list[WorkflowStatus]:
        ids = [job.id for job in jobs]
        if not ids:
            return []
        return await self.client.list_workflows_async(workflow_ids=ids, load_input=False, load_output=False)

    async def _put_anew(self, jobs: Sequence[Job], found: Sequence[WorkflowStatus], idle: set[str]) -> None:
        known = {one.workflow_id: one for one in found}
        useless = [
            job.id for job in jobs
            if (one := known.get(job.id)) and (job.id in idle or _is_useless(one, job) or _is_foreign(one, self.executor_id))
        ]  # fmt: skip
        if useless:
            await self.client.delete_workflows_async(useless)
        await self.enqueue([job for job in jobs if job.id not in known or job.id in useless])

    async def holders(self) -> dict[str, list[str]]:
        """Ids of workflows that were begun and have not finished, by the executor that holds them."""
        found = await self.client.list_workflows_async(
            status=_PENDING, load_input=False, load_output=False, limit=_LISTED_MAX
        )
        held: dict[str, list[str]] = {}
        for one in found:
            held.setdefault(one.executor_id or "", []).append(one.workflow_id)
        return held

    async def hand_over(self, ids: Sequence[str]) -> None:
        """Gives begun workflows back to the queue: any worker may take them."""
        if ids:
            await self.client.resume_workflows_async(list(ids), queue_name=QUEUE)

    async def forget_finished(self) -> int:
        """Deletes finished workflows: the store knows what came of them."""
        found = await self.client.list_workflows_async(
            status=list(_FINISHED), load_input=False, load_output=False, limit=_LISTED_MAX
        )
        if found:
            await self.client.delete_workflows_async([one.workflow_id for one in found])
        return len(found)


def _is_useless(workflow: WorkflowStatus, job: Job) -> bool:
    """Whether it has ended, or says something that no queue of ours would: then nobody will take it for this job."""
    said = (workflow.name, workflow.queue_name)
    return workflow.status not in (_WAITING, _PENDING) or said != (job.workflow, QUEUE)


def _is_foreign(workflow: WorkflowStatus, executor_id: str) -> bool:
    """Whether it waits for a version of ours that is no more, in the queue or in the hands of this worker's former life."""
    held_here = workflow.status == _PENDING and workflow.executor_id == executor_id
    return (workflow.status == _WAITING or held_here) and workflow.app_version not in (None, VERSION)


def _quiet_logger() -> None:
    """Its log goes where ours goes, instead of to a console handler of its own."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
