"""Demographics are what documents state of those who speak in them: never guessed, never a model's invention."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustering import (
    AnchorKind,
    Document,
    Embedder,
    Persona,
    PersonaOptions,
    PersonaSet,
    build_persona_set,
    edit_persona,
    given_persona_set,
    render_persona,
)
from clustering.extraction import extract_with_model, extraction_prompt
from clustering.stated import find_stated, supports
from tests.clustering.test_extraction import ScriptedModel

ASKED = PersonaOptions(demographics=True)
INTERVIEW = Document(
    id="maria",
    text=(
        "I am 54 and live with my cat. I am a ward nurse. I live in Leeds and have two sons.\n\n"
        "I have worked on this ward for over twenty years. I want the drug chart at the bedside, because the trolley is never "
        "where I need it. My mother is 81 years old and says I am a saint.\n\n"
        "I fear the handover: if I am 60 years old and still on nights, I will not hear half of it. "
        + "I need a chair in the corridor, since my legs are tired after the round. "
        * 6
    ),
)


@pytest.mark.parametrize(
    ("sentence", "stated"),
    [
        ("I am a 54-year-old nurse.", {"age": "54", "occupation": "nurse"}),
        ("I’m 54 and I work as a bus driver.", {"age": "54", "occupation": "bus driver"}),
        ("As a fifty-four year old woman, I want a chair.", {"age": "fifty-four", "gender": "woman"}),
        ("As a woman in engineering, I fear the car park.", {"gender": "woman"}),
        ("I am in my late fifties.", {"age": "late fifties"}),
        ("I now live in Stoke-on-Trent.", {"place": "Stoke-on-Trent"}),
        ("I live in a small village near Hay-on-Wye, Wales.", {"place": "a small village near Hay-on-Wye, Wales"}),
        ("I have worked on this ward for over twenty years.", {"experience": "over twenty years"}),
        ("I have 12 years of experience.", {"experience": "12 years"}),
        ("I have a PhD in molecular biology.", {"education": "PhD in molecular biology"}),
        ("I have two children and a dog.", {"family": "two children"}),
        ("My first language is Welsh.", {"language": "Welsh"}),
        ("I am a retired teacher living in Leeds.", {"occupation": "retired teacher"}),
    ],
)
def test_what_a_speaker_states_is_taken_in_their_own_words(sentence: str, stated: dict[str, str]) -> None:
    assert {one.attribute: sentence[one.start : one.end] for one in find_stated(sentence)} == stated


@pytest.mark.parametrize(
    "sentence",
    [
        "My mother is a 54-year-old nurse.",
        "My mother says I am 54.",
        "If I am 54 years old, I retire.",
        "I feel like I am 80.",
        "I am not 54 years old.",
        "I am 54 kilometres away.",
        "I am 54% sure.",
        "I am 5.",
        "I am 3.5 on that scale.",
        "We are 54 nurses.",
        "We met a 54-year-old woman.",
        "I am here for the old man.",
        "I live in Excel all day.",
        "I live in fear.",
        "I have waited for 3 years.",
        "I have been a patient here for 20 years.",
        "I was a 20-year-old student.",
        "I am a patient.",
        "The nurse is 54 years old.",
    ],
)
def test_what_is_supposed_denied_or_said_of_others_is_left_out(sentence: str) -> None:
    assert list(find_stated(sentence)) == []


async def test_every_value_has_a_span_that_states_it(hashed: Embedder) -> None:
    found = await build_persona_set([INTERVIEW], options=ASKED, embedder=hashed)
    (persona,) = found.personas
    assert persona.demographics == {
        "age": "54", "occupation": "ward nurse", "place": "Leeds", "experience": "over twenty years",
    }  # fmt: skip
    for name, value in persona.demographics.items():
        origin = persona.provenance[f"demographics.{name}"]
        assert origin.kind == "document"
        assert all(value in INTERVIEW.text[span.start : span.end] for span in origin.spans)
        assert origin.spans
    assert "demographics_may_bias" in persona.warnings
    assert "demographics_may_bias" in found.warnings
    assert found.statistics["demographics_stated"] == 4
    assert {"age": "54"}.items() <= found.map[0].demographics.items()
    assert "Demographics: age: 54, " in render_persona(persona, AnchorKind.CARD)
    assert "54" not in render_persona(persona, AnchorKind.ROLE)


async def test_without_the_option_nothing_is_told_or_stored(hashed: Embedder) -> None:
    found = await build_persona_set([INTERVIEW], embedder=hashed)
    asked = await build_persona_set([INTERVIEW], options=ASKED, embedder=hashed)
    assert found.content_hash != asked.content_hash
    assert [one.demographics for one in found.personas] == [{}]
    assert found.warnings == ()
    assert all("demographics" not in point for point in found.model_dump(mode="json")["map"])
    assert not [name for name in found.statistics if "demographic" in name]
    assert "Demographics" not in render_persona(found.personas[0], AnchorKind.EXCERPTS)
    again = PersonaSet.model_validate_json(asked.model_dump_json(exclude={"content_hash"}))
    assert again.content_hash == asked.content_hash


async def test_an_age_names_no_stakeholder(hashed: Embedder) -> None:
    found = await build_persona_set(
        [Document(id="a", text="As a 54-year-old ward nurse, I want a chair.")], embedder=hashed
    )
    assert found.personas[0].stakeholder == "ward nurse"


async def test_speakers_who_differ_leave_the_persona_without_a_value(hashed: Embedder) -> None:
    documents = [
        Document(id="a", text="I am a 54-year-old nurse. I live in Leeds. I want a chair on the ward."),
        Document(id="b", text="I am a 31-year-old nurse. I want a chair in the ward, please."),
    ]
    found = await build_persona_set(documents, options=ASKED, embedder=hashed)
    (persona,) = found.personas
    assert persona.demographics == {"occupation": "nurse", "place": "Leeds"}
    assert found.statistics["demographics_differing"] == 1
    assert sorted(point.demographics["age"] for point in found.map) == ["31", "54"]


@pytest.mark.parametrize(("ages", "told"), [((51, 52, 53), {}), ((52, 52, 52), {"age": "52"})])
async def test_those_who_say_the_same_speak_for_themselves(
    ages: tuple[int, ...], told: dict[str, str], hashed: Embedder
) -> None:
    """They are one statement, three times: a persona of them is not of the first one's age, unless all are."""
    words = (
        "I am {} and a ward nurse. I want the drug chart at the bedside, because the trolley is never where I need it."
    )
    documents = [Document(id=str(number), text=words.format(age)) for number, age in enumerate(ages)]
    found = await build_persona_set(documents, options=ASKED, embedder=hashed)
    assert found.statistics["repetitions_merged"] == 2
    assert [persona.demographics.get("age") for persona in found.personas] == [told.get("age")]
    assert [point.demographics.get("age") for point in found.map] == [told.get("age")]
    assert found.statistics["demographics_differing"] == (0 if told else 1)
    spans = found.personas[0].provenance["demographics.age"].spans if told else ()
    assert len(spans) == (3 if told else 0), "every one's sentence bears it out"


