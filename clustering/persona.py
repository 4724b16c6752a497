"""Personas and the immutable, content-hashed sets they come in."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from clustering.document import Span


class AnchorKind(StrEnum):
    """How much of a persona its judge is shown; one persona, four conditionings, for ablation."""

    NONE = "none"
    ROLE = "role"
    CARD = "card"
    EXCERPTS = "excerpts"


class Provenance(BaseModel):
    """Where one field of a persona came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["document", "inferred", "given"]
    spans: tuple[Span, ...] = ()
    """The passages of the documents that say so; empty unless `kind` is document."""


class Excerpt(BaseModel):
    """The stakeholder's own words, verbatim: `span` slices back to exactly `quote`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quote: str
    span: Span | None
    """None only for text that the user gave without a document."""


class Persona(BaseModel):
    """A judge's card."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Stable inside its set: `cluster-operator-1`."""
    name: str
    stakeholder: str
    """The group whose interest it speaks for."""
    group_id: str
    perspective: str
    """What it looks at when it judges: its evaluative dimension."""
    specialty: str = ""
    background: str = ""
    traits: tuple[str, ...] = ()
    relationships: tuple[str, ...] = ()
    demographics: dict[str, str] = Field(default_factory=dict)
    """By attribute, as documents state them or the user gave them; empty unless asked for."""
    excerpts: tuple[Excerpt, ...] = ()
    provenance: dict[str, Provenance] = Field(default_factory=dict)
    """By field name; `demographics.age` for one of the demographics."""
    weight: float = Field(default=1.0, gt=0)
    warnings: tuple[str, ...] = ()
    """Codes such as `sparse_card`."""
    pinned: bool = False


class StakeholderGroup(BaseModel):
    """A cluster of stakeholders, and the perspectives that they hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    keywords: tuple[str, ...] = ()
    size: int = 0
    """Perspectives in the group."""
    mentions: int = 0
    """Stakeholder mentions in the documents."""
    persistence: float | None = None
    """HDBSCAN's cluster persistence; None below the size where clustering makes sense."""
    exemplars: tuple[str, ...] = ()


class MapPoint(BaseModel):
    """One perspective on the 2-D map of the set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: float
    y: float
    group_id: str | None
    """None for noise: it fits no group."""
    membership: float | None
    label: str
    quote: str
    span: Span | None
    demographics: dict[str, str] = Field(default_factory=dict, exclude_if=lambda one: not one)
    """What the speaker states of themselves; absent unless asked for."""


class Calibration(BaseModel):
    """How the personas' weights came to match a population."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    margins: dict[str, dict[str, float]]
    """By attribute: the population's share of each category."""
    values: dict[str, dict[str, str]]
    """By attribute and persona id: the category that the persona stands for."""
    effective_size: float
    """How many equally weighted personas are worth as much (Kish 1965)."""
    largest_gap: float
    """Largest difference between a weighted share and the population's."""
    iterations: int


class PersonaSet(BaseModel):
    """Personas with everything needed to say where they came from. Never changed, only derived from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    personas: tuple[Persona, ...]
    groups: tuple[StakeholderGroup, ...]
    method: Literal["extractive", "model", "given", "edited"]
    parameters: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    """Everything that decided the outcome: seed, embedding model, sizes, code version."""
    statistics: dict[str, float | int | None] = Field(default_factory=dict)
    """documents, passages, perspectives, noise_share, dbcv, quotes_dropped, ..."""
    map: tuple[MapPoint, ...] = ()
    calibration: Calibration | None = Field(default=None, exclude_if=lambda one: one is None)
    """None, and absent, unless the weights were raked to a population."""
    parent: str | None = None
    warnings: tuple[str, ...] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def content_hash(self) -> str:
        """sha256 of the set's content; names the set."""
        data = self.model_dump(mode="json", exclude={"content_hash"})
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
