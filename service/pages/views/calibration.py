"""How a panel's weights match a population: the shares asked for, and what the weights cost."""

from __future__ import annotations

from dataclasses import dataclass

from clustering import PersonaSet
from service.pages.formatting import words


@dataclass(frozen=True, slots=True)
class ShareView:
    """A category of a population, and how much of the panel it is."""

    attribute: str
    category: str
    population: float
    """Share; with the weights, the panel's is the same."""
    panel: float
    """Share of the personas, each counted once."""


@dataclass(frozen=True, slots=True)
class CalibrationView:
    effective_size: float
    personas: int
    shares: tuple[ShareView, ...]


def calibration_view(found: PersonaSet) -> CalibrationView | None:
    """None for a set that was not calibrated."""
    if found.calibration is None:
        return None
    shares = []
    for attribute, population in found.calibration.margins.items():
        held = list(found.calibration.values[attribute].values())
        shares += [
            ShareView(words(attribute), category, share, held.count(category) / len(held))
            for category, share in population.items()
        ]
    return CalibrationView(found.calibration.effective_size, len(found.personas), tuple(shares))
