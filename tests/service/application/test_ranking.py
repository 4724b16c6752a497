"""The order of lists, by any arm and dimension, beside one worked out in plain Python."""

from __future__ import annotations

import importlib
import random
from datetime import UTC, datetime
from itertools import pairwise
from statistics import stdev
from typing import Any

import pytest
import sqlalchemy as sa

from service.application.ranking import Ranking, count_swings, ranked_ids
from service.application.scoring import disagreement_columns, dump_scores, load_scores
from service.store import Store, tables
from service.store.migrating import _sync_engine

ARMS = ("debate", "stance", "self_reflection", "panel")
DIMENSIONS = ("clarity", "coverage")
ITEMS = 60
PLAIN = {sa.String: "x", sa.Integer: 0, sa.Float: 0.0, sa.Boolean: False}


def row(table: sa.Table, **values: Any) -> dict[str, Any]:
    """A row with something in every column that must hold something."""
    needed = [column for column in table.c if not column.nullable and column.server_default is None]
    return {column.name: _plain(column) for column in needed} | values


def _plain(column: sa.Column[Any]) -> Any:
    if column.name.endswith("_at"):
        return datetime.now(UTC)
    return next((value for kind, value in PLAIN.items() if isinstance(column.type, kind)), "{}")


def score(chance: random.Random, repeats: int) -> dict[str, Any]:
    """A verdict over some repeats, of which some are not heard and some fail."""
    outcomes = chance.choices(["decided", "failed", "queued"], [6, 1, 1], k=repeats)
    values = [chance.choice([1.0, 2.0, 2.5, 4.0]) if one == "decided" else None for one in outcomes]
    used = [value for value in values if value is not None]
    passed = sum(value >= 2 for value in used)
    return {
        "value": None, "ci_low": None, "ci_high": None, "ci_method": None, "n_used": len(used), "n_asked": repeats,
        "agree": max(passed, len(used) - passed), "passed": None, "run_values": values, "single_sd": None,
        "outcomes": outcomes,
    }  # fmt: skip


def planted(chance: random.Random) -> dict[str, Any] | None:
    """Scores in some of the arms; None for what nobody has heard."""
    arms = [arm for arm in reversed(ARMS) if chance.random() < 0.6]
    repeats = chance.randrange(1, 6)
    return {arm: {name: score(chance, repeats) for name in DIMENSIONS} for arm in arms} or None


def key(scores: dict[str, Any] | None, by: Ranking) -> tuple[float, float]:
    """What the least trusted of the verdicts asked for comes to: the share that disagrees, and the swing."""
    heard = scores or {}
    arm = by.arm if by.arm in heard else next((name for name in ARMS if name in heard), None)
    found = [(-1.0, -1.0)]
    for name, own in heard[arm].items() if arm else ():
        ended = sum(one != "queued" for one in own["outcomes"])
        values = [value for value in own["run_values"] if value is not None]
        if by.dimension in (None, name) and ended > 1 and values:
            found.append((1 - own["agree"] / ended, stdev(values) if len(values) > 1 else 0.0))
    return max(found)


@pytest.fixture
async def listed(store: Store) -> tuple[Store, dict[str, Any]]:
    """A store with evaluations of every kind, and their scores by id."""
    chance = random.Random(7)
    scores = {f"ev_{number:03}": planted(chance) for number in range(ITEMS)}
    evaluations = [
        row(
            tables.evaluations,
            id=name,
            owner="me",
            persona_set_id="ps_1",
            rubric_id="ru_1",
            scores=found,
            **disagreement_columns(load_scores(found)),
        )
        for name, found in scores.items()
    ]

    async def fill(connection: Any) -> None:
        await connection.execute(sa.insert(tables.persona_sets), row(tables.persona_sets, id="ps_1"))
        await connection.execute(sa.insert(tables.rubrics), row(tables.rubrics, id="ru_1"))
        await connection.execute(sa.insert(tables.evaluations), evaluations)

    await store.write(fill)
    return store, scores


