"""Where the simulated judge stands: its planted latent scores, and how it moves when it is asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from llm.model import Message
from llm.simulated.chance import normal, stochastic_round, uniform
from llm.simulated.features import Features, measure, quality
from llm.simulated.parameters import SimulatedParameters
from llm.simulated.reading import Scale, Scene, read_scene

_LAST_CHARACTERS = 600
"""Of a dialogue: what its next response answers."""


class LatentTruth(NamedTuple):
    """What was planted for one dimension of one (item, persona), in steps above the scale's lowest grade."""

    item: float
    """Mean over all personas and runs, before rounding to a grade."""
    persona: float
    interaction: float
    run_sd: float

    @property
    def cell_mean(self) -> float:
        """Mean over runs."""
        return self.item + self.persona + self.interaction


@dataclass(frozen=True, slots=True)
class Position:
    """One dimension after the judge has thought: where it stood, where it stands, why it moved."""

    scale: Scale
    before: int | None
    """Index of its last grade; None the first time."""
    now: int
    cause: Literal["evidence", "argument", "nothing"]
    clarity: float
    """0 where it lies between two grades, 1 where it lies on one."""

    @property
    def grade(self) -> int:
        return self.scale.values[self.now]

    @property
    def label(self) -> str:
        return self.scale.labels[self.now] or str(self.grade)


def simulated_truth(
    parameters: SimulatedParameters, messages: tuple[Message, ...] | tuple[Mapping[str, str], ...]
) -> dict[str, LatentTruth]:
    """What `parameters` plant for the item and persona of a prompt (a call's `messages` will do), by dimension."""
    read = tuple(m if isinstance(m, Message) else Message(m["role"], m["content"]) for m in messages)  # type: ignore[arg-type]
    scene = read_scene(read)
    return {name: latent(parameters, scene, scale) for name, scale in scene.scales.items()}


def latent(parameters: SimulatedParameters, scene: Scene, scale: Scale) -> LatentTruth:
    """The planted truth of one dimension."""
    seed, top = parameters.seed, len(scale.values) - 1
    signal = parameters.signal * _quality(scene, scale)
    sign = -1.0 if scene.flipped else 1.0  # a pair's effects turn round with its order; the position bias does not
    item = sign * parameters.item_sd * normal(seed, "item", scene.item, scale.name)
    bias = parameters.position_bias if scene.texts("output_a") else 0.0
    return LatentTruth(
        item=top / 2 * (1 + signal) + item + bias,
        persona=parameters.persona_sd * normal(seed, "persona", scene.card, scale.name) if scene.card else 0.0,
        interaction=sign * parameters.interaction_sd * normal(seed, "interaction", scene.item, scene.card, scale.name),
        run_sd=parameters.run_sd,
    )


def take_position(parameters: SimulatedParameters, scene: Scene, scale: Scale, request_seed: int) -> Position:
    """Judges one dimension afresh, or moves from its own last grade by what it has seen since."""
    before = scene.own_scores.get(scale.name)
    if before is not None:
        return _reconsider(parameters, scene, scale, request_seed, float(before))
    truth = latent(parameters, scene, scale)
    noise = normal(parameters.seed, "run", request_seed, scene.item, scene.card, scale.name, scene.phase)
    value = truth.cell_mean + truth.run_sd * noise
    now = max(0, min(len(scale.values) - 1, round(value)))
    return Position(scale, None, now, "nothing", _clarity(value))


def _reconsider(
    parameters: SimulatedParameters, scene: Scene, scale: Scale, request_seed: int, before: float
) -> Position:
    key = (parameters.seed, request_seed, scene.item, scene.card, scale.name, scene.phase, scene.turn)
    top, stood = len(scale.values) - 1, _index(scale, before)
    step = 0
    if uniform("spontaneous", *key) < parameters.spontaneous:
        step = 1 if (uniform("direction", *key) < 0.5 and stood < top) or stood == 0 else -1
    heard = [peer for peer in scene.peers if peer.scores.get(scale.name) is not None]
    pull, argued = 0.0, any(peer.argument for peer in heard)
    if heard:
        mean = sum(_place(scale, float(peer.scores[scale.name] or 0)) for peer in heard) / len(heard)
        share = min(1.0, parameters.conformity + (parameters.persuasion if argued else 0.0))
        pull = share * (mean - stood)
    now = max(0, min(top, stochastic_round(stood + pull, "pull", *key) + step))
    cause: Literal["evidence", "argument", "nothing"] = "nothing"
    if now != stood and argued:
        cause = "evidence" if uniform("cause", *key) < 0.4 else "argument"
    return Position(scale, stood, now, cause, _clarity(latent(parameters, scene, scale).cell_mean))


def _quality(scene: Scene, scale: Scale) -> float:
    if scene.texts("output_a"):
        first, second = (_features(scene, text) for text in ("output_a", "output_b"))
        return (quality(first, scale.name, scale.question) - quality(second, scale.name, scale.question)) / 2
    return quality(_features(scene, "output"), scale.name, scale.question)


def _features(scene: Scene, kind: str) -> Features:
    judged, dialogue = scene.texts(kind), scene.texts("dialogue")
    asked = scene.texts("instruction") + [text[-_LAST_CHARACTERS:] for text in dialogue if judged]
    source = scene.texts("source", "knowledge", "reference") or asked
    return measure("\n".join(judged or dialogue), "\n".join(source), "\n".join(asked))


def _clarity(value: float) -> float:
    return 1 - 2 * abs(value - round(value))


def _place(scale: Scale, grade: float) -> float:
    """A grade, or a mean of grades, as steps above the lowest."""
    values = scale.values
    if grade <= values[0]:
        return 0.0
    for index in range(1, len(values)):
        if grade <= values[index]:
            return index - (values[index] - grade) / (values[index] - values[index - 1])
    return float(len(values) - 1)


def _index(scale: Scale, grade: float) -> int:
    return round(_place(scale, grade))
