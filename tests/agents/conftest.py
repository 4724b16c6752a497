"""Small hearings: personas, rubrics and items, and a judge that answers by a rule of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents import DialogueItem, Dimension, Level, PairItem, Rubric, SummaryItem, TextItem, Utterance
from clustering import Excerpt, Persona, PersonaSet
from llm import Message, Reply, Request, Usage, estimate_tokens, sections

Rule = Callable[["Question"], dict[str, Any] | Exception | None]


@dataclass(frozen=True)
class Question:
    """One request as a test's rule sees it."""

    request: Request

    def section(self, kind: str) -> list[Any]:
        return [part for part in sections(message.content for message in self.request.messages) if part.kind == kind]

    @property
    def persona(self) -> str:
        return next((part.name or "" for part in self.section("persona")), "")

    @property
    def task(self) -> dict[str, str]:
        return json.loads(self.section("task")[-1].text)  # type: ignore[no-any-return]

    @property
    def phase(self) -> str:
        return self.task["phase"]


@dataclass
class RuledJudge:
    """Fills the schema plainly, then lets the rule change fields: `{"scores": {"clarity": 2}, "kind": "pass"}`."""

    rule: Rule
    spec: str = "openai:ruled"
    context_tokens: int | None = None
    shuffled: bool = False
    """Answers late by an amount that differs from call to call."""
    requests: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        question = Question(request)
        if self.shuffled:
            await asyncio.sleep((hash((request.seed, len(self.requests))) % 7) / 1000)
        ruled = self.rule(question)
        if isinstance(ruled, Exception):
            raise ruled
        reply = _plain(request.schema)
        reply |= {key: value for key, value in (ruled or {}).items() if key in reply and key != "scores"}
        if "scores" in reply:
            reply["scores"] |= (ruled or {}).get("scores", {})
        text = json.dumps(reply)
        tokens = sum(estimate_tokens(message.content) for message in request.messages)
        return Reply(text, "ruled-1", Usage(tokens, estimate_tokens(text)), "stop")

    async def aclose(self) -> None:
        pass


def _plain(schema: Any) -> Any:
    node = schema["anyOf"][0] if "anyOf" in schema else schema
    if node.get("enum"):
        return node["enum"][0]
    kind = node["type"]
    if kind == "object":
        return {name: _plain(part) for name, part in node["properties"].items()}
    return {"array": [], "boolean": False, "integer": 50, "string": "Plain words."}[kind]


@pytest.fixture
def ruled() -> Callable[..., RuledJudge]:
    return RuledJudge


@pytest.fixture
def ask_of() -> Callable[[Request], Question]:
    return Question


def make_persona(id_: str, group: str, **fields: Any) -> Persona:
    defaults: dict[str, Any] = {
        "name": id_.replace("-", " ").title(),
        "stakeholder": group,
        "perspective": f"what a {group} needs",
        "excerpts": (Excerpt(quote=f"I, as a {group}, want to be asked first.", span=None),),
    }
    return Persona(id=id_, group_id=group, **(defaults | fields))


@pytest.fixture
def persona() -> Callable[..., Persona]:
    return make_persona


@pytest.fixture
def panel() -> PersonaSet:
    """Three nurses and two patients."""
    members = ["nurse-1", "nurse-2", "nurse-3", "patient-1", "patient-2"]
    personas = tuple(make_persona(id_, id_.split("-")[0]) for id_ in members)
    return PersonaSet(personas=personas, groups=(), method="given")


@pytest.fixture
def rubric() -> Rubric:
    levels = tuple(
        Level(value=value, label=label) for value, label in enumerate(["bad", "poor", "fair", "good", "best"], 1)
    )
    return Rubric(
        name="Plain",
        dimensions=(
            Dimension(name="clarity", question="Is it clear?", levels=levels, pass_threshold=3),
            Dimension(name="faithfulness", question="Does it say only what the source says?", levels=levels),
        ),
    )


@pytest.fixture
def summary() -> SummaryItem:
    return SummaryItem(
        id="summary-1",
        sources=(
            "The clinic opens at eight in the morning. Patients must call before they come.",
            "The pharmacy next door closes at noon on Saturdays, and nobody answers after that.",
        ),
        output="The clinic opens at eight, patients call first. The pharmacy closes at noon on Saturdays.",
    )


@pytest.fixture
def dialogue() -> DialogueItem:
    return DialogueItem(
        id="dialogue-1",
        turns=(
            Utterance(speaker="patient", text="My arm feels weak since this morning."),
            Utterance(speaker="assistant", text="That can be a danger sign. Please call 112 now."),
            Utterance(speaker="patient", text="Are you sure that it is needed?"),
            Utterance(speaker="assistant", text="Yes. Weakness on one side is an emergency."),
        ),
        knowledge="Weakness on one side is an emergency: call 112.",
    )


@pytest.fixture
def text() -> TextItem:
    return TextItem(
        id="text-1", instruction="Explain in one sentence why the sky is blue.", output="Air scatters blue light."
    )


@pytest.fixture
def pair() -> PairItem:
    return PairItem(
        id="pair-1",
        task="Explain in one sentence why the sky is blue.",
        output_a="Air scatters short wavelengths of light more than long ones.",
        output_b="Because it is the colour that the sky has always had.",
    )


@pytest.fixture
def prompt_text() -> Callable[[tuple[Message, ...]], str]:
    return lambda messages: "\n\n".join(f"### {part.role}\n{part.content}" for part in messages)
