"""A small hearing that takes no time, and a database of its own for every test that asks for one."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents import Dimension, Level, Rubric, TextItem
from clustering import Persona

BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
POSTGRES_DEFAULT = "postgresql://postgres@127.0.0.1:5432/postgres"


@pytest.fixture(scope="session")
def rubric() -> Rubric:
    levels = tuple(Level(value=value, label=f"grade {value}") for value in range(1, 6))
    return Rubric(
        name="plain", dimensions=(Dimension(name="clarity", question="Is it clear?", levels=levels, pass_threshold=3),)
    )


@pytest.fixture(scope="session")
def personas() -> tuple[Persona, ...]:
    return tuple(
        Persona(
            id=f"p{n}", name=f"Judge {n}", stakeholder=f"group {n % 2}", group_id=f"g{n % 2}", perspective="clarity"
        )
        for n in range(3)
    )


@pytest.fixture(scope="session")
def item() -> TextItem:
    return TextItem(id="item-1", instruction="Say what the boat costs.", output="The boat costs ten crowns a day.")


@pytest.fixture
def sqlite_settings(tmp_path: Path, migrated_sqlite: Path) -> Any:
    """Settings over SQLite files at the newest schema."""
    shutil.copytree(migrated_sqlite, tmp_path, dirs_exist_ok=True)
    return quick_settings(tmp_path)


def quick_settings(folder: Path, **changed: Any) -> Any:
    """Settings under which everything that waits waits briefly, except for signs of life: a busy machine is not dead."""
    from service.settings import Settings

    quick: dict[str, Any] = {
        "data_dir": folder,
        "heartbeat": timedelta(milliseconds=400),
        "worker_dead_after": timedelta(seconds=60),
        "poll": timedelta(milliseconds=60),
        "shutdown_grace": timedelta(seconds=5),
    }
    return Settings(_env_file=None, **(quick | changed))


def migrated(folder: Path, **changed: Any) -> None:
    """Brings the tables of the store and those of the job engine to the newest schema, as a worker's start does."""
    from dbos import DBOS

    from service.store import Store
    from service.store.migrating import _migrate

    settings = quick_settings(folder, **changed)
    _migrate(Store(settings.store_url))
    DBOS.migrate(settings.jobs_url)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that every test over SQLite begins with a copy of."""
    folder = tmp_path_factory.mktemp("migrated")
    migrated(folder)
    return folder


@pytest.fixture(scope="session")
def migrated_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of the database that every test over Postgres begins with a copy of: migrating takes longer than most tests."""
    with new_database() as url:
        migrated(tmp_path_factory.mktemp("postgres"), database_url=url)
        yield url.rpartition("/")[2]


@contextmanager
def new_database(template: str = "template1") -> Iterator[str]:
    """A Postgres database, empty or a copy of another, dropped afterwards; skips where there is no server."""
    import psycopg

    server = os.environ.get("REHEARING_TEST_POSTGRES_URL", POSTGRES_DEFAULT)
    name = f"rehearing_test_{secrets.token_hex(6)}"
    try:
        psycopg.connect(server, connect_timeout=60).close()
    except psycopg.OperationalError as error:
        pytest.skip(f"no Postgres to test with ({error}); set REHEARING_TEST_POSTGRES_URL")
    _when_unused(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{server.rpartition('/')[0]}/{name}"
    _when_unused(server, f"DROP DATABASE {name} WITH (FORCE)")


def _when_unused(server: str, statement: str) -> None:
    """Carries out a statement about databases; the server itself waits only 5 s for sessions that have just ended."""
    import psycopg

    deadline = time.monotonic() + 120
    with psycopg.connect(server, autocommit=True) as connection:
        while True:
            try:
                connection.execute(statement)  # type: ignore[call-overload]
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > deadline:
                    raise
            else:
                return


@pytest.fixture
def postgres_url(migrated_postgres: str) -> Iterator[str]:
    """A Postgres database for one test, at the newest schema."""
    with new_database(migrated_postgres) as url:
        yield url


@pytest.fixture(scope="session")
def shared_postgres_url(migrated_postgres: str) -> Iterator[str]:
    """A Postgres database for all tests that empty its tables first, at the newest schema."""
    with new_database(migrated_postgres) as url:
        yield url


@pytest.fixture(params=BOTH)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Settings over a database of each kind at the newest schema."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_settings")
    return quick_settings(tmp_path, database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture(params=BOTH)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    """An empty store of each kind at the newest schema."""
    import sqlalchemy as sa

    from service.store import Store, head_revision, tables

    if request.param == "sqlite":
        opened = Store(request.getfixturevalue("sqlite_settings").store_url)
    else:
        opened = Store(quick_settings(tmp_path, database_url=request.getfixturevalue("shared_postgres_url")).store_url)
        names = ", ".join(table.name for table in tables.metadata.sorted_tables)
        await opened.write(lambda connection: connection.execute(sa.text(f"TRUNCATE {names} CASCADE")))
    yield opened
    if not opened.is_sqlite:
        await opened.write(
            lambda connection: connection.execute(
                sa.text("UPDATE alembic_version SET version_num = :head"), {"head": head_revision()}
            )
        )
    await opened.aclose()
