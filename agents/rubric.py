"""What is asked of a judge: ordinal scales with an anchor for every level."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Level(BaseModel):
    """One grade that is offered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: int
    label: str = Field(min_length=1, max_length=80)
    anchor: str = Field(default="", max_length=1000)
    """What an output looks like that deserves this grade."""


class Dimension(BaseModel):
    """One ordinal scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    question: str = Field(min_length=1, max_length=1000)
    levels: tuple[Level, ...] = Field(min_length=2, max_length=21)
    pass_threshold: float | None = None
    """A verdict at or above it passes; None where there is no pass or fail."""

    @property
    def low(self) -> int:
        return self.levels[0].value

    @property
    def high(self) -> int:
        return self.levels[-1].value

    @model_validator(mode="after")
    def _scale_is_ordered_and_holds_its_threshold(self) -> Dimension:
        values = [level.value for level in self.levels]
        if values != sorted(set(values)):
            raise ValueError(f"levels of {self.name!r} must rise strictly, got {values}")
        threshold = self.pass_threshold
        if threshold is not None and not self.low < threshold <= self.high:
            raise ValueError(
                f"pass_threshold {threshold!r} of {self.name!r} lies off its scale: "
                f"choose a value above {self.low} and up to {self.high}"
            )
        return self


class Rubric(BaseModel):
    """Named dimensions, judged together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    instructions: str = Field(default="", max_length=4000)
    dimensions: tuple[Dimension, ...] = Field(min_length=1, max_length=12)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Rubric:
        names = [dimension.name for dimension in self.dimensions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"dimension names must differ, {twice} stand twice")
        return self

    @property
    def content_hash(self) -> str:
        """sha256 of the rubric's canonical JSON."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
