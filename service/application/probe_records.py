"""What the application answers about a run that has been heard: probes, which ask again, and the drift of its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from agents import Adherence, Commitment, Drift, LexicalDrift
from service.application.records import JobState, Spent


class ProbeKind(StrEnum):
    """What is asked about a run that has been heard."""

    COMMITMENT = "commitment"
    """When in its debate its verdict was settled."""
    ADHERENCE = "adherence"
    """How well its personas stayed in role."""


class JudgeAdherence(NamedTuple):
    """One judge, as an observer rated it."""

    ratings: Mapping[str, Adherence]
    """By question: `role` 0-3, the others 1-5."""
    drift: Drift
    """Of the role rating."""


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """One probe of a run: a job, and once it has completed what came of it."""

    id: str
    owner: str
    run_id: str
    kind: ProbeKind
    state: JobState
    created_at: datetime
    times: int
    """Fresh verdicts drawn after each turn, or ratings of each contribution."""
    observer: str | None
    """Spec of the model that rates; None for a commitment test, which asks the run's own."""
    spent: Spent
    """Of every probe of this kind and run so far."""
    simulated: bool | None
    """None until completed."""
    commitment: Mapping[str, tuple[Commitment, ...]] | None
    """By dimension, one entry for each number of turns that was kept; None until completed."""
    adherence: Mapping[str, JudgeAdherence] | None
    """By judge; None until completed."""


class DriftRecord(NamedTuple):
    """Lexical drift of one run. What is not known says why."""

    run_id: str
    model: str | None
    """The embedding model; None where none could be used."""
    judges: Mapping[str, LexicalDrift]
    unknown: str | None
    """Why nothing is known; None where something is."""
    card_unknown: str | None
    plain_run_id: str | None
    """The run without personas whose words are compared with."""
    plain_unknown: str | None
