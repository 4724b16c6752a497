"""`options.demographics`: what documents state of their speakers, on the card, on the page and on the map."""

from __future__ import annotations

from typing import Any

from tests.service.api.conftest import Serve, Service, completed, problem

INTERVIEW = (
    "I am 54 and live with my cat. I am a ward nurse. I live in <b>Leeds</b>, no: I live in Leeds.\n\n"
    "I want the drug chart at the bedside, because the trolley is never where I need it.\n\n"
    "I need a chair in the corridor, since my legs are tired after the round. My mother is 81 years old."
)


async def built(service: Service, **options: Any) -> dict[str, Any]:
    asked = {"documents": [{"text": INTERVIEW, "title": "maria"}], "options": options}
    made = await service.client.post("/v1/persona-sets", json=asked)
    assert made.status_code == 202, made.text
    return await completed(service.client, made.headers["location"])


async def test_stated_demographics_are_shown_with_their_passages_only_when_asked_for(serve: Serve) -> None:
    async with serve(work=True) as service:
        asked, plain = await built(service, demographics=True), await built(service)
        persona = asked["persona_set"]["personas"][0]
        assert persona["demographics"] == {"age": "54", "occupation": "ward nurse", "place": "Leeds"}
        (span,) = persona["provenance"]["demographics.age"]["spans"]
        document = (await service.client.get(f"/v1/documents/{span['document_id']}")).json()
        assert document["text"][span["start"] : span["end"]] == "I am 54 and live with my cat."
        assert asked["persona_set"]["warnings"] == ["demographics_may_bias"]
        assert asked["persona_set"]["parameters"]["demographics"] is True
        points = (await service.client.get(f"/v1/persona-sets/{asked['id']}/map")).json()["points"]
        assert points[0]["demographics"]["age"] == "54"
        page = (await service.client.get(f"/persona-sets/{asked['id']}")).text
        assert "scores may follow who somebody is" in page
        assert ", age 54, " in page, "on the map"
        assert f"/documents/{span['document_id']}?start={span['start']}&amp;end={span['end']}" in page

        assert plain["persona_set"]["personas"][0]["demographics"] == {}
        assert plain["content_hash"] != asked["content_hash"]
        points = (await service.client.get(f"/v1/persona-sets/{plain['id']}/map")).json()["points"]
        assert all("demographics" not in point for point in points)
        assert "age 54" not in (await service.client.get(f"/persona-sets/{plain['id']}")).text


async def test_an_estimate_counts_the_longer_question(service: Service) -> None:
    asked = {"documents": [{"text": INTERVIEW}], "model": "simulated"}
    told = [
        (
            await service.client.post("/v1/persona-sets", params={"dry_run": True}, json=asked | {"options": options})
        ).json()
        for options in ({}, {"demographics": True})
    ]
    assert told[1]["input_tokens"] > told[0]["input_tokens"]


async def test_a_model_that_makes_things_up_describes_nobody(serve: Serve) -> None:
    """The simulated judge fills every field of the asked schema, true or not."""
    async with serve(work=True) as service:
        asked = {"documents": [{"text": INTERVIEW}], "options": {"demographics": True}, "model": "simulated"}
        made = await service.client.post("/v1/persona-sets", json=asked)
        done = await completed(service.client, made.headers["location"])
        for persona in done["persona_set"]["personas"]:
            for name, value in persona["demographics"].items():
                (span,) = persona["provenance"][f"demographics.{name}"]["spans"]
                assert value in INTERVIEW[span["start"] : span["end"]]
        assert "demographics_dropped" in done["persona_set"]["statistics"]


async def test_an_option_that_is_none_is_named(service: Service) -> None:
    body = {"documents": [{"text": INTERVIEW}], "options": {"demographics": "perhaps"}}
    told = problem(await service.client.post("/v1/persona-sets", json=body), "invalid-request")
    assert told["errors"][0]["pointer"] == "/options/demographics"
