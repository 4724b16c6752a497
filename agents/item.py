"""What is judged. One type per kind, told apart by `kind`."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Text = Annotated[str, Field(min_length=1)]


class _Judged(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=200)
    """The caller's name for it; unique inside a batch."""
    cluster: str | None = None
    """Its source document or dialogue: items of one cluster are not independent."""
    system: str | None = None
    """Which system wrote the output."""
    human: dict[str, float] = Field(default_factory=dict)
    """Human scores by dimension, where there are any."""

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class SummaryItem(_Judged):
    """A summary of one or many sources."""

    kind: Literal["summary"] = "summary"
    sources: tuple[Text, ...] = Field(min_length=1)
    output: Text
    reference: str | None = None


class Utterance(BaseModel):
    """One speaker's contribution to a dialogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speaker: str = Field(min_length=1, max_length=80)
    text: Text


class DialogueItem(_Judged):
    """A dialogue: judged whole, at its last utterance in context, or at every utterance."""

    kind: Literal["dialogue"] = "dialogue"
    turns: tuple[Utterance, ...] = Field(min_length=1)
    judge: Literal["whole", "response", "each_turn"] = "whole"
    """`response`: the last utterance, the ones before are context. `each_turn`: every utterance of the
    speakers in `speakers` becomes an item of its own, `ID#3`, in the cluster of this dialogue."""
    speakers: tuple[str, ...] = ()
    """Whose utterances `each_turn` judges; empty for all."""
    knowledge: str | None = None
    """Text that the speakers were given, such as a fact to use."""


class TextItem(_Judged):
    """An output with the instruction that it answers."""

    kind: Literal["text"] = "text"
    instruction: Text
    output: Text
    reference: str | None = None


class PairItem(_Judged):
    """Two outputs for one task, judged in both orders, always."""

    kind: Literal["pair"] = "pair"
    task: Text
    """The instruction, or the source that both outputs answer."""
    output_a: Text
    output_b: Text


Item = Annotated[SummaryItem | DialogueItem | TextItem | PairItem, Field(discriminator="kind")]
item_adapter: TypeAdapter[Item] = TypeAdapter(Item)
