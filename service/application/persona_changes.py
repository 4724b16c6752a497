"""What makes one persona set out of another: edits and calibration; errors name the place in the request."""

from __future__ import annotations

from collections.abc import Sequence

from clustering import CalibrationError, PersonaInputError, PersonaSet
from service.application.requests import PersonaSetCalibration, PersonaSetEdit
from service.errors import InvalidRequestError, Problem


def edited_set(persona_set: PersonaSet, edit: PersonaSetEdit) -> PersonaSet:
    """The set with the changes. Raises InvalidRequestError that names the change."""
    from clustering import drop_personas, edit_persona, merge_personas, pin_personas

    pointer = ""
    original = persona_set
    try:
        if edit.unpin:
            pointer = "/unpin"
            persona_set = pin_personas(persona_set, edit.unpin, pinned=False)
        if edit.drop:
            pointer = "/drop"
            persona_set = drop_personas(persona_set, edit.drop)
        for index, merge in enumerate(edit.merge):
            pointer = f"/merge/{index}"
            persona_set = merge_personas(persona_set, merge.ids, name=merge.name)
        for persona_id, changes in edit.change.items():
            pointer = _pointer(("change", persona_id))
            persona_set = edit_persona(persona_set, persona_id, **changes)
        pointer = "/pin"
        persona_set = pin_personas(persona_set, edit.pin) if edit.pin else persona_set
    except PersonaInputError as error:
        raise InvalidRequestError(str(error), [Problem(pointer, str(error), "cannot_be_edited")]) from error
    return persona_set.model_copy(update={"parent": original.content_hash})


def calibrated_set(persona_set: PersonaSet, asked: PersonaSetCalibration) -> PersonaSet:
    """The set with raked weights. Raises InvalidRequestError that names the margin or the attribute."""
    from clustering import calibrate_personas

    try:
        return calibrate_personas(persona_set, asked.attributes, asked.margins)
    except CalibrationError as error:
        raise InvalidRequestError(str(error), [Problem(_pointer(error.place), str(error), error.code)]) from error


def _pointer(place: Sequence[str]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in place)