async def test_what_one_speaker_states_is_not_anothers(hashed: Embedder) -> None:
    nurse = "Ward nurse: I am 54. " + "I want the chart at the bedside, where I can read it. " * 6
    text = f"{nurse}\n\nPatient: " + "I want to read my own results before the round. " * 6
    found = await build_persona_set(
        [Document(id="a", text=text)],
        options=PersonaOptions(demographics=True, single_voices=True), embedder=hashed,
    )  # fmt: skip
    assert {one.stakeholder: one.demographics for one in found.personas} == {
        "ward nurse": {"age": "54"}, "patient": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        'I care for my father. "I am 81 years old," he told me. I want help at night.',
        "I care for my father. He said: “I am tired. I am 81 years old.” I want help at night.",
    ],
)
async def test_the_words_of_somebody_quoted_are_theirs(text: str, hashed: Embedder) -> None:
    found = await build_persona_set([Document(id="a", text=text)], options=ASKED, embedder=hashed)
    assert [one.demographics for one in found.personas] == [{}]


async def test_fields_of_a_row_are_given(hashed: Embedder) -> None:
    metadata = {"role": "nurse", "age": "31", "sex": "f", "notes": "x" * 90, "city": "Leeds"}
    rows = [Document(id="a", text="I want a chair on the ward.", metadata=metadata)]
    found = await build_persona_set(rows, options=ASKED, embedder=hashed)
    (persona,) = found.personas
    assert persona.demographics == {"age": "31", "gender": "f", "place": "Leeds"}
    assert persona.provenance["demographics.age"].kind == "given"


