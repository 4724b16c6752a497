"""Persona sets that people give or change; every change is a new set that names its parent."""

from __future__ import annotations

from collections.abc import Sequence

from clustering.errors import PersonaInputError
from clustering.persona import Persona, PersonaSet, Provenance, StakeholderGroup

_PROVENANCE_FIELDS = ("name", "stakeholder", "perspective", "specialty", "background", "traits", "relationships",
                      "demographics", "excerpts")  # fmt: skip


def given_persona_set(personas: Sequence[Persona]) -> PersonaSet:
    """A set of personas written by the user; groups follow from their `group_id`, every field is `given`.

    Raises PersonaInputError for an empty sequence or a persona id that stands twice.
    """
    if not personas:
        raise PersonaInputError("a persona set needs at least one persona; `personas` is empty")
    ids = [persona.id for persona in personas]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise PersonaInputError(f"persona ids stand twice: {twice!r}; give every persona its own id")
    marked = tuple(_as_given(persona) for persona in personas)
    return PersonaSet(personas=marked, groups=_groups(marked), method="given", statistics={"personas": len(marked)})


def _as_given(persona: Persona) -> Persona:
    given = {
        field: Provenance(kind="given")
        for field in _PROVENANCE_FIELDS
        if getattr(persona, field) and field not in persona.provenance
    }
    return persona.model_copy(update={"provenance": {**given, **persona.provenance}})


def _groups(personas: Sequence[Persona]) -> tuple[StakeholderGroup, ...]:
    by_id: dict[str, list[Persona]] = {}
    for persona in personas:
        by_id.setdefault(persona.group_id, []).append(persona)
    return tuple(
        StakeholderGroup(id=group_id, name=members[0].stakeholder, size=len(members))
        for group_id, members in by_id.items()
    )
