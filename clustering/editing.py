"""Persona sets that people give or change; every change is a new set that names its parent."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from clustering.calibration import CALIBRATION_WARNINGS, MARGINS_LOST
from clustering.composing import SPARSE_CARD, slug
from clustering.demographics import FIELD as DEMOGRAPHICS
from clustering.demographics import warned
from clustering.errors import PersonaInputError
from clustering.excerpts import SPARSE_EXCERPTS
from clustering.persona import Excerpt, Persona, PersonaSet, Provenance, StakeholderGroup

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
    return PersonaSet(
        personas=marked, groups=_groups(marked), method="given", statistics={"personas": len(marked)},
        warnings=warned((), marked),
    )  # fmt: skip


def _as_given(persona: Persona) -> Persona:
    given = {
        field: Provenance(kind="given")
        for field in _PROVENANCE_FIELDS
        if getattr(persona, field) and field not in persona.provenance
    }
    warnings = dict.fromkeys((*persona.warnings, *((SPARSE_CARD,) if _is_sparse(persona) else ())))
    return persona.model_copy(
        update={"provenance": {**given, **persona.provenance}, "warnings": warned(tuple(warnings), [persona])}
    )


def _is_sparse(persona: Persona) -> bool:
    """Few words of its own, and nothing else on the card that would bind a model."""
    described = persona.background or persona.specialty or persona.traits or persona.relationships
    return len(persona.excerpts) < SPARSE_EXCERPTS and not described


def _groups(personas: Sequence[Persona]) -> tuple[StakeholderGroup, ...]:
    by_id: dict[str, list[Persona]] = {}
    for persona in personas:
        by_id.setdefault(persona.group_id, []).append(persona)
    return tuple(
        StakeholderGroup(id=group_id, name=members[0].stakeholder, size=len(members))
        for group_id, members in by_id.items()
    )


def persona_from_texts(stakeholder: str, texts: Sequence[str], *, name: str = "", perspective: str = "") -> Persona:
    """A persona whose words are given as they are: a journal, an interview, an answer in the first person."""
    said = tuple(Excerpt(quote=text.strip(), span=None) for text in texts if text.strip())
    if not said or not stakeholder.strip():
        raise PersonaInputError(f"a persona needs a stakeholder (got {stakeholder!r}) and at least one text of its own")
    given = Provenance(kind="given")
    return Persona(
        id=f"{slug(stakeholder)}-1", name=name or stakeholder, stakeholder=stakeholder, group_id=slug(stakeholder),
        perspective=perspective or "Looks at what its own words ask for.", excerpts=said,
        provenance={"name": given, "stakeholder": given, "perspective": given, "excerpts": given},
        warnings=(SPARSE_CARD,) if len(said) < SPARSE_EXCERPTS else (),
    )  # fmt: skip


def drop_personas(persona_set: PersonaSet, ids: Sequence[str]) -> PersonaSet:
    """The set without some personas. Raises PersonaInputError for an unknown or pinned one, or where none is left."""
    dropped = {_find(persona_set, one).id for one in ids}
    if pinned := sorted(one.id for one in persona_set.personas if one.id in dropped and one.pinned):
        raise PersonaInputError(f"pinned personas cannot be dropped: {pinned!r}; unpin them first")
    left = tuple(one for one in persona_set.personas if one.id not in dropped)
    if not left:
        raise PersonaInputError("no persona would be left; keep at least one")
    return _derived(persona_set, left)


def edit_persona(persona_set: PersonaSet, persona_id: str, /, **changes: object) -> PersonaSet:
    """The set with some fields of one persona rewritten; they are `given` from then on.

    Raises PersonaInputError for an unknown persona or field, or a value of the wrong type.
    """
    persona = _find(persona_set, persona_id)
    allowed = {*_PROVENANCE_FIELDS, "weight"} - {"excerpts"}
    if unknown := sorted(set(changes) - allowed):
        raise PersonaInputError(f"fields {unknown!r} cannot be edited; use one of {sorted(allowed)!r}")
    given = {field: Provenance(kind="given") for field in changes if field in _PROVENANCE_FIELDS}
    data = {**persona.model_dump(), **changes, "provenance": {**persona.provenance, **given}}
    try:
        edited = _with_origins(Persona.model_validate(data), persona)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PersonaInputError(f"persona {persona_id!r}, field {place!r}: {first['msg']}") from error
    return _replaced(persona_set, edited)


def _with_origins(edited: Persona, before: Persona) -> Persona:
    """The persona with an origin for each demographic that it has: the old one where the value is the old one."""
    if edited.demographics == before.demographics:
        return edited
    prefix = f"{DEMOGRAPHICS}."
    kept = {name: origin for name, origin in edited.provenance.items() if not name.startswith(prefix)}
    for name, value in edited.demographics.items():
        old = before.provenance.get(prefix + name)
        kept[prefix + name] = old if old and before.demographics.get(name) == value else Provenance(kind="given")
    return edited.model_copy(update={"provenance": kept, "warnings": warned(edited.warnings, [edited])})


def pin_personas(persona_set: PersonaSet, ids: Sequence[str], *, pinned: bool = True) -> PersonaSet:
    """The set with some personas pinned (they cannot be dropped or merged away) or unpinned."""
    chosen = {_find(persona_set, one).id for one in ids}
    personas = tuple(
        one.model_copy(update={"pinned": pinned}) if one.id in chosen else one for one in persona_set.personas
    )
    return _derived(persona_set, personas)


def merge_personas(persona_set: PersonaSet, ids: Sequence[str], *, name: str | None = None) -> PersonaSet:
    """The set with several personas as one: the first keeps its card and takes the others' excerpts and weights."""
    chosen = [_find(persona_set, one) for one in dict.fromkeys(ids)]
    if len(chosen) < 2:
        raise PersonaInputError(f"a merge needs two personas or more, got {list(ids)!r}")
    if pinned := [one.id for one in chosen[1:] if one.pinned]:
        raise PersonaInputError(f"pinned personas cannot be merged away: {pinned!r}; name them first or unpin them")
    first, rest = chosen[0], chosen[1:]
    excerpts = tuple(dict.fromkeys(excerpt for one in chosen for excerpt in one.excerpts))
    spans = tuple(dict.fromkeys(excerpt.span for excerpt in excerpts if excerpt.span))
    provenance = {**first.provenance, "excerpts": Provenance(kind="document" if spans else "given", spans=spans)}
    if name:
        provenance["name"] = Provenance(kind="given")
    merged = first.model_copy(
        update={
            "name": name or first.name, "excerpts": excerpts, "weight": sum(one.weight for one in chosen),
            "traits": tuple(dict.fromkeys(trait for one in chosen for trait in one.traits)), "provenance": provenance,
            "warnings": warned((SPARSE_CARD,) if len(excerpts) < SPARSE_EXCERPTS else (), [first]),
        }
    )  # fmt: skip
    gone = {one.id for one in rest}
    return _derived(
        persona_set,
        tuple(merged if one.id == first.id else one for one in persona_set.personas if one.id not in gone),
    )


def _find(persona_set: PersonaSet, persona_id: str) -> Persona:
    for one in persona_set.personas:
        if one.id == persona_id:
            return one
    known = [one.id for one in persona_set.personas]
    raise PersonaInputError(f"no persona {persona_id!r} in the set; it has {known!r}")


def _replaced(persona_set: PersonaSet, persona: Persona) -> PersonaSet:
    return _derived(persona_set, tuple(persona if one.id == persona.id else one for one in persona_set.personas))


def _derived(persona_set: PersonaSet, personas: tuple[Persona, ...]) -> PersonaSet:
    changed: dict[str, object] = {"personas": personas, "method": "edited", "parent": persona_set.content_hash}
    warnings = warned(persona_set.warnings, personas)
    if persona_set.calibration and _weights(personas) != _weights(persona_set.personas):
        warnings = (*(one for one in warnings if one not in CALIBRATION_WARNINGS), MARGINS_LOST)
        changed["calibration"] = None
    changed["warnings"] = warnings
    return persona_set.model_copy(update=changed)


def _weights(personas: tuple[Persona, ...]) -> list[tuple[str, float]]:
    return [(one.id, one.weight) for one in personas]
