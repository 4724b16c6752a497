"""The API over a real application on SQLite, in process; nothing works on jobs unless a test asks for it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from service.api import create_app
from service.api.openapi import operations
from service.application import Application
from service.opening import open_service
from service.settings import Settings
from tests.scheduling import made_once
from tests.servers.fixtures import live_service
from tests.service.conftest import BOTH

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


KEPT = Path(__file__).parents[3] / "docs" / "openapi.json"


def kept_operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of all that the kept document tells of."""
    return list(operations(json.loads(KEPT.read_text())))


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


@pytest.fixture(params=BOTH)
def database(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings for `serve` over an empty database of each kind."""
    return {} if request.param == "sqlite" else {"database_url": SecretStr(request.getfixturevalue("postgres_url"))}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, _env_file=None)


@pytest.fixture
def serve(settings: Settings, migrated_sqlite: Path) -> Serve:
    """Opens a service: `async with serve(host="0.0.0.0", unsafe_no_auth=True) as service`. Its files are at the newest schema."""

    @asynccontextmanager
    async def opened(*, work: bool = False, **changed: Any) -> AsyncIterator[Service]:
        asked = settings.model_copy(update=changed)
        if not any(asked.data_dir.glob("*.db*")) and not asked.database_url:
            shutil.copytree(migrated_sqlite, asked.data_dir, dirs_exist_ok=True)
        async with open_service(asked, work=work) as application:
            app = create_app(application, asked)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                yield Service(application, client)

    return opened


@pytest.fixture
async def service(serve: Serve) -> AsyncIterator[Service]:
    async with serve() as opened:
        yield opened


GOING_ON = ("queued", "running")


async def completed(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """A job once it has ended, however long one look may wait; which it must have done well."""
    told: dict[str, Any] = {"status": "queued"}
    while told["status"] in GOING_ON:
        told = (await client.get(path, params={"wait": 60})).json()
    assert told["status"] == "completed", told
    return told


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


PERSONAS: list[dict[str, Any]] = [
    {"id": f"{who}-1", "name": who.title(), "stakeholder": who, "group_id": who, "perspective": looks_at}
    for who, looks_at in (
        ("patient", "plain words"),
        ("nurse", "what it asks of the ward"),
        ("engineer", "exact figures"),
    )
]

ITEM: dict[str, Any] = {
    "kind": "summary",
    "id": "pilot",
    "sources": ["Forty patients sent readings for six weeks. Nurses read them each morning. Two alarms were missed."],
    "output": "Forty patients sent readings for six weeks, and nurses read them each morning.",
}


class Live:
    """A service in another process, with a persona set and a rubric in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=150)
        made = self.client.post("/v1/persona-sets", json={"personas": PERSONAS}).raise_for_status().json()
        self.persona_set: str = made["id"]
        self.rubric: str = self.client.post("/v1/rubrics", json=RUBRIC).raise_for_status().json()["id"]
        self.completed(f"/v1/persona-sets/{self.persona_set}")

    def completed(self, path: str) -> dict[str, Any]:
        """A job once it has ended, however long one look may wait; which it must have done well."""
        told: dict[str, Any] = {"status": "queued"}
        while told["status"] in GOING_ON:
            told = self.client.get(path, params={"wait": 60}).json()
        assert told["status"] == "completed", told
        return told

    def asked(self, **changed: Any) -> dict[str, Any]:
        """The body of an evaluation."""
        return {"persona_set": self.persona_set, "rubric": self.rubric, "item": ITEM, "repeats": 2, **changed}

    def environment(self) -> dict[str, str]:
        """For a program that talks to it."""
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "REHEARING_URL": self.url,
            "REHEARING_PERSONA_SET": self.persona_set,
            "REHEARING_RUBRIC": self.rubric,
        }


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One live service for the session."""
    made_once("live", tmp_path_factory.getbasetemp())
    with live_service(tmp_path_factory.mktemp("live")) as url:
        made = Live(url)
        yield made
        made.client.close()
