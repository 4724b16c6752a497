"""Sets are never changed, only derived from."""

from __future__ import annotations

import pytest

from clustering import (
    AnchorKind,
    Persona,
    PersonaInputError,
    PersonaSet,
    drop_personas,
    edit_persona,
    given_persona_set,
    merge_personas,
    persona_from_texts,
    pin_personas,
    render_persona,
)  # fmt: skip


@pytest.fixture
def panel() -> PersonaSet:
    nurse = persona_from_texts("nurse", ["I never sit down.", "My back hurts.", "We are too few."])
    patient = persona_from_texts("patient", ["I wait."])
    return given_persona_set([nurse, patient])


def test_given_texts_are_personas_with_given_provenance(panel: PersonaSet) -> None:
    nurse, patient = panel.personas
    assert {one.kind for one in nurse.provenance.values()} == {"given"}
    assert (nurse.warnings, patient.warnings) == ((), ("sparse_card",))
    assert [group.id for group in panel.groups] == ["nurse", "patient"]


def test_a_given_card_that_says_little_is_sparse() -> None:
    card = Persona(id="p", name="P", stakeholder="p", group_id="p", perspective="x")
    full = card.model_copy(update={"id": "q", "background": "Twenty years on nights."})
    assert [one.warnings for one in given_persona_set([card, full]).personas] == [("sparse_card",), ()]


def test_every_change_names_its_parent_and_leaves_it_alone(panel: PersonaSet) -> None:
    before = panel.content_hash
    edited = edit_persona(panel, "nurse-1", background="Twenty years on nights.")
    assert (edited.parent, panel.content_hash, edited.method) == (before, before, "edited")
    assert edited.personas[0].provenance["background"].kind == "given"
    merged = merge_personas(edited, ["nurse-1", "patient-1"], name="the ward")
    assert [len(one.excerpts) for one in merged.personas] == [4]
    assert (merged.parent, merged.personas[0].name, merged.personas[0].weight) == (edited.content_hash, "the ward", 2.0)
    assert [one.id for one in drop_personas(panel, ["nurse-1"]).personas] == ["patient-1"]


def test_what_cannot_be_done_is_refused(panel: PersonaSet) -> None:
    pinned = pin_personas(panel, ["nurse-1"])
    with pytest.raises(PersonaInputError, match="pinned"):
        drop_personas(pinned, ["nurse-1"])
    with pytest.raises(PersonaInputError, match="merged away"):
        merge_personas(pinned, ["patient-1", "nurse-1"])
    with pytest.raises(PersonaInputError, match="at least one"):
        drop_personas(panel, ["nurse-1", "patient-1"])
    with pytest.raises(PersonaInputError, match="no persona 'x'"):
        drop_personas(panel, ["x"])
    with pytest.raises(PersonaInputError, match="cannot be edited"):
        edit_persona(panel, "nurse-1", id="other")
    with pytest.raises(PersonaInputError, match="weight"):
        edit_persona(panel, "nurse-1", weight=-1)
    with pytest.raises(PersonaInputError, match="stand twice"):
        given_persona_set([*panel.personas, panel.personas[0]])
    with pytest.raises(PersonaInputError, match="empty"):
        given_persona_set([])


def test_the_four_anchors_show_more_and_more(panel: PersonaSet) -> None:
    nurse: Persona = panel.personas[0]
    texts = [
        render_persona(nurse, anchor)
        for anchor in (AnchorKind.NONE, AnchorKind.ROLE, AnchorKind.CARD, AnchorKind.EXCERPTS)
    ]
    assert "nurse" not in texts[0]
    assert texts[1] == "You are a nurse."
    assert "Looks at" in texts[2]
    assert "My back hurts." not in texts[2]
    assert "My back hurts." in texts[3]
    assert render_persona(panel.personas[1], AnchorKind.NONE) == texts[0]