def test_what_a_user_writes_is_given_and_warned_of(hashed: Embedder) -> None:
    card = Persona(
        id="p",
        name="n",
        stakeholder="s",
        group_id="g",
        perspective="x",
        background="Ten years on nights.",
        demographics={"age": "54"},
    )
    found = given_persona_set([card])
    assert (found.warnings, found.personas[0].warnings) == (("demographics_may_bias",), ("demographics_may_bias",))
    assert found.personas[0].provenance["demographics"].kind == "given"
    bare = edit_persona(found, "p", demographics={})
    assert (bare.warnings, bare.personas[0].warnings) == ((), ())


async def test_an_edited_value_is_given_and_the_others_keep_their_passages(hashed: Embedder) -> None:
    found = await build_persona_set([INTERVIEW], options=ASKED, embedder=hashed)
    (persona,) = found.personas
    edited = edit_persona(found, persona.id, demographics={"age": "55", "place": "Leeds"}).personas[0]
    assert edited.provenance["demographics.age"].kind == "given"
    assert edited.provenance["demographics.place"] == persona.provenance["demographics.place"]
    assert "demographics.experience" not in edited.provenance


def claim(attribute: str, value: str, evidence: str) -> dict[str, str]:
    return {"attribute": attribute, "value": value, "evidence": evidence}


def lies_about(*demographics: dict[str, str], name: str = "ward nurse") -> dict[str, object]:
    perspective = {"evidence": ["I want the drug chart at the bedside"], "perspective": "the chart"}
    told = {"name": name, "characteristics": "", "perspectives": [perspective], "demographics": list(demographics)}
    return {"stakeholders": [told]}


SAID = "I have worked on this ward for over twenty years."


@pytest.mark.parametrize(
    "lie",
    [
        claim("age", "37", "I am 37 years old and like it."),  # the quote is invented
        claim("age", "45", "I am 45 and live with my cat."),  # one that a fuzzy search would take for "I am 54 …"
        claim("age", "37", SAID),  # the value is
        claim("age", "twenty", SAID),  # the words are there and say something else
        claim("age", "81", "My mother is 81 years old"),  # of somebody else
        claim("age", "60", "if I am 60 years old and still on nights"),  # supposed
        claim("gender", "female", "I am a ward nurse. I live in Leeds"),  # guessed from the job
        claim("gender", "mother", "My mother is 81 years old"),
        claim("experience", "30 years", SAID),
        claim("occupation", "surgeon", SAID),
        claim("place", "York", "I live in Leeds and have two sons."),
        claim("place", "…", "I live in Leeds and have two sons."),
    ],
)
async def test_a_model_that_lies_gives_nobody_an_age(lie: dict[str, str], hashed: Embedder) -> None:
    model = ScriptedModel(lies_about(lie, claim("place", "leeds", "I live in Leeds and have two sons.")))
    found = await build_persona_set([INTERVIEW], options=ASKED, model=model, embedder=hashed)
    assert [one.demographics for one in found.personas] == [{"place": "Leeds"}]
    assert found.statistics["demographics_dropped"] == 1


