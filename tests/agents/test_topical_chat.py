"""Four arms over real dialogues: the report finds the share of conformity that was planted in the judge."""

from __future__ import annotations

import json

import pytest

from agents import Arm, DebateProtocol, DialogueItem, Utterance, hear
from clustering import PersonaSet
from llm import open_model
from tests.real_data import DATA

RESPONSES, REPEATS, PLANTED = 60, 2, 0.5


@pytest.mark.skipif(
    not (DATA / "topical_chat.jsonl").is_file(), reason="no topical_chat.jsonl; REHEARING_TEST_DATA names its folder"
)
async def test_planted_conformity_is_found(panel, rubric):
    from stability import ratings_from_results, stability_report

    lines = (DATA / "topical_chat.jsonl").read_text("utf-8").splitlines()
    items = [_item(json.loads(line)) for line in lines[:RESPONSES]]
    three = PersonaSet(personas=panel.personas[:3], groups=(), method="given")
    protocol = DebateProtocol(arms=tuple(Arm), turns_max=2, synthesis=False)
    models = [open_model(f"simulated:conformity={PLANTED},malformed=0,abstention=0")]
    results = [
        await hear(item, three, rubric, protocol, models=models, repeat=repeat, seed=5)
        for item in items
        for repeat in range(REPEATS)
    ]
    report = stability_report(ratings_from_results(results, items), seed=1)
    found = [dimension.position_changes.conformity_pull for dimension in report.dimensions.values()]
    for pull in found:
        low, high = pull.ci.low, pull.ci.high
        assert low <= PLANTED <= high
        assert high - low < 0.4, "an interval that says something"
    for dimension in report.dimensions.values():
        assert "draw a judge" in dimension.sentence


def _item(line: dict[str, object]) -> DialogueItem:
    history = [text for text in line["history"] if text.strip()]  # type: ignore[attr-defined]
    turns = [Utterance(speaker="ab"[place % 2], text=text) for place, text in enumerate(history)]
    answer = Utterance(speaker="ab"[len(turns) % 2], text=line["response"])
    return DialogueItem(
        id=line["id"], cluster=line["dialogue_id"], turns=(*turns, answer), judge="response", knowledge=line["fact"]
    )
