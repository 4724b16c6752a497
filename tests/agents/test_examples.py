"""Every kind of item among the examples is heard to a verdict, and reads as a debate."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agents import Arm, DebateProtocol, Outcome, Rubric, hear, item_adapter, transcript_markdown
from clustering import PersonaSet
from llm import open_model

NAMES = ("Ada", "Bo", "Chen", "Dina", "Emre")
EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = {"summaries": "summary", "summaries_multi": "summary", "dialogues": "dialogue", "pairs": "dialogue"}


@pytest.mark.parametrize(("file", "rubric"), FILES.items(), ids=FILES)
async def test_each_kind_is_heard(file, rubric, panel):
    items = [item_adapter.validate_json(line) for line in (EXAMPLES / f"{file}.jsonl").read_text("utf-8").splitlines()]
    assert len({item.id for item in items}) == len(items) >= 2
    scale = Rubric.model_validate(yaml.safe_load((EXAMPLES / "rubrics" / f"{rubric}.yaml").read_text("utf-8")))
    protocol, model = DebateProtocol(turns_max=3), open_model("simulated:malformed=0,abstention=0")
    named = [one.model_copy(update={"name": name}) for one, name in zip(panel.personas, NAMES, strict=True)]
    panel = PersonaSet(personas=tuple(named), groups=(), method="given")
    result = await hear(items[0], panel, scale, protocol, models=[model], repeat=0, seed=4)
    assert result.outcome is Outcome.DECIDED
    assert result.transcript.flags in ((), ("order_following",))
    assert set(result.verdicts) == {Arm.PANEL, Arm.DEBATE}
    verified = [part for turn in result.transcript.turns for part in turn.evidence if part.status == "exact"]
    assert verified
    text = transcript_markdown(result, panel)
    for persona in panel.personas:
        assert f"**{persona.name}**" in text
        assert persona.id not in text, "people are spoken of by name"
        assert persona.id.replace("-", " ").capitalize() + " " not in text
    assert ": ”" not in text
    assert ".”." not in text
