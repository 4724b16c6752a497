"""What can go wrong between documents and personas, by who can fix it.

ClusteringError
├── DocumentInputError        caller: the documents, persona edits or margins that were given
│   └── NoUsableDocumentError caller: nothing was left to read; carries the skipped files
├── PersonaInputError         caller: an edit, merge or weight that the persona set cannot take
│   └── CalibrationError      caller: margins or attributes that give no weights; carries the place and a code
├── EmbeddingError            operator: the embedding model is missing or unusable
└── ExtractionError           provider or model: too many sections gave no perspectives; try again, or resume
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustering.readers.limits import Skipped


class ClusteringError(Exception):
    """Anything that this package raises on purpose."""


class DocumentInputError(ClusteringError):
    """The documents that were given cannot be used as they are."""


class NoUsableDocumentError(DocumentInputError):
    """Every document was skipped, or none was given."""

    def __init__(self, message: str, skipped: tuple[Skipped, ...] = ()) -> None:
        super().__init__(message)
        self.skipped = skipped


class PersonaInputError(ClusteringError):
    """A persona set cannot take this edit, merge, weight or request."""


class CalibrationError(PersonaInputError):
    """No weights follow from these margins and attributes."""

    def __init__(self, message: str, place: tuple[str, ...], code: str) -> None:
        """place: path into `{margins, attributes}`; code: what is wrong, such as `infeasible`."""
        super().__init__(message)
        self.place = place
        self.code = code


class EmbeddingError(ClusteringError):
    """The embedding model cannot be loaded or does not answer as it should."""


class ExtractionError(ClusteringError):
    """The model gave no usable perspectives."""
