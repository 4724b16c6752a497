"""What a persona saw: the exact messages of a turn's calls, what came back, and how it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agents import Turn
from llm import Call, CallOutcome
from service.pages.formatting import dollars, words
from service.pages.views.anchors import anchor, run_href


@dataclass(frozen=True, slots=True)
class SeenMessage:
    role: str
    content: str
    characters: int


@dataclass(frozen=True, slots=True)
class SeenCall:
    """One attempt."""

    purpose: str
    attempt: int
    outcome: str
    ok: bool
    error: str | None
    model: str
    prompt_id: str
    prompt_sha256: str
    settings: tuple[tuple[str, str], ...]
    messages: tuple[SeenMessage, ...]
    reply: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost: str
    latency_s: float
    started_at: str
    key: str


@dataclass(frozen=True, slots=True)
class SeenPage:
    run_id: str
    turn_id: str
    turn_href: str
    speaker: str
    kind: str
    outcome: str
    seen: tuple[tuple[str, str], ...]
    """Name and address of the turns whose words were in the prompt."""
    calls: tuple[SeenCall, ...]


def seen_page(run_id: str, turn: Turn, calls: Sequence[Call], names: Mapping[str, str]) -> SeenPage:
    """The page of one turn. `calls`: the turn's, in order; `names`: of every turn of its run, by id."""
    return SeenPage(
        run_id=run_id,
        turn_id=turn.id,
        turn_href=f"{run_href(run_id)}#{anchor(turn.id)}",
        speaker=names.get(turn.id, turn.id),
        kind=turn.kind,
        outcome=turn.outcome.value,
        seen=tuple((names.get(name, name), f"{run_href(run_id)}#{anchor(name)}") for name in turn.seen),
        calls=tuple(_call(call) for call in calls),
    )


def _call(call: Call) -> SeenCall:
    messages = [SeenMessage(m.get("role", ""), m.get("content", ""), len(m.get("content", ""))) for m in call.messages]
    return SeenCall(
        purpose=call.purpose.value,
        attempt=call.attempt,
        outcome=words(call.outcome.value),
        ok=call.outcome is CallOutcome.OK,
        error=call.error,
        model=call.model_answered or call.model,
        prompt_id=call.prompt_id,
        prompt_sha256=call.prompt_sha256,
        settings=tuple((words(name), str(value)) for name, value in call.settings.items() if value is not None),
        messages=tuple(messages),
        reply=call.text,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cached_tokens=call.cached_tokens,
        cost=dollars(call.cost_usd),
        latency_s=call.latency_s,
        started_at=call.started_at.isoformat(timespec="seconds"),
        key=call.key,
    )
