"""The API over a real application on SQLite, in process; nothing works on jobs unless a test asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api import create_app
from service.application import Application, open_application
from service.settings import Settings

RUBRIC: dict[str, Any] = {
    "name": "Plain words",
    "dimensions": [
        {
            "name": "clarity",
            "question": "Is it clear?",
            "pass_threshold": 3,
            "levels": [
                {"value": value, "label": label} for value, label in enumerate(("no", "hardly", "partly", "yes"), 1)
            ],
        }
    ],
}


class Service:
    """A running API: its application, and a client that needs no network."""

    def __init__(self, application: Application, client: httpx.AsyncClient) -> None:
        self.application = application
        self.client = client

    async def key(self, owner: str, *scopes: Any) -> dict[str, str]:
        """The Authorization header of a fresh key."""
        _, secret = await self.application.keys.create("test", owner, scopes)
        return {"Authorization": f"Bearer {secret}"}


Serve = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, _env_file=None)


@pytest.fixture
def serve(settings: Settings) -> Serve:
    """Opens a service: `async with serve(host="0.0.0.0", unsafe_no_auth=True) as service`."""

    @asynccontextmanager
    async def opened(*, grace_s: float = 30.0, work: bool = False, **changed: Any) -> AsyncIterator[Service]:
        asked = settings.model_copy(update=changed)
        async with open_application(asked, work=work) as application:
            app = create_app(application, asked, grace_s=grace_s)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield Service(application, client)

    return opened


@pytest.fixture
async def service(serve: Serve) -> AsyncIterator[Service]:
    async with serve() as opened:
        yield opened


def problem(response: httpx.Response, code: str) -> dict[str, Any]:
    """The problem document of an answer, after the checks that hold for every one."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    told: dict[str, Any] = response.json()
    assert told["code"] == code, told
    assert told["status"] == response.status_code
    assert told["type"] == f"/problems/{code}"
    assert told["request_id"] == response.headers["x-request-id"]
    assert {"title", "detail", "instance", "retryable", "errors"} <= told.keys()
    return told
