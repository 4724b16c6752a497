"""What the application is asked for, checked at the border."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from agents import DebateProtocol, Item, Rubric
from clustering import Persona

PRIORITY_MAX = 9


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AdaptiveRepeats(_Asked):
    """Hear the item again until the interval of its verdict is narrow enough (statistics: the stopping rule)."""

    min: int = Field(default=5, ge=2)
    max: int = Field(default=20, ge=2)
    half_width: float = Field(gt=0)
    """In units of the scale."""

    @model_validator(mode="after")
    def _min_is_not_above_max(self) -> AdaptiveRepeats:
        if self.min > self.max:
            raise ValueError(f"min {self.min} must not be above max {self.max}")
        return self


def _shape(value: object) -> str:
    return "object" if isinstance(value, dict | BaseModel) else "plain"


EITHER = Discriminator(_shape)
"""Between a plain value and an object, so that what is wrong is told of the one that was meant."""
Repeats = Annotated[
    Annotated[int, Field(ge=1), Tag("plain")] | Annotated[AdaptiveRepeats, Tag("object")],
    EITHER,
]


class Webhook(_Asked):
    """Who is told when the job has ended (Standard Webhooks)."""

    url: str = Field(min_length=1, max_length=2000)
    secret: str = Field(min_length=24, max_length=200, repr=False)
    """`whsec_...`; signs every notification."""


class Hearing(_Asked):
    """How items are heard: everything that an evaluation and a batch have in common."""

    persona_set: str = Field(min_length=1, max_length=80)
    """A ps_ id, completed."""
    rubric: Annotated[Annotated[Rubric, Tag("object")] | Annotated[str, Tag("plain")], EITHER]
    """The rubric itself, or the ru_ id or content hash of a stored one."""
    protocol: DebateProtocol = DebateProtocol()
    models: tuple[str, ...] = ()
    """Specs; empty for the installation's model. Several: personas take turns through them."""
    repeats: Repeats = 1
    seed: int = Field(default=0, ge=0, le=2**53 - 1)
    budget_usd_max: float | None = Field(default=None, gt=0)
    """What is done when it is reached stays; the rest is cancelled. The first run is heard alone, to see what one costs; then
    no more are begun at once than what is left pays for. A model without a known price cannot have one."""
    priority: int = Field(default=5, ge=0, le=PRIORITY_MAX)
    """0 first."""
    expires_after: timedelta | None = Field(default=None, gt=timedelta(0), le=timedelta(days=366))
    """Runs that have not begun by then expire; None for the installation's own."""
    webhook: Webhook | None = None


class EvaluationRequest(Hearing):
    """One item."""

    item: Item


class BatchRequest(Hearing):
    """Many items: the lines of the file hold them, `{"custom_id": ..., "item": {...}}` each."""

    name: str = Field(default="", max_length=200)


class BatchLine(_Asked):
    """One line of a batch file."""

    custom_id: str = Field(min_length=1, max_length=200)
    item: Item


class PersonaSetRequest(_Asked):
    """Personas from stored documents, or given ones."""

    name: str = Field(default="", max_length=200)
    documents: tuple[str, ...] = ()
    """do_ ids."""
    personas: tuple[Persona, ...] = ()
    """Given personas; then no document is read."""
    options: dict[str, object] = Field(
        default_factory=dict,
        description="seed, personas (how many; else by coverage), personas_per_group_max, groups_max, resamples (how "
        "reproducible is the set?), single_voices, demographics (what the documents state of their speakers; off: it may "
        "bias scores).",
    )
    """Fields of `clustering.PersonaOptions`."""
    model: str | None = None
    """Spec of the model that extracts perspectives; None for the installation's, else extractive."""
    budget_usd_max: float | None = Field(default=None, gt=0)
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _one_source(self) -> PersonaSetRequest:
        if bool(self.documents) == bool(self.personas):
            raise ValueError("give either documents (ids) or personas, and not both")
        return self


class PersonaMerge(_Asked):
    """Several personas as one: the first keeps its card."""

    ids: tuple[str, ...] = Field(min_length=2, max_length=60)
    name: str | None = Field(default=None, min_length=1, max_length=200)


class PersonaSetEdit(_Asked):
    """Changes to a persona set, made in this order; the set itself stays, a new one has them."""

    name: str = Field(default="", max_length=200)
    """Of the new set; empty for the old one's."""
    unpin: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    merge: tuple[PersonaMerge, ...] = ()
    change: dict[str, dict[str, object]] = Field(default_factory=dict)
    """By persona id: fields of its card with their new values."""
    pin: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> PersonaSetEdit:
        if not (self.unpin or self.drop or self.merge or self.change or self.pin):
            raise ValueError("give at least one change: drop, merge, change, pin or unpin")
        return self


class PersonaSetCalibration(_Asked):
    """A population that the panel's weights are to match, one attribute at a time."""

    name: str = Field(default="", max_length=200)
    """Of the new set; empty for the old one's."""
    margins: dict[str, dict[str, Annotated[float, Field(ge=0, le=1)]]] = Field(min_length=1, max_length=20)
    """By attribute: the population's share of each category; they sum to 1."""
    attributes: dict[str, dict[str, str]] = Field(default_factory=dict, max_length=20)
    """By attribute and persona id: the category that the persona stands for. Where it is not given, the persona's
    demographics say; `group` is every persona's group id."""


class CommitmentRequest(_Asked):
    """How often a run's verdict is drawn anew after each turn of its debate."""

    times: int = Field(default=8, ge=2, le=50)
    """Each draw asks every persona once more: personas x (turns + 1) x times calls in all."""


class AdherenceRequest(_Asked):
    """How often an observer rates each contribution to a run."""

    times: int = Field(default=3, ge=1, le=50)
    """Contributions x times calls in all."""
    observer: str | None = Field(default=None, min_length=1, max_length=300)
    """Spec of the model that rates; None for the run's first."""


class HumanScoreRequest(_Asked):
    """A person's score for one dimension of an evaluation."""

    dimension: str
    value: float
    author: str = Field(default="", max_length=200)
    note: str = Field(default="", max_length=4000)
