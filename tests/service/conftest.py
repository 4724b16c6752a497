"""A small hearing that takes no time, and a database of its own for every test that asks for one."""

from __future__ import annotations

import os
import secrets
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
def sqlite_settings(tmp_path: Path) -> Any:
    return quick_settings(tmp_path)


def quick_settings(folder: Path, **changed: Any) -> Any:
    """Settings under which everything that waits waits briefly."""
    from service.settings import Settings

    quick: dict[str, Any] = {
        "data_dir": folder,
        "heartbeat": timedelta(milliseconds=150),
        "worker_dead_after": timedelta(seconds=3),  # making a report holds a busy machine up for longer than one
        "poll": timedelta(milliseconds=40),
        "shutdown_grace": timedelta(seconds=5),
    }
    return Settings(_env_file=None, **(quick | changed))


@contextmanager
def new_database() -> Iterator[str]:
    """An empty Postgres database, dropped afterwards; skips where there is no server."""
    import psycopg

    server = os.environ.get("REHEARING_TEST_POSTGRES_URL", POSTGRES_DEFAULT)
    name = f"rehearing_test_{secrets.token_hex(6)}"
    try:
        with psycopg.connect(server, autocommit=True, connect_timeout=3) as connection:
            connection.execute(f"CREATE DATABASE {name}")
    except psycopg.OperationalError as error:
        pytest.skip(f"no Postgres to test with ({error}); set REHEARING_TEST_POSTGRES_URL")
    yield f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty Postgres database for one test."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def shared_postgres_url() -> Iterator[str]:
    """A Postgres database for all tests that empty its tables first: migrating takes longer than most tests."""
    with new_database() as url:
        yield url


@pytest.fixture(params=BOTH)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Settings over an empty database of each kind."""
    if request.param == "sqlite":
        return quick_settings(tmp_path)
    return quick_settings(tmp_path, database_url=request.getfixturevalue("postgres_url"))


@pytest.fixture(params=BOTH)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    """An empty store of each kind at the newest schema."""
    import sqlalchemy as sa

    from service.store import Store, head_revision, migrate, tables

    changed = {} if request.param == "sqlite" else {"database_url": request.getfixturevalue("shared_postgres_url")}
    opened = Store(quick_settings(tmp_path, **changed).store_url)
    await migrate(opened)
    if changed:
        names = ", ".join(table.name for table in tables.metadata.sorted_tables)
        await opened.write(lambda connection: connection.execute(sa.text(f"TRUNCATE {names} CASCADE")))
    yield opened
    if changed:
        await opened.write(
            lambda connection: connection.execute(
                sa.text("UPDATE alembic_version SET version_num = :head"), {"head": head_revision()}
            )
        )
    await opened.aclose()
