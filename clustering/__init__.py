"""Documents to stakeholder personas.

Importing it loads nothing; what a name needs is imported when the name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustering.assigning import Assignment, assign_documents
    from clustering.building import PersonaOptions, Progress, build_persona_set
    from clustering.calibration import Raked, calibrate_personas, rake
    from clustering.document import Document, Passage, Span
    from clustering.editing import (
        drop_personas,
        edit_persona,
        given_persona_set,
        merge_personas,
        persona_from_texts,
        pin_personas,
    )
    from clustering.embedding import Embedder, open_embedder
    from clustering.errors import (
        CalibrationError,
        ClusteringError,
        DocumentInputError,
        EmbeddingError,
        ExtractionError,
        NoUsableDocumentError,
        PersonaInputError,
    )
    from clustering.evidence import Match, find_quote
    from clustering.extraction import ExtractionEstimate, estimate_extraction
    from clustering.passages import split_passages
    from clustering.persona import (
        AnchorKind,
        Calibration,
        Excerpt,
        MapPoint,
        Persona,
        PersonaSet,
        Provenance,
        StakeholderGroup,
    )
    from clustering.perspectives import Perspective, extract_perspectives
    from clustering.readers.limits import ReadingLimits, Skipped, SkipReason
    from clustering.readers.reading import Reading, Upload, read_documents
    from clustering.rendering import render_persona
    from clustering.reproducing import (
        Interval,
        Reproducibility,
        effective_personas,
        measure_reproducibility,
        with_reproducibility,
    )

__all__ = [
    "AnchorKind",
    "Assignment",
    "Calibration",
    "CalibrationError",
    "ClusteringError",
    "Document",
    "DocumentInputError",
    "Embedder",
    "EmbeddingError",
    "Excerpt",
    "ExtractionError",
    "ExtractionEstimate",
    "Interval",
    "MapPoint",
    "Match",
    "NoUsableDocumentError",
    "Passage",
    "Persona",
    "PersonaInputError",
    "PersonaOptions",
    "PersonaSet",
    "Perspective",
    "Progress",
    "Provenance",
    "Raked",
    "Reading",
    "ReadingLimits",
    "Reproducibility",
    "SkipReason",
    "Skipped",
    "Span",
    "StakeholderGroup",
    "Upload",
    "assign_documents",
    "build_persona_set",
    "calibrate_personas",
    "drop_personas",
    "edit_persona",
    "effective_personas",
    "estimate_extraction",
    "extract_perspectives",
    "find_quote",
    "given_persona_set",
    "measure_reproducibility",
    "merge_personas",
    "open_embedder",
    "persona_from_texts",
    "pin_personas",
    "rake",
    "read_documents",
    "render_persona",
    "split_passages",
    "with_reproducibility",
]

_HOMES = {
    "clustering.assigning": "Assignment assign_documents",
    "clustering.building": "PersonaOptions Progress build_persona_set",
    "clustering.calibration": "Raked calibrate_personas rake",
    "clustering.document": "Document Passage Span",
    "clustering.editing": "drop_personas edit_persona given_persona_set merge_personas persona_from_texts pin_personas",
    "clustering.embedding": "Embedder open_embedder",
    "clustering.errors": "CalibrationError ClusteringError DocumentInputError EmbeddingError ExtractionError NoUsableDocumentError PersonaInputError",
    "clustering.evidence": "Match find_quote",
    "clustering.extraction": "ExtractionEstimate estimate_extraction",
    "clustering.passages": "split_passages",
    "clustering.persona": "AnchorKind Calibration Excerpt MapPoint Persona PersonaSet Provenance StakeholderGroup",
    "clustering.perspectives": "Perspective extract_perspectives",
    "clustering.readers.limits": "ReadingLimits Skipped SkipReason",
    "clustering.readers.reading": "Reading Upload read_documents",
    "clustering.rendering": "render_persona",
    "clustering.reproducing": "Interval Reproducibility effective_personas measure_reproducibility with_reproducibility",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """The public name, from the module that defines it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
