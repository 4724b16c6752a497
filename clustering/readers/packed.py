"""Text out of pdf and docx through pypdf and python-docx, within limits."""

from __future__ import annotations

import io
import logging
import zipfile
import zlib

from clustering.readers.limits import ReadingLimits, SkipError, SkipReason


def pdf_text(content: bytes, limits: ReadingLimits) -> tuple[str, str]:
    """Title and text of a pdf, pages as paragraphs. Scripts and attachments are never looked at."""
    from pypdf import PdfReader
    from pypdf.errors import LimitReachedError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # a damaged file is told of by name, not on stderr
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            raise SkipError(SkipReason.ENCRYPTED, "the pdf needs a password; save it without one")
        if len(reader.pages) > limits.pages_max:
            raise SkipError(
                SkipReason.TOO_LARGE, f"{len(reader.pages)} pages, over the limit of {limits.pages_max}; split it"
            )
        pages: list[str] = []
        for page in reader.pages:
            pages.append(page.extract_text())
            check_length(sum(map(len, pages)), limits)
        pictures = any("/XObject" in (page.get("/Resources") or {}) for page in reader.pages)
        title = str(reader.metadata.title) if reader.metadata and reader.metadata.title else ""
    except LimitReachedError as error:
        raise SkipError(SkipReason.TOO_EXPANDED, f"a part of the pdf unpacks too far ({error})") from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError) as error:
        # a damaged pdf can trip the parser anywhere
        raise SkipError(
            SkipReason.BROKEN, f"the pdf cannot be parsed ({type(error).__name__}: {error})"[:300]
        ) from error
    text = "\n\n".join(page.strip() for page in pages if page.strip())
    if not text and pictures:
        raise SkipError(
            SkipReason.SCANNED, "the pdf holds pictures but no text; run text recognition (OCR) on it first"
        )
    return title, text


def docx_text(content: bytes, limits: ReadingLimits) -> tuple[str, str]:
    """Title and text of a docx; headings as Markdown headings, table rows as lines."""
    _check_unpacked(content, limits)
    import docx
    from docx.table import Table

    try:
        opened = docx.Document(io.BytesIO(content))
        parts: list[str] = []
        for part in opened.iter_inner_content():
            if isinstance(part, Table):
                parts += [". ".join(dict.fromkeys(cell.text.strip() for cell in row.cells)) for row in part.rows]
            else:
                style = (part.style.name or "") if part.style is not None else ""
                level = int(style[-1]) if style.startswith("Heading ") and style[-1].isdigit() else 0
                parts.append(f"{'#' * min(level, 6)} {part.text}" if level else part.text)
        title = opened.core_properties.title or ""
    except Exception as error:  # untrusted xml: the parser may raise anything
        raise SkipError(
            SkipReason.BROKEN, f"the docx cannot be parsed ({type(error).__name__}: {error})"[:300]
        ) from error
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    check_length(len(text), limits)
    return title, text


def check_length(characters: int, limits: ReadingLimits) -> None:
    """Raises SkipError beyond the limit of characters."""
    if characters > limits.characters_max:
        raise SkipError(
            SkipReason.TOO_LARGE,
            f"{characters} characters of text, over the limit of {limits.characters_max}; split it",
        )


def _check_unpacked(content: bytes, limits: ReadingLimits) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            declaring = [one.filename for one in entries if one.filename.endswith(".xml") and _declares(archive, one)]
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, NotImplementedError, EOFError) as error:
        if content.startswith(b"\xd0\xcf\x11\xe0"):  # an encrypted docx is an OLE container
            raise SkipError(
                SkipReason.ENCRYPTED, "the file is an encrypted or an old Word document; save it as docx"
            ) from error
        raise SkipError(SkipReason.BROKEN, f"the docx is no zip archive ({error})") from error
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked_bytes_max or len(entries) > 10_000:
        raise SkipError(
            SkipReason.TOO_EXPANDED,
            f"unpacks to {unpacked} bytes in {len(entries)} parts, over the limit of {limits.unpacked_bytes_max} bytes",
        )
    if declaring:
        raise SkipError(
            SkipReason.BROKEN, f"{declaring[0]} declares entities of its own, as no word processor does; save it anew"
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise SkipError(SkipReason.ENCRYPTED, "the docx is encrypted; save it without a password")


def _declares(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Whether a part begins with a document type, whose entities would be left out of the text without a word."""
    if entry.flag_bits & 1:
        return False  # encrypted: told of as such
    with archive.open(entry) as part:
        return b"<!DOCTYPE" in part.read(2048)
