"""Column types that mean the same on SQLite and on Postgres."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pydantic_core
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from service.errors import StoreDamagedError


class Moment(TypeDecorator[datetime]):
    """A time in UTC, with its zone. SQLite keeps none, so it is put back on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a time without its zone: {value!r}")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """Plain data as JSON text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else write_json(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else read_json(value)


Searched = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Plain data of ours that a query looks into, as JSON of the engine's own."""


class JsonIfReadable(Json):
    """The same, where one damaged value among many counts as missing."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        try:
            return super().process_result_value(value, dialect)
        except StoreDamagedError:
            return None


def write_json(value: Any) -> str:
    """Plain data as JSON that neither engine minds: a NUL and a lone surrogate are escaped.

    pydantic's writer takes a tenth of the time of Python's, which is left with what has no UTF-8.
    """
    try:
        return pydantic_core.to_json(value).decode()
    except pydantic_core.PydanticSerializationError:
        return json.dumps(value, separators=(",", ":"))


def read_json(value: str) -> Any:
    """The plain data of a stored JSON text. Raises StoreDamagedError."""
    try:
        return json.loads(value)
    except ValueError:
        raise StoreDamagedError(_not_json(value)) from None  # the error would quote what may be a document


def _not_json(value: str) -> str:
    return f"a stored value of {len(value)} characters is not JSON; restore the database from a copy"


_SHORT_BYTES = 512
"""Beginning to compress takes as long as for thousands of bytes, and so few lose but a quarter."""


def pack(text: str) -> bytes:
    """A long text, compressed: transcripts and judged texts shrink about fourfold. A short one is only wrapped."""
    data = text.encode("utf-8", "surrogatepass")
    return zlib.compress(data, 0 if len(data) < _SHORT_BYTES else 1)


def unpack(data: bytes) -> str:
    """What was packed. Raises StoreDamagedError."""
    try:
        return zlib.decompress(data).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError) as error:
        raise StoreDamagedError(
            f"a stored text of {len(data)} bytes cannot be unpacked; restore the database from a copy"
        ) from error


class Packed(TypeDecorator[str]):
    """A long text, packed."""

    impl = sa.LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> bytes | None:
        return None if value is None else pack(value)

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> str | None:
        return None if value is None else unpack(value)
