"""Documents and the spans and passages that point back into them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Document(BaseModel):
    """A text with an id. `text` is what every span slices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    text: str
    title: str = ""
    media_type: str = "text/plain"
    metadata: dict[str, str] = Field(default_factory=dict)


class Span(BaseModel):
    """`document.text[start:end]`, in characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)

    def holds(self, other: Span) -> bool:
        """Whether another span lies within this one."""
        return self.document_id == other.document_id and self.start <= other.start <= other.end <= self.end


class Passage(BaseModel):
    """Whole sentences of one document; `text == document.text[start:end]`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document_id: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str
    headings: tuple[str, ...] = ()
    """The headings above it, outermost first: context, not text."""
