"""Who answered the calls of a run, and to which prompts: scores carry it, so that a score names its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llm import Call
from service.application.records import Answered


def answered_column(calls: Iterable[Call]) -> dict[str, Any]:
    """The value of a run's column for its calls."""
    calls = list(calls)
    return {
        "models": sorted({call.model_answered for call in calls if call.model_answered}),
        "prompts": {call.prompt_id: call.prompt_sha256 for call in calls},
    }


def merged_column(values: Iterable[Mapping[str, Any] | None]) -> dict[str, Any]:
    """An evaluation's column out of its runs'; a run of which nothing is known adds nothing."""
    known = [value for value in values if value]
    return {
        "models": sorted({model for value in known for model in value["models"]}),
        "prompts": {prompt: sha for value in known for prompt, sha in value["prompts"].items()},
    }


def answered_of(value: Mapping[str, Any] | None) -> Answered:
    """The record of a column."""
    return Answered(tuple(value["models"]), dict(value["prompts"])) if value else Answered()
