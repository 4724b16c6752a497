"""The rows that a run leaves for reports are those of the ratings table of that run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents import Arm, DebateProtocol, PairItem, TextItem, hear
from clustering import given_persona_set
from llm import open_model
from service.application.rating_rows import joined, rating_rows
from stability import ratings_from_results

ITEMS = [
    TextItem(id="plain", instruction="Say what the boat costs.", output="Ten crowns a day."),
    TextItem(id="known", instruction="Say it.", output="Ten.", system="a", cluster="boats", human={"clarity": 4.0}),
    PairItem(id="two", task="Say what the boat costs.", output_a="Ten crowns a day.", output_b="Ask them."),
]


def columns_of(ratings: Any) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for name, value in vars(ratings).items():
        if value is None or name in ("notes", "provenance"):
            continue
        if hasattr(value, "codes"):
            columns[name] = [None if code < 0 else value.names[code] for code in value.codes.tolist()]
        else:
            columns[name] = [None if entry != entry else entry for entry in value.tolist()]
    return columns


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
async def test_rows_are_those_of_the_table(item: Any, personas: Any, rubric: Any) -> None:
    protocol = DebateProtocol(arms=(Arm.DEBATE, Arm.STANCE, Arm.SELF_REFLECTION))
    result = await hear(
        item, given_persona_set(personas), rubric, protocol, models=[open_model("simulated")], repeat=1, seed=3
    )
    assert json.loads(rating_rows(result, item)) == columns_of(ratings_from_results([result], [item]))


@pytest.mark.parametrize("model", ["simulated:abstention=1", "simulated:malformed=1"])
async def test_where_nobody_gave_a_score_the_rows_still_say_how_many_they_are(
    model: str, item: Any, personas: Any, rubric: Any
) -> None:
    protocol = DebateProtocol(arms=(Arm.PANEL,), personas_min=1)
    result = await hear(
        item, given_persona_set(personas), rubric, protocol, models=[open_model(model)], repeat=0, seed=3
    )
    columns = json.loads(rating_rows(result, item))
    assert set(columns["score"]) <= {None}
    assert len(columns["score"]) == len(columns["dimension"])
    assert joined([columns, columns])["score"] == [*columns["score"], *columns["score"]]
