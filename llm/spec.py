"""Model specs: `simulated`, `simulated:run_sd=0.5`, `openai:gpt-5-mini`, `openai:qwen@http://127.0.0.1:8000/v1`."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from llm.errors import ModelConfigurationError


class ModelSpec(NamedTuple):
    """A parsed spec."""

    provider: str
    name: str
    """The model's name at the provider; the parameters of a simulated judge."""
    base_url: str | None


@lru_cache(maxsize=256)
def parse_spec(spec: str) -> ModelSpec:
    """`provider:name[@base_url]`. Raises `ModelConfigurationError` that shows the forms there are."""
    provider, colon, name = spec.strip().partition(":")
    if provider == "simulated":
        return ModelSpec(provider, name, None)
    name, at, base_url = name.partition("@http")
    if not provider or not colon or not name:
        raise ModelConfigurationError(
            f"model {spec!r} is not a spec: use 'simulated', 'openai:NAME' (with a base URL for any "
            "OpenAI-compatible server) or 'PROVIDER:NAME' such as 'anthropic:NAME'"
        )
    return ModelSpec(provider, name, f"http{base_url}" if at else None)
