"""Large bodies: read as they come, kept on disk, never whole in memory."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from service.api.problem import ProblemError

CHUNK_BYTES = 1 << 20


class Spooled:
    """A body on disk, and the sha256 of its bytes."""

    def __init__(self, file: BinaryIO, path: Path, digest: bytes) -> None:
        self._file = file
        self.path = path
        self.digest = digest

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body again, from its beginning."""
        self._file.seek(0)
        while chunk := await asyncio.to_thread(self._file.read, CHUNK_BYTES):
            yield chunk


@asynccontextmanager
async def spooled(chunks: AsyncIterable[bytes], folder: Path) -> AsyncIterator[Spooled]:
    """The body as a file in `folder` that is gone when the block ends."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="body-") as file:
        digest = hashlib.sha256()
        async for chunk in chunks:
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(file.flush)
        yield Spooled(file, Path(file.name), digest.digest())  # type: ignore[arg-type]


async def split_first_line(chunks: AsyncIterable[bytes], longest: int) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first line without its end, and everything after it. Raises a problem where it is longer than `longest`."""
    source = aiter(chunks)
    head = b""
    async for chunk in source:
        head += chunk
        if b"\n" in chunk:
            break
        if len(head) > longest:
            raise ProblemError("invalid-batch", f"line 1 is longer than {longest} bytes")
    line, _, rest = head.partition(b"\n")

    async def remaining() -> AsyncIterator[bytes]:
        if rest:
            yield rest
        async for chunk in source:
            yield chunk

    return line, remaining()
