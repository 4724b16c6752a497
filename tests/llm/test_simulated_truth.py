"""What the simulated judge plants can be read off its replies."""

from __future__ import annotations

import json
import statistics
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, create_model

from llm import (
    Message,
    ModelConfigurationError,
    Request,
    SimulatedJudge,
    SimulatedParameters,
    fence,
    open_model,
    reply_schema,
    simulated_truth,
)

LEVELS = range(21)
RUBRIC = {
    "dimensions": [
        {"name": "worth", "question": "?", "levels": [{"value": v, "label": str(v), "anchor": ""} for v in LEVELS]}
    ]
}
QUIET: dict[str, Any] = {"signal": 0.0, "persona_sd": 0.0, "interaction_sd": 0.0, "run_sd": 0.0, "spontaneous": 0.0}


class Scores(BaseModel):
    model_config = ConfigDict(extra="forbid")
    worth: int


class Judged(BaseModel):
    model_config = ConfigDict(extra="forbid")
    scores: Scores


def _messages(item="one", persona="ada", *more: str) -> tuple[Message, ...]:
    card = fence("persona", f"Name: {persona}", persona)
    texts = [fence("rubric", json.dumps(RUBRIC)), fence("output", f"The text of item {item}."), card, *more]
    return tuple(Message("user", text) for text in texts)


async def _score(parameters, messages, seed=0) -> int:
    request = Request(messages, reply_schema(Judged), "Judged", seed=seed)
    reply = await SimulatedJudge(parameters).complete(request)
    return json.loads(reply.text)["scores"]["worth"]


def _heard(own: int, *peers: int, argument: str = "") -> tuple[str, ...]:
    kind = "peer" if argument else "stance"
    content = [json.dumps({"scores": {"worth": score}, "argument": argument}) for score in peers]
    mine = fence("own", json.dumps({"scores": {"worth": own}, "reasoning": "x"}))
    return (mine, *(fence(kind, text, f"peer-{index}") for index, text in enumerate(content)))


async def test_equal_requests_get_equal_replies():
    parameters = SimulatedParameters()
    assert await _score(parameters, _messages(), 5) == await _score(SimulatedParameters(), _messages(), 5)


async def test_without_persona_effects_the_persona_changes_nothing_but_its_noise():
    parameters = SimulatedParameters(**QUIET | {"signal": 1.0})
    scores = {await _score(parameters, _messages(persona=f"p{number}"), number) for number in range(20)}
    assert len(scores) == 1


async def test_run_noise_has_the_planted_spread():
    parameters = SimulatedParameters(**QUIET | {"run_sd": 2.0})
    scores = [await _score(parameters, _messages(), seed) for seed in range(800)]
    assert statistics.stdev(scores) == pytest.approx(2.0, rel=0.1)
    assert statistics.mean(scores) == pytest.approx(10, abs=0.25)


async def test_persona_bias_has_the_planted_spread_and_does_not_depend_on_the_seed():
    parameters = SimulatedParameters(**QUIET | {"persona_sd": 2.0})
    scores = [await _score(parameters, _messages(persona=f"p{number}"), 1) for number in range(800)]
    again = [await _score(parameters, _messages("other", f"p{number}"), 2) for number in range(800)]
    assert statistics.stdev(scores) == pytest.approx(2.0, rel=0.1)
    assert scores == again


async def test_interaction_has_the_planted_spread_and_belongs_to_the_cell():
    parameters = SimulatedParameters(**QUIET | {"interaction_sd": 2.0})
    here = [await _score(parameters, _messages("a", f"p{number}"), 1) for number in range(400)]
    there = [await _score(parameters, _messages("b", f"p{number}"), 1) for number in range(400)]
    assert statistics.stdev(here) == pytest.approx(2.0, rel=0.12)
    assert abs(statistics.correlation(here, there)) < 0.15


async def test_the_truth_is_the_mean_over_runs():
    parameters = SimulatedParameters(persona_sd=1.5, interaction_sd=1.0, run_sd=1.0, item_sd=1.0)
    truth = simulated_truth(parameters, _messages())["worth"]
    scores = [await _score(parameters, _messages(), seed) for seed in range(600)]
    assert statistics.mean(scores) == pytest.approx(min(20, max(0, truth.cell_mean)), abs=0.15)
    stored = tuple({"role": message.role, "content": message.content} for message in _messages())
    assert simulated_truth(parameters, stored)["worth"] == truth


