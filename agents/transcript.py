"""What was said in a hearing, and what came of it. Unknown is not zero: a value is None unless decided."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agents.protocol import Arm


class Outcome(StrEnum):
    """How a judgement or a verdict ended."""

    DECIDED = "decided"
    ABSTAINED = "abstained"
    UNPARSEABLE = "unparseable"
    FAILED = "failed"


class Phase(StrEnum):
    """Where in the hearing a turn stands."""

    ALONE = "alone"
    DEBATE = "debate"
    RESTATED = "restated"
    SYNTHESIS = "synthesis"


class Evidence(BaseModel):
    """A quote, and whether it stands where its speaker says; checked in code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quote: str
    claimed_from: str
    """Where the speaker says it stands: output, source, persona, transcript."""
    status: Literal["exact", "normalised", "fuzzy", "unverified"]
    found_in: str | None = None
    """`output`, `source:0`, `turn:ID`, `excerpt:2`; None where it was not found."""
    start: int | None = None
    end: int | None = None


class Turn(BaseModel):
    """One contribution: who, when, having seen exactly what (its calls), and where they stand after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Stable inside the run: `alone/PERSONA`, `debate/GROUP/3`, `stance/restated/PERSONA`, `debate/synthesis`; with
    `ba/` before it where a pair is shown in its second order."""
    phase: Phase
    arm: Arm | None
    """None in phase 1, which all arms share."""
    round: int | None = None
    index: int
    """Order in the transcript: rises, with gaps."""
    persona_id: str | None
    """None for the coordinator's synthesis."""
    seat_id: str | None = None
    """The persona's id, `PERSONA@1` where every persona is played by several models."""
    model: str
    group_id: str | None = None
    """The table at which it was said: a stakeholder group, or `cross-group`."""
    kind: Literal["judgement", "claim", "rebuttal", "concession", "question", "pass", "restatement", "synthesis"]
    reply_to: str | None = None
    """The id of the turn it answers."""
    text: str
    """Reasons or argument; untrusted model text."""
    evidence: tuple[Evidence, ...] = ()
    changed_because: Literal["evidence", "argument", "nothing"] | None = None
    scores: dict[str, float | None]
    """By dimension, after this turn; None where undecided."""
    certainty: int | None = None
    """1-100, how much the material supports the score."""
    outcome: Outcome
    seen: tuple[str, ...] = ()
    """Ids of the turns in its prompt; of its peers' turns, the `stance` arm shows the scores alone."""
    call_keys: tuple[str, ...] = ()
    """Its calls, in order; the exact messages stand there."""
    coordination_keys: tuple[str, ...] = ()
    """The calls that chose its speaker, where a model coordinates."""
    order: Literal["ab", "ba"] | None = None
    """The order in which a pair was shown; None for other items. Scores are in the item's terms in either order."""
    flags: tuple[str, ...] = ()
    """`contradiction`, `capitulation`, `repetition`, ..."""


class Transcript(BaseModel):
    """All turns of one run, in order, with why each group stopped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    turns: tuple[Turn, ...]
    stopped: dict[str, str]
    """Stop reason by group id: `passed`, `unchanged`, `agreed`, `turns_max`, `tokens_max`, `cancelled`,
    `alone` (nobody to debate with)."""
    speaking_order: tuple[str, ...]
    """Persona ids in the seeded order of this run."""
    flags: tuple[str, ...] = ()
    """`injection_suspected`, `order_following` (a pair's verdict that followed its order somewhere)."""


class DimensionVerdict(BaseModel):
    """One dimension's verdict in one arm."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    passed: bool | None
    """Against the pass threshold; None without one or without a value."""
    outcome: Outcome
    n_used: int
    n_asked: int
    dissent: float | None
    """Standard deviation of the personas' final scores; None below two."""
    by_persona: dict[str, float | None]
    """Final score by seat: the persona's id, `PERSONA@1` where every persona is played by several models."""
    by_group: dict[str, float | None]


class Verdict(BaseModel):
    """What one arm of one run decided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arm: Arm
    dimensions: dict[str, DimensionVerdict]
    synthesis: str | None = None
    """Written by a model, which never sets a number."""
    calls: int
    """Calls that this arm's verdict rests on, phase 1 included."""
    tokens: int | None
    cost_usd: float | None = None
    """Of those calls; None where the price of one is unknown, and in verdicts of before it was kept."""
    position_bias: dict[str, float | None] | None = None
    """By dimension, for a pair: how far the output shown first was preferred for it, -1 to 1."""


class Run(BaseModel):
    """One hearing's identity: the key of every cache, the id under which its calls are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    item_id: str
    item_hash: str
    persona_set: str
    """Content hash of the persona set."""
    rubric_hash: str
    protocol_hash: str
    models: tuple[str, ...]
    repeat: int
    seed: int


class RunResult(BaseModel):
    """A finished hearing: every arm's verdict over one shared phase 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Run
    transcript: Transcript
    verdicts: dict[Arm, Verdict]
    outcome: Outcome
    calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    simulated: bool
    """Whether the simulated judge had a part in it."""
    code_version: str
