"""Folders, files and uploads into documents; a bad file is skipped by name and never stops the others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clustering.document import Document
from clustering.errors import DocumentInputError, NoUsableDocumentError
from clustering.readers.limits import ReadingLimits, SkipError, Skipped, SkipReason
from clustering.readers.packed import check_length, docx_text, pdf_text
from clustering.readers.rows import csv_documents, jsonl_documents
from clustering.readers.text import decode, html_text

_TEXT = frozenset({"", ".txt", ".text", ".md", ".markdown", ".rst", ".log"})
_HTML = frozenset({".html", ".htm", ".xhtml"})
_JSONL = frozenset({".jsonl", ".ndjson"})
_CSV = frozenset({".csv", ".tsv"})
_MEDIA = {
    ".md": "text/markdown", ".markdown": "text/markdown", ".rst": "text/x-rst", ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip


@dataclass(frozen=True)
class Upload:
    """A file's name and content, as a client sent them."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Reading:
    """What could be read, and what could not and why."""

    documents: tuple[Document, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class _Source:
    name: str
    size: int
    read: Callable[[], bytes]


def read_documents(
    source: Path | str | Iterable[Path | Upload], *, limits: ReadingLimits | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Reading:  # fmt: skip
    """Documents of a folder (with its subfolders), of files, or of uploads; ids are the relative names.

    Skipped files are listed with their reasons. Nothing is fetched, no script or formula is run, no link is
    followed out of the folder. Raises NoUsableDocumentError where nothing is left, DocumentInputError where the
    folder does not exist.
    """
    limits = limits or ReadingLimits()
    skipped: list[Skipped] = []
    sources = list(_sources(source, limits, skipped))
    documents: list[Document] = []
    seen: dict[str, str] = {}
    for number, one in enumerate(sources, 1):
        _read_one(one, limits, documents, skipped, seen)
        if progress:
            progress("reading", number, len(sources))
    if not documents:
        raise NoUsableDocumentError(_nothing(source, skipped), tuple(skipped))
    return Reading(tuple(documents), tuple(skipped))


def _nothing(source: object, skipped: Sequence[Skipped]) -> str:
    if not skipped:
        what = f"{str(source)!r} holds no file" if isinstance(source, Path | str) else "no documents were given"
        return f"{what}; give txt, md, html, pdf, docx, jsonl or csv files"
    first = "; ".join(f"{one.name!r}: {one.reason} ({one.detail})" for one in skipped[:3])
    return f"none of the {len(skipped)} file(s) could be used: {first}"


def _sources(
    source: Path | str | Iterable[Path | Upload], limits: ReadingLimits, skipped: list[Skipped]
) -> Iterator[_Source]:
    parts = [Path(source)] if isinstance(source, Path | str) else list(source)
    files: list[tuple[str, Path | Upload]] = []
    for part in parts:
        if isinstance(part, Upload):
            files.append((part.name, part))
        elif part.is_dir():
            files += [(path.relative_to(part).as_posix(), path) for path in _walk(part, skipped)]
        elif part.exists():
            files.append((part.name, part))
        else:
            raise DocumentInputError(f"no file or folder {str(part)!r}; check the path")
    for number, (name, one) in enumerate(files):
        if number >= limits.files_max:
            detail = f"file {number + 1} of {len(files)}, over the limit of {limits.files_max} files"
            skipped.append(Skipped(name=_printable(name), reason=SkipReason.TOO_LARGE, detail=detail))
        elif not _is_safe(name):
            detail = "the name leaves its folder or holds control characters; send a plain relative name"
            skipped.append(Skipped(name=_printable(name), reason=SkipReason.UNSAFE_NAME, detail=detail))
        elif isinstance(one, Upload):
            yield _Source(name, len(one.content), lambda content=one.content: content)  # type: ignore[misc]
        else:
            yield from _of_file(name, one, limits, skipped)


def _of_file(name: str, path: Path, limits: ReadingLimits, skipped: list[Skipped]) -> Iterator[_Source]:
    try:
        if not path.is_file():
            raise SkipError(SkipReason.UNREADABLE, "it is no regular file")
        yield _Source(name, path.stat().st_size, lambda: _read_bytes(path, limits.bytes_max + 1))
    except (OSError, SkipError) as error:
        detail = f"the file cannot be read ({error})"
        skipped.append(Skipped(name=_printable(name), reason=SkipReason.UNREADABLE, detail=detail))


def _read_bytes(path: Path, bytes_max: int) -> bytes:
    with path.open("rb") as file:
        return file.read(bytes_max)


def _walk(folder: Path, skipped: list[Skipped]) -> Iterator[Path]:
    """Regular files below a folder in a fixed order; hidden ones and links that lead out of it are reported."""
    root = folder.resolve()
    for parent, folders, files in os.walk(folder):
        hidden = [name for name in (*folders, *files) if name.startswith(".")]
        for name in sorted(hidden):
            where = (Path(parent) / name).relative_to(folder).as_posix()
            skipped.append(
                Skipped(
                    name=_printable(where), reason=SkipReason.UNSUPPORTED, detail="hidden; rename it to have it read"
                )
            )
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent) / name
            if name.startswith("."):
                continue
            if root in path.resolve().parents:
                yield path
            else:
                detail = "a link that leads out of the folder; copy the file instead"
                skipped.append(
                    Skipped(
                        name=_printable(path.relative_to(folder).as_posix()),
                        reason=SkipReason.UNSAFE_NAME,
                        detail=detail,
                    )
                )


def _is_safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if not name or len(name) > 400 or "\\" in name or not name.isprintable():
        return False
    return not name.startswith("/") and ".." not in parts and not (len(name) > 1 and name[1] == ":")


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)[:400]


