"""The application behind a request, and how its answers are put on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from service.application import Application, JobState

RETRY_AFTER_S = 2
"""When to look at a fresh job again."""

DryRun = Annotated[
    bool, Query(description="Answer with the calls, tokens and dollars that this would spend, and spend nothing.")
]
Wait = Annotated[
    float, Query(ge=0, le=60, description="Seconds to wait for the job to end; answers as soon as it has.")
]
Id = Annotated[str, Path(max_length=64, description="An id, as the collection lists it.")]


POLL_S = 0.5


class _Job(Protocol):
    @property
    def state(self) -> JobState: ...


J = TypeVar("J", bound=_Job)


async def when_ended(read: Callable[[], Awaitable[J]], wait_s: float) -> J:
    """The job as soon as it has ended, or as it is after `wait_s`."""
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        job = await read()
        left = deadline - asyncio.get_running_loop().time()
        if job.state.status.ended or left <= 0:
            return job
        await asyncio.sleep(min(POLL_S, left))


def application_of(request: Request) -> Application:
    """The use cases that this server offers."""
    found: Application = request.app.state.application
    return found


def json_answer(answer: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The model as a JSON response."""
    return Response(answer.model_dump_json(by_alias=True), status, headers, media_type="application/json")


def accepted(answer: BaseModel, location: str) -> Response:
    """202: a job was stored and will be worked on; `location` is its status, and in the end its result."""
    return json_answer(answer, 202, {"Location": location, "Retry-After": str(RETRY_AFTER_S)})


def created(answer: BaseModel, location: str) -> Response:
    """201: something was stored under `location`."""
    return json_answer(answer, 201, {"Location": location})
