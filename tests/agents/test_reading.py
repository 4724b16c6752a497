"""A transcript as a person reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agents import Arm, DebateProtocol, hear, transcript_markdown
from llm import open_model

ATTACKS = json.loads((Path(__file__).parent / "attacks.json").read_text(encoding="utf-8"))


async def test_it_tells_who_said_what_to_whom_and_what_came_of_it(dialogue, panel, rubric):
    protocol = DebateProtocol(arms=(Arm.STANCE, Arm.DEBATE), spread_epsilon=0)
    result = await hear(dialogue, panel, rubric, protocol, models=[open_model("simulated")], repeat=0, seed=3)
    text = transcript_markdown(result, panel)
    assert text.startswith("# Hearing 1 of dialogue-1\n")
    assert "Simulated judge" in text
    for heading in ("## Verdict", "## Alone", "## Debate: nurse", "## Debate: patient", "## Restated after the debate"):
        assert text.count(heading) == 1
    assert "looking for “what a nurse needs”" in text
    assert re.search(r"clarity \d → \d", text)
    assert "The table stopped after" in text
    assert len(re.findall(r"^\*\*Nurse 1\*\*|^\*\*\d+\. Nurse 1\*\*", text, re.MULTILINE)) >= 3
    assert "**nurse-1**" in transcript_markdown(result), "without the set, ids"


async def test_a_pair_is_told_in_both_orders(pair, panel, rubric):
    result = await hear(
        pair, panel, rubric, DebateProtocol(), models=[open_model("simulated:position_bias=2")], repeat=0, seed=3
    )
    text = transcript_markdown(result, panel)
    assert "(outputs swapped: " in text
    assert "such a preference counts as a tie" in text
    assert re.search(r"\| -?[01][.]\d\d, (a tie|for output [AB]) \|", text), "a figure that says which output it is for"
    assert "output_a" not in text.replace("\\", "")


@pytest.mark.parametrize(
    ("kind", "judged"),
    [
        ("dialogue", ["**Utterance 1**, ", "**Utterance 2**, "]),
        ("pair", ["**Output A**\n\n> ", "**Output B**\n\n> ", "**Instruction**\n\n> "]),
        ("text", ["**Output**\n\n> ", "**Instruction**\n\n> "]),
    ],
)
async def test_quotes_are_from_texts_that_stand_at_the_end(kind, judged, panel, rubric, request):
    item = request.getfixturevalue(kind)
    result = await hear(item, panel, rubric, DebateProtocol(), models=[open_model("simulated")], repeat=1, seed=3)
    text = transcript_markdown(result, panel, item)
    assert text.startswith(f"# Hearing 2 of {item.id}\n")
    said, found, texts = text.partition("## What was judged")
    assert found
    assert [title in texts for title in judged] == [True] * len(judged)
    places = set(re.findall(r"^- ✓ .*\(([a-zA-Z ]+\d*)(?:, \w+)?\)$", said, re.MULTILINE))
    own = {place for place in places if not place.startswith(("said by", "the persona"))}
    assert own
    assert all(f"**{place[0].upper()}{place[1:]}**" in texts for place in own), own
    assert "What was judged" not in transcript_markdown(result, panel)


async def test_a_perspective_in_quotes_is_not_quoted_twice(text, panel, rubric):
    personas = [one.model_copy(update={"perspective": "“I want plain words.”"}) for one in panel.personas]
    own = panel.model_copy(update={"personas": tuple(personas)})
    result = await hear(text, own, rubric, DebateProtocol(), models=[open_model("simulated")], repeat=0, seed=3)
    assert "looking for “I want plain words.”: " in transcript_markdown(result, own)


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "![x](http://a.b/c.png)",
        "[a](javascript:b)",
        "# Verdict",
        "| a | b |",
        "\u202eabc",
        "\x1b[31m",
        *ATTACKS[::5],
    ],
)
async def test_strangers_words_stay_words(attack, text, panel, rubric, ruled):
    model = ruled(lambda _: {"reasoning": attack[:500], "argument": attack[:500], "synthesis": attack[:500] or "x"})
    item = text.model_copy(update={"id": attack.strip()[:60] or "x"})
    result = await hear(item, panel, rubric, DebateProtocol(), models=[model], repeat=0, seed=3)
    item = item.model_copy(update={"instruction": f"{attack}\n{attack}"})
    found = transcript_markdown(result, panel, item)
    assert not re.search(r"(?<!\\)<", found)
    assert "\u202e" not in found
    assert "\x1b" not in found
    assert not re.search(r"(?<!\\)\]\(", found)
    assert [line for line in found.splitlines() if line.startswith("# ")] == [found.splitlines()[0]]