async def test_a_model_cannot_give_one_speakers_age_to_another(hashed: Embedder) -> None:
    text = "Ward nurse: I am 54 years old. I want the drug chart at the bedside.\n\nPatient: I want to read it too."
    age = claim("age", "54", "I am 54 years old.")
    for name, stated in (("patient", {}), ("ward nurse", {"age": "54"})):
        model = ScriptedModel(lies_about(age, name=name))
        found = await build_persona_set([Document(id="a", text=text)], options=ASKED, model=model, embedder=hashed)
        assert [one.demographics for one in found.personas] == [stated], name


async def test_a_woman_who_works_as_a_nurse_is_one_speaker(hashed: Embedder) -> None:
    text = "I am a 54-year-old woman.\n\nI work as a ward nurse, and I want the chart at the bedside. " + (
        "I need a chair in the corridor for my legs. " * 12
    )
    found = await build_persona_set([Document(id="a", text=text)], options=ASKED, embedder=hashed)
    told = {one.stakeholder: one.demographics for one in found.personas}
    assert told["ward nurse"] == {"age": "54", "gender": "woman", "occupation": "ward nurse"}


async def test_the_third_person_counts_where_it_names_the_stakeholder(hashed: Embedder) -> None:
    text = "Ann Lee, a ward nurse aged 54, spoke first. “I want the drug chart at the bedside,” she said."
    model = ScriptedModel(lies_about(claim("age", "54 years", "Ann Lee, a ward nurse aged 54, spoke first.")))
    found = await build_persona_set([Document(id="a", text=text)], options=ASKED, model=model, embedder=hashed)
    assert [one.demographics for one in found.personas] == [{"age": "54"}]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    claims=st.lists(
        st.builds(
            claim,
            st.sampled_from(["age", "gender", "place", "occupation", "experience", "education", "family", "language"]),
            st.text(max_size=20) | st.integers(0, 120).map(str) | st.sampled_from(["woman", "Paris", "54", "9 years"]),
            st.text(max_size=60) | st.sampled_from(INTERVIEW.text.split(". ")),
        ),
        max_size=8,
    )
)
async def test_no_invented_value_reaches_a_persona(claims: list[dict[str, str]], hashed: Embedder) -> None:
    model = ScriptedModel(lies_about(*claims))
    found = await build_persona_set([INTERVIEW], options=ASKED, model=model, embedder=hashed)
    for persona in found.personas:
        for name, value in persona.demographics.items():
            (span,) = persona.provenance[f"demographics.{name}"].spans
            assert value in INTERVIEW.text[span.start : span.end]
            assert name != "age" or value == "54"
            assert name != "gender"


async def test_the_model_is_asked_otherwise_only_when_demographics_are_asked_for() -> None:
    class Listening(ScriptedModel):
        async def complete(self, request):  # type: ignore[no-untyped-def]
            self.request = request
            return await super().complete(request)

    plain, asked = Listening({"stakeholders": []}), Listening({"stakeholders": []})
    await extract_with_model([INTERVIEW], plain)
    await extract_with_model([INTERVIEW], asked, demographics=True)
    assert "demographics" not in json.dumps(plain.request.schema)
    assert "Give no age" in plain.request.messages[0].content
    assert "demographics" in json.dumps(asked.request.schema)
    assert extraction_prompt().sha256 == "da44c71d12194b9e3a8f47801b6d3c6c1cee274ec8bebfb44aef366cf592e035"


@pytest.mark.parametrize(
    ("words", "attribute", "value", "stated"),
    [
        ("Ann Lee, 54, ward nurse", "age", "54", "54"),
        ("The nurse is 54.", "age", "54 years old", "54"),
        ("The nurse waited 54 minutes.", "age", "54", None),
        ("She is not 54.", "age", "54", None),
        ("Her patients are 54 years old", "age", "54", None),
        ("Nurses have been on strike for 3 years", "experience", "3 years", "3 years"),
        ("I live in Leeds", "place", "  ", None),
    ],
)  # fmt: skip
def test_a_quote_supports_a_value_or_not(words: str, attribute: str, value: str, stated: str | None) -> None:
    place = supports(words, attribute, value)  # type: ignore[arg-type]
    assert (words[slice(*place)] if place else None) == stated