async def test_any_arm_and_dimension_orders_the_list(listed: Any) -> None:
    for arm in (None, *ARMS, "none such"):
        for dimension in (None, *DIMENSIONS, "none_such", '"] or 1=1 --', "*"):
            await check_order(*listed, arm, dimension)


async def check_order(store: Store, scores: dict[str, Any], arm: str | None, dimension: str | None) -> None:
    by = Ranking(dimension, arm)
    keys = {name: key(found, Ranking(None if dimension == "*" else dimension, arm)) for name, found in scores.items()}
    if dimension is None and arm is None:  # an index has the share alone, and the variance of the last arm asked for
        keys = {name: (share, 0.0) for name, (share, _) in keys.items()}
    disagreeing = [name for name, (share, _) in keys.items() if share > 0]

    async def pages(only: bool) -> list[str]:
        ids: list[str] = []
        async with store.read() as connection:
            while True:
                found = await ranked_ids(connection, [tables.evaluations.c.owner == "me"], by, only, len(ids), 25)
                assert found.disagreeing == len(disagreeing)
                assert found.total == (len(disagreeing) if only else ITEMS)
                ids += found.ids
                if len(ids) == found.total:
                    return ids

    def in_order(ids: list[str]) -> bool:
        shown = [keys[name] if by.dimension or by.arm else (keys[name][0], 0.0) for name in ids]
        return all(
            one[0] > other[0] or (one[0] == other[0] and one[1] >= other[1] - 1e-9) for one, other in pairwise(shown)
        )

    everything, some = await pages(False), await pages(True)
    assert sorted(everything) == sorted(scores), by
    assert in_order(everything), by
    assert sorted(some) == sorted(disagreeing), by
    assert everything[: len(some)] == some, by


async def test_items_on_which_an_arm_swings_less_are_counted(listed: Any) -> None:
    store, scores = listed
    pairs = [Ranking(dimension, arm) for dimension in DIMENSIONS for arm in ("debate", "stance")]
    own = tables.evaluations.c.owner == "me"
    async with store.read() as connection:
        found = await count_swings(connection, [own], pairs, "panel")
    for pair, swings in zip(pairs, found, strict=True):
        apart = []
        for held in scores.values():
            one, other = (key(held, Ranking(pair.dimension, arm))[1] for arm in (pair.arm, "panel"))
            if min(one, other) >= 0:
                apart.append(0 if abs(one - other) < 1e-6 else one - other)
        assert swings == (sum(x < 0 for x in apart), sum(x > 0 for x in apart), sum(x == 0 for x in apart)), pair
        assert sum(swings) > 10


async def test_an_older_database_is_given_the_order(listed: Any) -> None:
    store, scores = listed
    module = importlib.import_module("service.store.migrations.versions.0007_order_by_dimension")
    empty = sa.update(tables.evaluations).values(disagreements=None)
    await store.write(lambda connection: connection.execute(empty))
    engine = _sync_engine(store)
    with engine.begin() as connection:
        module._fill(connection)
    engine.dispose()
    async with store.read() as connection:
        table = tables.evaluations
        query = sa.select(table.c.id, table.c.disagreements)
        found = {one.id: one.disagreements for one in await connection.execute(query)}
    wanted = {name: disagreement_columns(load_scores(own))["disagreements"] for name, own in scores.items()}
    assert set(found) == set(wanted)
    for name, own in wanted.items():
        assert (own is None) == (found[name] is None), name
        for arm, parts in (own or {}).items():
            assert found[name][arm].keys() == parts.keys()
            for dimension, pair in parts.items():
                assert found[name][arm][dimension] == pytest.approx(list(pair))


def test_scores_come_back_as_they_were() -> None:
    scores = planted(random.Random(3)) or {}
    again = dump_scores(load_scores(scores))
    assert {arm: set(parts) for arm, parts in again.items()} == {arm: set(parts) for arm, parts in scores.items()}
