"""POST /v1/persona-sets/{id}/calibrate: weights that match a population, and the verdict that they lead to."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest

from service.application import Scope
from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, completed, problem

POPULATION: dict[str, Any] = {
    "name": "the county",
    "margins": {"group": {"patient": 0.7, "nurse": 0.2, "engineer": 0.1}},
}
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({}, "/margins", "missing"),
    ({"margins": {}}, "/margins", "too_short"),
    ({"margins": {"group": {"patient": 1.5}}}, "/margins/group/patient", "less_than_equal"),
    ({"margins": {"hair": {"grey": 1}}}, "/margins/hair", "unknown_attribute"),
    ({"margins": {"group": {"patient": 0.5, "nurse": 0.5}}}, "/margins/group", "unknown_category"),
    ({"margins": {"group": {"patient": 0.5, "nurse": 0.1, "engineer": 0.1}}}, "/margins/group", "not_one"),
    (
        {"margins": {"group": {"patient": 0.5, "nurse": 0.2, "engineer": 0.1, "cook": 0.2}}},
        "/margins/group", "empty_category",
    ),
    (
        {"margins": {"age/sex": {"old": 1}}, "attributes": {"age/sex": {"nurse-9": "old"}}},
        "/attributes/age~1sex/nurse-9", "unknown_persona",
    ),
    ({"margins": {"age": {"old": 1}}, "attributes": {"age": {"nurse-1": "old"}}}, "/attributes/age", "missing_value"),
    (
        {
            "margins": {"age": {"old": 0.5, "young": 0.5}, "sex": {"f": 0.8, "m": 0.2}},
            "attributes": {
                "age": {"patient-1": "old", "nurse-1": "young", "engineer-1": "young"},
                "sex": {"patient-1": "m", "nurse-1": "f", "engineer-1": "f"},
            },
        },
        "/margins", "infeasible",
    ),
]  # fmt: skip


async def test_a_calibrated_set_is_another_with_weights_and_their_cost(service: Service) -> None:
    old = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS, "name": "ward"})).json()
    path, headers = f"/v1/persona-sets/{old['id']}/calibrate", {"Idempotency-Key": "calibrate-1"}
    made = await service.client.post(path, json=POPULATION, headers=headers)
    assert made.status_code == 201, made.text
    new = made.json()
    assert (new["parent"], new["name"], new["method"], new["status"]) == (
        old["id"],
        "the county",
        "edited",
        "completed",
    )
    assert [one["weight"] for one in new["persona_set"]["personas"]] == pytest.approx([2.1, 0.6, 0.3])
    calibration = new["persona_set"]["calibration"]
    assert calibration["effective_size"] == pytest.approx(3**2 / (2.1**2 + 0.6**2 + 0.3**2))
    assert calibration["margins"] == POPULATION["margins"]
    assert new["persona_set"]["warnings"] == ["only_margins_match"]
    assert new["content_hash"] != old["content_hash"]
    assert (await service.client.get(made.headers["location"])).json() == new
    assert (await service.client.get(f"/v1/persona-sets/{old['id']}")).json() == old
    again = await service.client.post(path, json=POPULATION, headers=headers)
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", new)


@pytest.mark.parametrize(("body", "pointer", "code"), BAD, ids=[f"{code}" for _, _, code in BAD])
async def test_what_gives_no_weights_names_the_place(
    service: Service, body: dict[str, Any], pointer: str, code: str
) -> None:
    old = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})).json()
    told = problem(await service.client.post(f"/v1/persona-sets/{old['id']}/calibrate", json=body), "invalid-request")
    assert (told["errors"][0]["pointer"], told["errors"][0]["code"]) == (pointer, code)


async def test_calibrating_needs_a_complete_set_the_owner_and_the_right_to_write(service: Service) -> None:
    asked = {"documents": [{"text": "As a nurse, I want to be heard."}]}
    queued = (await service.client.post("/v1/persona-sets", json=asked)).json()
    answer = await service.client.post(f"/v1/persona-sets/{queued['id']}/calibrate", json=POPULATION)
    assert "queued" in problem(answer, "conflict")["detail"]
    ada, ben = await service.key("ada", Scope.WRITE), await service.key("ben", Scope.WRITE)
    old = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS}, headers=ada)).json()
    path = f"/v1/persona-sets/{old['id']}/calibrate"
    problem(await service.client.post(path, json=POPULATION, headers=ben), "not-found")
    problem(await service.client.post(path, json=POPULATION, headers=await service.key("ada", Scope.READ)), "forbidden")
    assert (await service.client.post(path, json=POPULATION, headers=ada)).status_code == 201


async def test_a_raked_verdict_is_the_weighted_mean_of_the_same_scores(serve: Serve) -> None:
    """Two patients' votes of one group count once in the plain mean; raked, each persona counts by its weight."""
    personas = [*PERSONAS, {**PERSONAS[0], "id": "patient-2", "name": "Second patient", "perspective": "kind words"}]
    async with serve(work=True) as service:
        old = (await service.client.post("/v1/persona-sets", json={"personas": personas})).json()
        made = await service.client.post(f"/v1/persona-sets/{old['id']}/calibrate", json=POPULATION)
        weights = {one["id"]: one["weight"] for one in made.json()["persona_set"]["personas"]}
        assert weights == pytest.approx({"patient-1": 1.4, "nurse-1": 0.8, "engineer-1": 0.4, "patient-2": 1.4})
        found: dict[str, Any] = {}
        for aggregation in ("mean", "raked"):
            body = {
                "persona_set": made.json()["id"], "rubric": RUBRIC, "item": ITEM, "seed": 3,
                "models": ["simulated:persona_sd=1.5"],
                "protocol": {"arms": ["panel"], "aggregation": aggregation, "synthesis": False},
            }  # fmt: skip
            asked = await service.client.post("/v1/evaluations", json=body)
            assert asked.status_code == 202, asked.text
            await completed(service.client, asked.headers["location"])
            (run,) = (await service.client.get(asked.headers["location"] + "/runs")).json()["data"]
            whole = await service.client.get(f"{asked.headers['location']}/runs/{run['id']}")
            found[aggregation] = whole.json()["verdicts"]["panel"]["dimensions"]["clarity"]
        plain, raked = found["mean"], found["raked"]
        scores = raked["by_persona"]
        assert plain["by_persona"] == scores
        by_hand = sum(weights[one] * score for one, score in scores.items()) / sum(weights.values())
        assert raked["value"] == pytest.approx(by_hand)
        patients = fmean([scores["patient-1"], scores["patient-2"]])
        assert plain["value"] == pytest.approx(fmean([patients, scores["nurse-1"], scores["engineer-1"]]))
        assert abs(raked["value"] - plain["value"]) > 0.05


async def test_the_page_shows_the_weights_what_they_cost_and_the_warning(serve: Serve) -> None:
    async with serve(work=False) as service:
        old = (await service.client.post("/v1/persona-sets", json={"personas": PERSONAS})).json()
        made = (await service.client.post(f"/v1/persona-sets/{old['id']}/calibrate", json=POPULATION)).json()
        page = (await service.client.get(f"/persona-sets/{made['id']}")).text
        for told in (
            "weight 2.1",
            "weight 0.6",
            "weight 0.3",
            "count 3 personas as 1.85",
            "need not match",
            "70%",
            "33%",
        ):
            assert told in page, told
        assert "Weighted to a population" not in (await service.client.get(f"/persona-sets/{old['id']}")).text
