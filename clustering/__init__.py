"""Documents to stakeholder personas."""

from clustering.building import PersonaOptions, Progress, build_persona_set
from clustering.document import Document, Passage, Span
from clustering.editing import given_persona_set
from clustering.embedding import Embedder, open_embedder
from clustering.errors import (
    ClusteringError,
    DocumentInputError,
    EmbeddingError,
    ExtractionError,
    NoUsableDocumentError,
    PersonaInputError,
)
from clustering.passages import split_passages
from clustering.persona import (
    AnchorKind,
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

__all__ = [
    "AnchorKind",
    "ClusteringError",
    "Document",
    "DocumentInputError",
    "Embedder",
    "EmbeddingError",
    "Excerpt",
    "ExtractionError",
    "MapPoint",
    "NoUsableDocumentError",
    "Passage",
    "Persona",
    "PersonaInputError",
    "PersonaOptions",
    "PersonaSet",
    "Perspective",
    "Progress",
    "Provenance",
    "Reading",
    "ReadingLimits",
    "SkipReason",
    "Skipped",
    "Span",
    "StakeholderGroup",
    "Upload",
    "build_persona_set",
    "extract_perspectives",
    "given_persona_set",
    "open_embedder",
    "read_documents",
    "render_persona",
    "split_passages",
]