@pytest.mark.parametrize(("conformity", "persuasion"), [(0.0, 0.0), (0.5, 0.0), (0.3, 0.4), (1.0, 1.0)])
async def test_it_moves_the_planted_share_of_the_way(conformity, persuasion):
    parameters = SimulatedParameters(**QUIET | {"conformity": conformity, "persuasion": persuasion})
    for argument, share in [("", conformity), ("Because.", min(1.0, conformity + persuasion))]:
        prompts = [_messages(str(number), "ada", *_heard(4, 8, 12, argument=argument)) for number in range(400)]
        moves = [await _score(parameters, prompt) - 4 for prompt in prompts]
        assert statistics.mean(moves) == pytest.approx(6 * share, abs=0.1)


async def test_asked_again_alone_it_moves_at_the_planted_rate():
    parameters = SimulatedParameters(**QUIET | {"spontaneous": 0.3, "conformity": 1.0})
    prompts = [_messages(str(number), "ada", *_heard(4)) for number in range(600)]
    moves = [await _score(parameters, prompt) - 4 for prompt in prompts]
    assert set(moves) == {-1, 0, 1}
    assert statistics.mean(move != 0 for move in moves) == pytest.approx(0.3, abs=0.06)
    assert statistics.mean(moves) == pytest.approx(0, abs=0.08)


async def test_a_better_text_scores_higher():
    source = "The kubelet drains pods before the node stops. Operators set a grace period for each class of pods."
    good = "The kubelet drains pods before the node stops, within a grace period that operators set for each class."
    bad = "Bananas are cheap. Bananas are cheap. Bananas are cheap. Nobody likes rain."

    def prompt(output: str) -> tuple[Message, ...]:
        texts = [fence("rubric", json.dumps(RUBRIC)), fence("source", source), fence("output", output)]
        return tuple(Message("user", text) for text in texts)

    parameters = SimulatedParameters(**QUIET | {"signal": 1.0})
    assert await _score(parameters, prompt(good)) > await _score(parameters, prompt(bad)) + 5


async def test_a_pair_is_one_item_in_both_orders():
    parameters = SimulatedParameters(**QUIET | {"item_sd": 3.0, "interaction_sd": 2.0})

    def prompt(first: str, second: str) -> tuple[Message, ...]:
        texts = [fence("rubric", json.dumps(RUBRIC)), fence("output_a", first), fence("output_b", second)]
        return tuple(Message("user", text) for text in [*texts, fence("persona", "Name: Ada", "ada")])

    there, back = (simulated_truth(parameters, prompt(*pair))["worth"] for pair in (("x y", "z"), ("z", "x y")))
    assert there.cell_mean - 10 == pytest.approx(-(back.cell_mean - 10))
    biased = SimulatedParameters(**QUIET | {"position_bias": 2.0})
    assert simulated_truth(biased, prompt("x", "z"))["worth"].item == pytest.approx(12)
    assert simulated_truth(biased, prompt("z", "x"))["worth"].item == pytest.approx(12)


async def test_preferences_are_answered_by_name():
    choice = create_model("Choice", __config__=ConfigDict(extra="forbid"), worth=(Any, ...))
    schema = reply_schema(choice) | {
        "properties": {"worth": {"type": "string", "enum": ["a", "b", "tie"]}},
    }
    texts = [fence("rubric", json.dumps(RUBRIC)), fence("output_a", "x"), fence("output_b", "z")]
    request = Request(tuple(Message("user", text) for text in texts), schema, "Choice")
    found = {}
    for bias in (-5.0, 0.0, 5.0):
        judge = SimulatedJudge(SimulatedParameters(**QUIET | {"position_bias": bias}))
        found[bias] = json.loads((await judge.complete(request)).text)["worth"]
    assert found == {-5.0: "b", 0.0: "tie", 5.0: "a"}


def test_specs_open_what_they_name():
    assert open_model("simulated").spec == "simulated"
    assert open_model("simulated:run_sd=0.5").spec == "simulated"
    assert open_model(" simulated: persona_sd=0, seed=3 ").spec == "simulated:seed=3,persona_sd=0"
    assert open_model(open_model("simulated:delay_s=0.25").spec).parameters == SimulatedParameters(delay_s=0.25)


@pytest.mark.parametrize("text", ["noise=1", "run_sd=big", "run_sd=-1", "conformity=1.5", "run_sd"])
def test_bad_parameters_are_told(text):
    with pytest.raises(ModelConfigurationError, match="simulated judge"):
        open_model(f"simulated:{text}")
