"""Documents: read, kept, listed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from clustering import Document
from service.application.context import LOCAL_OWNER, Context, now
from service.application.idempotency import Keep
from service.application.paging import owned, read_page
from service.application.records import DocumentRecord, DocumentsAdded, Page, SkippedDocument
from service.errors import LimitExceededError, NotFoundError, Problem
from service.store import new_id, tables, write_once

_LISTED = [column for column in tables.documents.c if column.name != "body"]

_NAMED_AT_ONCE = 500  # parameters of one query


class NewDocuments(NamedTuple):
    """An uploaded file that was read and is not stored yet."""

    rows: tuple[dict[str, Any], ...]
    skipped: tuple[SkippedDocument, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids that its documents are going to have."""
        return tuple(row["id"] for row in self.rows)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Its documents, under those ids."""
        return tuple(_document(row) for row in self.rows)


class Documents:
    """Texts that personas are made of."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def add(
        self, owner: str | None, data: bytes, name: str, *, seen: dict[tuple[str, str], str] | None = None
    ) -> DocumentsAdded:
        """Reads an uploaded file and stores what could be read: `read` and `store` in one."""
        return await self.store([await self.read(owner, data, name, seen=seen)])

    async def read(
        self,
        owner: str | None,
        data: bytes,
        name: str,
        *,
        seen: dict[tuple[str, str], str] | None = None,
    ) -> NewDocuments:
        """What an uploaded file holds, which may be many documents; nothing is stored yet.

        seen: texts of the same upload's earlier files, filled as needed; what stands there is skipped as a duplicate.
        Raises clustering.NoUsableDocumentError where nothing could be read, and LimitExceededError.
        """
        documents, skipped = await asyncio.to_thread(_read, data, name)
        taken = self.take(owner, documents, seen=seen)
        return NewDocuments(taken.rows, (*skipped, *taken.skipped))

    def take(
        self, owner: str | None, documents: Sequence[Document], *, seen: dict[tuple[str, str], str] | None = None
    ) -> NewDocuments:
        """Documents that are read already, without those that are too long or stand in `seen`; nothing is stored yet.

        Raises LimitExceededError for too many, or where a single one is too long.
        """
        fitting, skipped = self._fitting(documents)
        fresh, again = _without_seen(fitting, {} if seen is None else seen)
        return NewDocuments(tuple(_row(owner or LOCAL_OWNER, one) for one in fresh), (*skipped, *again))

    async def store(self, new: Sequence[NewDocuments], *, keep: Keep[DocumentsAdded] | None = None) -> DocumentsAdded:
        """Stores what was read, all of it or nothing. keep: what is stored with it."""
        rows = [row for one in new for row in one.rows]
        added = DocumentsAdded(
            tuple(_record_of(row, row["body"]) for row in rows),
            tuple(skipped for one in new for skipped in one.skipped),
        )

        async def operation(connection: AsyncConnection) -> None:
            await insert_documents(connection, new)
            if keep is not None:
                await keep(connection, added)

        made = sa.select(tables.documents.c.id).where(tables.documents.c.id == rows[0]["id"]) if rows else None
        await write_once(self._context.store, operation, made=made)
        return added

    def _fitting(self, documents: Sequence[Document]) -> tuple[list[Document], list[SkippedDocument]]:
        limits = self._context.limits
        if len(documents) > limits.documents_per_set:
            raise LimitExceededError(
                f"{len(documents)} documents in one upload; at most {limits.documents_per_set} are taken: split the file"
            )
        long = [one for one in documents if len(one.text) > limits.document_characters]
        told = [
            f"{len(one.text)} characters; at most {limits.document_characters} are taken: split the document"
            for one in long
        ]
        if long and len(long) == len(documents):
            raise LimitExceededError(f"document {long[0].id!r} has {told[0]}")
        skipped = [SkippedDocument(one.id, f"too_large: {why}") for one, why in zip(long, told, strict=True)]
        return [one for one in documents if len(one.text) <= limits.document_characters], skipped

    async def list(
        self, owner: str | None, *, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> Page[DocumentRecord]:
        """Newest first, without texts."""
        query = sa.select(*_LISTED).where(owned(tables.documents, owner))
        async with self._context.store.read() as connection:
            return await read_page(
                connection,
                query,
                tables.documents,
                lambda row: _record_of(row._mapping, None),
                after=after,
                limit=limit,
            )

    async def get(self, owner: str | None, document_id: str) -> DocumentRecord:
        """The document with its text. Raises NotFoundError."""
        query = sa.select(tables.documents).where(tables.documents.c.id == document_id, owned(tables.documents, owner))
        async with self._context.store.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFoundError(f"no document {document_id!r}")
        return _record_of(row._mapping, row.body)

    async def titles(self, owner: str | None, ids: Sequence[str]) -> dict[str, str]:
        """Titles by document id, for display; without the documents that are not there any more."""
        table, found = tables.documents, dict[str, str]()
        async with self._context.store.read() as connection:
            for start in range(0, len(ids), _NAMED_AT_ONCE):
                some = table.c.id.in_(ids[start : start + _NAMED_AT_ONCE])
                query = sa.select(table.c.id, table.c.title).where(some, owned(table, owner))
                found |= {row.id: row.title for row in await connection.execute(query)}
        return found

    async def delete(self, owner: str | None, document_id: str) -> None:
        """Forgets it; persona sets made of it stay as they are. Raises NotFoundError."""
        delete = sa.delete(tables.documents).where(tables.documents.c.id == document_id, owned(tables.documents, owner))
        result = await self._context.store.write(lambda connection: connection.execute(delete))
        if not result.rowcount:
            raise NotFoundError(f"no document {document_id!r}")

    async def load(
        self, owner: str | None, ids: tuple[str, ...], new: Sequence[NewDocuments] = ()
    ) -> Sequence[Document]:
        """The documents with these ids, in their order. Raises NotFoundError that names the missing.

        new: documents that are not stored yet.
        """
        found = {row["id"]: _document(row) for one in new for row in one.rows}
        named, ids = ids, tuple(one for one in ids if one not in found)
        async with self._context.store.read() as connection:
            for start in range(0, len(ids), 200):
                query = sa.select(tables.documents).where(
                    tables.documents.c.id.in_(ids[start : start + 200]), owned(tables.documents, owner)
                )
                found |= {row.id: _document(row._mapping) for row in await connection.execute(query)}
        missing = [one for one in ids if one not in found]
        if missing:
            raise NotFoundError(
                f"no document {missing[0]!r}" + (f", nor {len(missing) - 1} others" if missing[1:] else "")
            )
        return [found[one] for one in named]


async def insert_documents(connection: AsyncConnection, new: Sequence[NewDocuments]) -> None:
    """Stores documents, inside a write."""
    if rows := [row for one in new for row in one.rows]:
        await connection.execute(sa.insert(tables.documents), rows)


def _without_seen(
    documents: Sequence[Document], seen: dict[tuple[str, str], str]
) -> tuple[list[Document], list[SkippedDocument]]:
    """The documents that are not in `seen`, which then holds them, too; the same words of two roles are two texts."""
    fresh, again = [], []
    for one in documents:
        key = one.metadata.get("role", ""), _digest(one.text)
        if key in seen:
            again.append(SkippedDocument(one.id, f"duplicate: the same text as {seen[key]!r}"))
        else:
            seen[key] = one.id
            fresh.append(one)
    return fresh, again


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def too_many_documents(count: int, most: int) -> LimitExceededError:
    message = f"{count} documents; at most {most} make one set"
    return LimitExceededError(message, [Problem("/documents", message, "limit_exceeded")])


def _read(data: bytes, name: str) -> tuple[tuple[Document, ...], tuple[SkippedDocument, ...]]:
    from clustering import Upload, read_documents

    reading = read_documents([Upload(name, data)])
    skipped = tuple(SkippedDocument(one.name, f"{one.reason}: {one.detail}") for one in reading.skipped)
    return tuple(reading.documents), skipped


def _row(owner: str, document: Document) -> dict[str, Any]:
    return {
        "id": new_id("do"),
        "owner": owner,
        "created_at": now(),
        "title": document.title or document.id,
        "media_type": document.media_type,
        "characters": len(document.text),
        "content_hash": _digest(document.text),
        "attributes": document.metadata,
        "body": document.text,
    }


def _document(row: Mapping[Any, Any]) -> Document:
    return Document(
        id=row["id"], text=row["body"], title=row["title"], media_type=row["media_type"], metadata=row["attributes"]
    )


def _record_of(row: Any, text: str | None) -> DocumentRecord:
    return DocumentRecord(
        id=row["id"],
        owner=row["owner"],
        title=row["title"],
        media_type=row["media_type"],
        characters=row["characters"],
        content_hash=row["content_hash"],
        created_at=row["created_at"],
        text=text,
        metadata=row["attributes"],
    )
