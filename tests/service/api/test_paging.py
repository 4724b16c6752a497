"""Lists: a cursor walks every row once, whatever is added meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.cursor import Place, decode_cursor, encode_cursor
from service.api.problem import ProblemError
from tests.service.api.conftest import RUBRIC, Service


async def test_a_cursor_walks_every_row_once(service: Service) -> None:
    made = []
    for number in range(7):
        response = await service.client.post("/v1/rubrics", json={**RUBRIC, "name": f"Rubric {number}"})
        made.append(response.json()["id"])
    seen, path = [], "/v1/rubrics?limit=3"
    while path:
        page = (await service.client.get(path)).json()
        assert page["has_more"] is (page["next_cursor"] is not None)
        assert len(page["data"]) == (3 if page["has_more"] else 1)
        seen += [row["id"] for row in page["data"]]
        if len(seen) == 3:
            await service.client.post("/v1/rubrics", json={**RUBRIC, "name": "Added while reading"})
        path = page["next_cursor"] and f"/v1/rubrics?limit=3&cursor={page['next_cursor']}"
    assert seen == made[::-1]


@given(st.datetimes(timezones=st.just(UTC)), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_cursor_holds_its_place(moment: datetime, identity: str) -> None:
    assert decode_cursor(encode_cursor(Place(moment, identity))) == Place(moment, identity)


@given(st.text(max_size=60))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ProblemError):
        decode_cursor(text)
