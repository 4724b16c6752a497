"""Parts of the report that say why: what moves positions, who ranks first, whether a persona is itself, whence it all came."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from stability.statistic import Estimate, Part


class ArmPositions(Part):
    """What the personas of one arm did between judging alone and restating.

    Directions are shares of the changes; towards and away may sum to less than 1.
    """

    changed: Estimate
    """Share of the positions held both times."""
    towards_majority: Estimate
    away_from_majority: Estimate
    with_verified_evidence: Estimate | None
    """Null where no turn's evidence was recorded."""
    towards_humans: Estimate | None
    """Null where there are no human scores."""
    away_from_humans: Estimate | None
    pull: Estimate
    """Expected share of the way towards the peers' mean."""


class PositionsReport(Part):
    """How often and, by comparing arms, why personas changed their scores; null where an arm to compare is missing."""

    arms: dict[Literal["self_reflection", "stance", "debate"], ArmPositions]
    spontaneous: Estimate | None
    """Share that changes after seeing nothing new."""
    conformity: Estimate | None
    """How much more changes after seeing the peers' scores."""
    persuasion: Estimate | None
    """How much more changes after their arguments too."""
    conformity_pull: Estimate | None
    """Pull towards the peers' mean under `stance`, less that under `self_reflection` where it was heard."""
    persuasion_pull: Estimate | None
    """Pull under `debate` less the pull under `stance`."""


class SystemsReport(Part):
    """Would a re-run rank the judged systems alike?"""

    kendall_tau: Estimate
    """Between rankings from disjoint sets of runs."""
    systems: int | None = None
    mean_scores: dict[str, float | None] = Field(default_factory=dict)
    """By system, the best first; null where no score of it is usable."""


class PredictionReport(Part):
    """Mean absolute errors of predicting one half of a persona's runs from the other half, its own or another's."""

    own: float | None
    swapped: float | None
    none: float | None
    """From a judge without persona; null where none was heard."""
    gain: Estimate
    """swapped - own: above 0, the persona is itself."""
    p: float | None
    """Sign-flip permutation over clusters, one-sided."""
    identified: float | None
    """Share of personas that are nearest to their own other half."""
    chance: float | None
    """What `identified` would be by luck."""


class IndividuationReport(Part):
    """Does a persona predict its own re-run better than another's?"""

    raw: PredictionReport
    centred: PredictionReport
    """With each persona's mean taken away: not by its harshness alone."""


class Provenance(Part):
    """Whence the ratings came; null where that is not known. A table of your own may add what it knows."""

    model_config = ConfigDict(extra="allow")

    source: str | None = None
    models: tuple[str, ...] | str | None = None
    code_versions: tuple[str, ...] | None = None
    simulated: bool | None = None
    """Whether the simulated judge judged."""
    runs: int | None = None
    calls: int | None = None
    cost_usd: float | None = None
    """Null where the price of a call is unknown, too."""
    dates: str | None = None
    """First and last day of the runs."""
    ratings_sha256: str | None = None
    seed: int | None = None
    target: float | None = None
    """The dependability that the report plans for."""
    batch: str | None = None
    persona_set: str | None = None
    """Content hash."""
    rubric: str | None = None
    """Content hash."""

    def known(self) -> dict[str, object]:
        """What is known, by name."""
        told: dict[str, object] = self.model_dump(exclude_none=True)
        return told
