"""Pages of a list: `limit` rows from a cursor on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict

from service.api.cursor import Place, decode_cursor, encode_cursor
from service.application import Page

T = TypeVar("T")
_Row = TypeVar("_Row", bound="_Placed")


class _Placed(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def created_at(self) -> Any: ...


class Paging(BaseModel):
    """Which page of a list is asked for."""

    model_config = ConfigDict(frozen=True)

    after: tuple[Any, str] | None
    limit: int


def _paging(
    limit: Annotated[int, Query(ge=1, le=100, description="Rows of a page.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=400, description="`next_cursor` of the page before; absent for the first.")
    ] = None,
) -> Paging:
    return Paging(after=None if cursor is None else decode_cursor(cursor), limit=limit)


Paged = Annotated[Paging, Depends(_paging)]


class Listing(BaseModel, Generic[T]):
    """One page of a list, newest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: tuple[T, ...]
    has_more: bool
    next_cursor: str | None
    """Give it as `cursor` for the rows that follow; null on the last page."""


def listing(page: Page[_Row], answer: Callable[[_Row], T]) -> Listing[T]:
    """The page with each row as it is answered."""
    last = page.rows[-1] if page.rows and page.has_more else None
    return Listing(
        data=tuple(answer(row) for row in page.rows),
        has_more=page.has_more,
        next_cursor=None if last is None else encode_cursor(Place(last.created_at, last.id)),
    )
