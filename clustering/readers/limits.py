"""What one file may cost, and why a file was skipped."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SkipReason(StrEnum):
    """Why a file, or one row of it, gave no document."""

    BROKEN = "broken"
    ENCRYPTED = "encrypted"
    EMPTY = "empty"
    SCANNED = "scanned"
    """A pdf of pictures: it has pages but no text; run it through text recognition first."""
    BINARY = "binary"
    TOO_LARGE = "too_large"
    TOO_EXPANDED = "too_expanded"
    """Small as a file, huge when unpacked."""
    INVALID_UTF8 = "invalid_utf8"
    UNSAFE_NAME = "unsafe_name"
    UNSUPPORTED = "unsupported"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"
    """The operating system refused."""


class Skipped(BaseModel):
    """A file that gave no document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    reason: SkipReason
    detail: str
    """What was found and what to do, in one sentence."""


class ReadingLimits(BaseModel):
    """Limits per file; a file beyond one is skipped by name, the others are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes_max: int = Field(default=32 * 2**20, ge=1)
    """A book is 1 MB of text; 32 MB holds every pdf worth reading as text."""
    characters_max: int = Field(default=10_000_000, ge=1)
    """Of text, after unpacking."""
    unpacked_bytes_max: int = Field(default=256 * 2**20, ge=1)
    """Of a docx when unzipped."""
    pages_max: int = Field(default=2_000, ge=1)
    rows_max: int = Field(default=200_000, ge=1)
    """Of a jsonl or csv file."""
    files_max: int = Field(default=10_000, ge=1)
    invalid_utf8: Literal["skip", "replace"] = "skip"
    """`replace` puts U+FFFD where bytes are no UTF-8; `skip` skips the file."""


class SkipError(Exception):
    """Ends the reading of one file; never leaves the package."""

    def __init__(self, reason: SkipReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
