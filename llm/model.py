"""What every model looks like from inside: one request in, one reply out, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

MessageRole = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message, exactly as it is sent."""

    role: MessageRole
    content: str


def well_formed(text: str) -> str:
    """`text` with U+FFFD for every lone surrogate: no provider can be sent one, and no record can hold one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that decides a reply; two equal requests to one model are the same question."""

    messages: tuple[Message, ...]
    schema: Mapping[str, Any]
    """JSON Schema that the reply must satisfy."""
    schema_name: str
    temperature: float = 1.0
    output_tokens_max: int = 2048
    seed: int = 0
    """Passed on where the provider takes one; the simulated judge draws its noise from it."""
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; None where it did not say (unknown is not zero)."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer. Everything that is not one raises from `llm.errors`."""

    text: str
    model: str
    """The model's name as it answered, which may differ from the name asked for."""
    usage: Usage
    finish: Literal["stop", "length", "refusal"]
    sent: tuple[Message, ...] | None = None
    """The messages as sent, where the adapter had to add to the request's."""


class Model(Protocol):
    """A model that can be asked for JSON. Create once, share, close at the end."""

    @property
    def spec(self) -> str:
        """The text that opens the same model again, without secrets: `openai:gpt-5-mini`."""

    @property
    def context_tokens(self) -> int | None:
        """Longest prompt plus reply in tokens; None where unknown."""

    async def complete(self, request: Request) -> Reply:
        """One attempt. Raises `ProviderError` or `ModelConfigurationError`; never retries by itself."""

    async def aclose(self) -> None:
        """Gives connections back."""
