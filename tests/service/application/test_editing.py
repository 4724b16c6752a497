"""A persona set is never changed: an edit makes another, which names it."""

from __future__ import annotations

from typing import Any

import pytest

from service.application import PersonaMerge, PersonaSetEdit, PersonaSetRequest, open_application
from service.errors import InvalidRequestError, NotFoundError


async def test_an_edit_is_a_new_set_with_its_parent(sqlite_settings: Any, personas: Any) -> None:
    async with open_application(sqlite_settings) as app:
        old = await app.persona_sets.create("me", PersonaSetRequest(name="judges", personas=personas))
        edit = PersonaSetEdit(change={"p0": {"name": "Ada"}}, merge=(PersonaMerge(ids=("p1", "p2")),), pin=("p0",))
        new = await app.persona_sets.edit("me", old.id, edit)
        assert new.id != old.id
        assert (new.parent, new.name, new.personas) == (old.id, "judges", 2)
        assert new.persona_set is not None
        assert new.persona_set.parent == old.content_hash
        assert [(one.name, one.pinned) for one in new.persona_set.personas] == [("Ada", True), ("Judge 1", False)]
        assert (await app.persona_sets.get("me", old.id)).persona_set == old.persona_set
        with pytest.raises(NotFoundError):
            await app.persona_sets.edit("you", old.id, edit)
        for wrong, pointer in (
            (PersonaSetEdit(drop=("nobody",)), "/drop"),
            (PersonaSetEdit(change={"p0": {"secret": 1}}), "/change/p0"),
            (PersonaSetEdit(change={"p0": {"persona_id": "p1"}}), "/change/p0"),
            (PersonaSetEdit(change={"a/b": {"name": "x"}}), "/change/a~1b"),
            (PersonaSetEdit(merge=(PersonaMerge(ids=("p0", "nobody")),)), "/merge/0"),
        ):
            with pytest.raises(InvalidRequestError) as caught:
                await app.persona_sets.edit("me", old.id, wrong)
            assert caught.value.problems[0].pointer == pointer