def _read_one(
    source: _Source, limits: ReadingLimits, documents: list[Document], skipped: list[Skipped], seen: dict[str, str]
) -> None:
    try:
        found, bad = _parse(source, limits)
    except SkipError as error:
        skipped.append(Skipped(name=source.name, reason=error.reason, detail=error.detail))
        return
    except OSError as error:
        skipped.append(
            Skipped(name=source.name, reason=SkipReason.UNREADABLE, detail=f"the file cannot be read ({error})")
        )
        return
    skipped += bad
    ids = {document.id for document in documents}
    for document in found:
        where = document.metadata.get("source", document.id)
        if not document.text.strip():
            skipped.append(Skipped(name=where, reason=SkipReason.EMPTY, detail="no text in it"))
            continue
        digest = hashlib.sha256(
            f"{document.metadata.get('role', '')}\0{document.text}".encode("utf-8", "surrogatepass")
        ).hexdigest()
        if digest in seen:
            skipped.append(
                Skipped(name=where, reason=SkipReason.DUPLICATE, detail=f"the same text as {seen[digest]!r}")
            )
            continue
        seen[digest] = document.id
        if document.id in ids:
            document = document.model_copy(update={"id": where if where not in ids else f"{where}~{digest[:8]}"})
        ids.add(document.id)
        documents.append(document)


def _parse(source: _Source, limits: ReadingLimits) -> tuple[list[Document], list[Skipped]]:
    if source.size > limits.bytes_max:
        raise SkipError(SkipReason.TOO_LARGE, f"{source.size} bytes, over the limit of {limits.bytes_max}; split it")
    content = source.read()
    if not content.strip():
        raise SkipError(SkipReason.EMPTY, "the file is empty")
    suffix = PurePosixPath(source.name).suffix.lower()
    if content.startswith(b"%PDF-") or suffix == ".pdf":
        title, text = pdf_text(content, limits)
        return [_document(source.name, text, title, ".pdf")], []
    if suffix == ".docx":
        title, text = docx_text(content, limits)
        return [_document(source.name, text, title, suffix)], []
    if suffix in _JSONL | _CSV | _HTML | _TEXT:
        text = decode(content, limits)
        check_length(len(text), limits)
        return _parse_text(source.name, suffix, text, limits)
    if b"\0" in content[:65_536] or content.startswith((b"PK\x03\x04", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff")):
        raise SkipError(
            SkipReason.BINARY, f"{suffix or 'the file'} is no text; give txt, md, html, pdf, docx, jsonl or csv"
        )
    raise SkipError(
        SkipReason.UNSUPPORTED, f"{suffix!r} files are not read; give txt, md, html, pdf, docx, jsonl or csv"
    )


def _parse_text(name: str, suffix: str, text: str, limits: ReadingLimits) -> tuple[list[Document], list[Skipped]]:
    if suffix in _JSONL:
        return jsonl_documents(name, text, limits)
    if suffix in _CSV:
        return csv_documents(name, text, limits)
    if suffix in _HTML:
        try:
            title, prose = html_text(text)
        except (RecursionError, ValueError, AssertionError) as error:
            raise SkipError(SkipReason.BROKEN, f"the html cannot be parsed ({type(error).__name__})") from error
        return [_document(name, prose, title, suffix)], []
    return [_document(name, text, "", suffix)], []


def _document(name: str, text: str, title: str, suffix: str) -> Document:
    return Document(id=name, text=text, title=title.strip(), media_type=_MEDIA.get(suffix, "text/plain"))
