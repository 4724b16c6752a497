"""Documents and persona sets, as answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from clustering import Assignment, MapPoint, PersonaSet, Span
from service.api.answers.jobs import Answer, JobAnswer, job_fields
from service.application import DocumentRecord, DocumentsAdded, PersonaSetRecord


class DocumentAnswer(Answer):
    """A stored document."""

    id: str
    title: str
    media_type: str
    characters: int
    content_hash: str
    metadata: dict[str, str]
    created_at: datetime
    text: str | None
    """Null in lists. Spans slice it, in characters."""


class SkippedAnswer(Answer):
    """A file, or a part of one, that could not be read."""

    name: str
    reason: str


class DocumentsAnswer(Answer):
    """What an upload came to; a jsonl or csv file may hold many documents."""

    documents: tuple[DocumentAnswer, ...]
    skipped: tuple[SkippedAnswer, ...]

    @classmethod
    def of(cls, added: DocumentsAdded) -> DocumentsAnswer:
        return cls(
            documents=tuple(document_answer(one) for one in added.documents),
            skipped=tuple(SkippedAnswer(name=one.name, reason=one.reason) for one in added.skipped),
        )


def document_answer(record: DocumentRecord) -> DocumentAnswer:
    return DocumentAnswer(
        id=record.id,
        title=record.title,
        media_type=record.media_type,
        characters=record.characters,
        content_hash=record.content_hash,
        metadata=dict(record.metadata),
        created_at=record.created_at,
        text=record.text,
    )


class PersonaSetAnswer(JobAnswer):
    """A persona set; its personas once it has completed."""

    name: str
    content_hash: str | None
    """Names the set by its content; null until completed."""
    personas: int | None
    groups: int | None
    method: str | None
    parent: str | None
    """The set that it was edited from."""
    document_ids: tuple[str, ...]
    cost_usd: float | None
    persona_set: PersonaSet | None
    """Null in lists and until completed."""


def persona_set_answer(record: PersonaSetRecord) -> PersonaSetAnswer:
    return PersonaSetAnswer(
        id=record.id,
        **job_fields(record.state),
        created_at=record.created_at,
        name=record.name,
        content_hash=record.content_hash,
        personas=record.personas,
        groups=record.groups,
        method=record.method,
        parent=record.parent,
        document_ids=record.document_ids,
        cost_usd=record.cost_usd,
        persona_set=record.persona_set,
    )


class MapAnswer(Answer):
    """The perspectives of a set on a plane; near means alike, axes mean nothing."""

    points: tuple[MapPoint, ...]


class AssignmentAnswer(Answer):
    """A statement of a new document, and the group that it fits."""

    span: Span
    """Where the quote stands in the document."""
    quote: str
    stakeholder: str | None
    """Who speaks, where the words name them."""
    group_id: str | None
    """Null: it does not fit any group of the set."""
    similarity: float
    """To the best group, whether it is good enough or not: -1 to 1."""


class AssignmentsAnswer(Answer):
    """What new documents say, placed in a set that stays as it is."""

    statements: int
    does_not_fit: int
    groups: dict[str, int]
    """Statements by the id of the group that they fit."""
    assignments: tuple[AssignmentAnswer, ...]
    """In the order of the documents."""

    @classmethod
    def of(cls, found: Sequence[Assignment]) -> AssignmentsAnswer:
        groups = Counter(one.group_id for one in found if one.group_id is not None)
        told = tuple(
            AssignmentAnswer(
                span=one.span,
                quote=one.quote,
                stakeholder=one.stakeholder,
                group_id=one.group_id,
                similarity=one.similarity,
            )
            for one in found
        )
        return cls(
            statements=len(found),
            does_not_fit=len(found) - groups.total(),
            groups=dict(groups.most_common()),
            assignments=told,
        )
