"""Documents to stakeholder personas."""

from clustering.document import Document, Passage, Span
from clustering.persona import (
    AnchorKind,
    Excerpt,
    MapPoint,
    Persona,
    PersonaSet,
    Provenance,
    StakeholderGroup,
)

__all__ = [
    "AnchorKind",
    "Document",
    "Excerpt",
    "MapPoint",
    "Passage",
    "Persona",
    "PersonaSet",
    "Provenance",
    "Span",
    "StakeholderGroup",
]
