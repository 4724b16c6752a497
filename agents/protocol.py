"""How a hearing is held: arms, coordinator, stop rules, aggregation."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from clustering import AnchorKind


class Arm(StrEnum):
    """What a persona may see before it restates its scores."""

    PANEL = "panel"
    """Nothing: phase 1 only."""
    SELF_REFLECTION = "self_reflection"
    """Its own judgement again."""
    STANCE = "stance"
    """The peers' scores, without arguments."""
    DEBATE = "debate"
    """The peers' scores and arguments."""


class Coordinator(StrEnum):
    """Who speaks next in a group."""

    UNRESOLVED_FIRST = "unresolved_first"
    MODEL = "model"
    ROUND_ROBIN = "round_robin"


class Aggregation(StrEnum):
    """How final scores become the verdict: within a group, then over groups."""

    MEAN = "mean"
    MEDIAN = "median"
    TRIMMED = "trimmed"
    CERTAINTY_WEIGHTED = "certainty_weighted"
    RAKED = "raked"


class Seating(StrEnum):
    """Which model plays which persona, where there are several models."""

    IN_TURN = "in_turn"
    """One model per persona: the personas take turns through the models."""
    CROSSED = "crossed"
    """Every persona is played by every model."""


class DebateProtocol(BaseModel):
    """Everything about a hearing but its item, personas, rubric and models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arms: tuple[Arm, ...] = (Arm.DEBATE,)
    """The panel's verdict is always given too: it is phase 1, already paid."""
    anchor: AnchorKind = AnchorKind.EXCERPTS
    seating: Seating = Seating.IN_TURN
    coordinator: Coordinator = Coordinator.UNRESOLVED_FIRST
    turns_max: int = Field(default=6, ge=1, le=60)
    """Turns of one group's debate."""
    tokens_max: int | None = Field(default=None, ge=1)
    """Output tokens of one run's debate; None for no limit."""
    spread_epsilon: float = Field(default=0.5, ge=0)
    """A group whose scores lie within it on every dimension has nothing left to debate."""
    adaptive: bool = True
    """False: a table speaks all its turns, whether or not it agrees, passes or stands still; to measure what stopping saves."""
    cross_group: bool = False
    """Whether groups hear each other's positions once before restating."""
    aggregation: Aggregation = Aggregation.MEAN
    synthesis: bool = True
    """Whether a model writes a summary of the verdict; it never sets the number."""
    personas_min: int = Field(default=1, ge=1)
    """Fewer judgements than this and the run has failed."""
    temperature: float = Field(default=1.0, ge=0, le=2)

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
