"""What is asked about a heard run, over REST: commitment tests, audits of adherence, lexical drift."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, completed, problem

JUDGE = "simulated:seed=1,signal=0,run_sd=3"
"""Its personas start far apart, so that they have something to debate."""


class Letters:
    """Counts letters: an embedding model that takes no time."""

    name = "letters"

    def embed(self, texts: Any, progress: Any = None) -> Any:
        rows = np.array([[text.lower().count(letter) + 0.01 for letter in "abcdefghij"] for text in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
async def working(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    monkeypatch.setattr("clustering.open_embedder", lambda *_: Letters())
    async with serve(work=True) as opened:
        made = await opened.client.post("/v1/persona-sets", json={"personas": PERSONAS})
        opened.persona_set = made.json()["id"]  # type: ignore[attr-defined]
        yield opened


async def heard(service: Any, anchor: str = "card", models: tuple[str, ...] = (JUDGE,), item: Any = ITEM) -> str:
    """The path of a run that has been heard."""
    asked = {
        "persona_set": service.persona_set, "rubric": RUBRIC, "item": item, "models": models,
        "protocol": {"anchor": anchor, "spread_epsilon": 0, "turns_max": 3},
    }  # fmt: skip
    path = (await service.client.post("/v1/evaluations", json=asked)).headers["location"]
    await completed(service.client, path)
    (run,) = (await service.client.get(f"{path}/runs")).json()["data"]
    return f"{path}/runs/{run['id']}"


async def test_a_probe_is_a_job(working: Any) -> None:
    client, path = working.client, await heard(working)
    for kind, request in (("commitment", {"times": 3}), ("adherence", {"times": 2})):
        problem(await client.get(f"{path}/{kind}"), "not-found")
        problem(await client.get(f"{path}/{kind}/events"), "not-found")
        problem(await client.put(f"{path}/{kind}", json={"times": 0}), "invalid-request")
        both = await asyncio.gather(*(client.put(f"{path}/{kind}", json=request) for _ in range(2)))
        assert {one.status_code for one in both} <= {200, 202}
        assert len({one.json()["id"] for one in both}) == 1
        assert both[0].headers.get("location", f"{path}/{kind}") == f"{path}/{kind}"
        told = (await client.get(f"{path}/{kind}/events")).text
        assert f"event: {kind}.completed" in told
        done = await completed(client, f"{path}/{kind}")
        assert done["calls"] > 0
        assert done["simulated"] is True
        assert (await client.put(f"{path}/{kind}", json=request)).json() == done
        assert (await client.post(f"{path}/{kind}/cancel")).json() == done, "what has ended stays as it is"
    points = (await client.get(f"{path}/commitment")).json()["dimensions"]["clarity"]
    assert [point["after"] for point in points] == list(range(len(points)))
    judges = done["judges"]
    assert judges.keys() == {one["id"] for one in PERSONAS}
    assert all(own["ratings"]["role"]["n_used"] >= 4 for own in judges.values())
    assert done["observer"] == JUDGE
    page = (await client.get(f"/runs/{path.rpartition('/')[2]}")).text
    assert 'id="adherence"' in page
    assert 'id="commitment"' in page


async def test_another_owner_finds_no_probe(working: Any) -> None:
    path = await heard(working)
    assert (await working.client.put(f"{path}/commitment", json={"times": 2})).status_code in (200, 202)
    stranger = await working.key("stranger", "read", "write")
    for method, place in (("GET", "commitment"), ("PUT", "adherence"), ("POST", "commitment/cancel"), ("GET", "drift")):
        body = {"times": 2} if method == "PUT" else None
        problem(await working.client.request(method, f"{path}/{place}", json=body, headers=stranger), "not-found")
    reader = await working.key("stranger", "read")
    problem(await working.client.put(f"{path}/commitment", json={"times": 2}, headers=reader), "forbidden")


async def test_drift_of_words_is_known_for_every_heard_run(working: Any) -> None:
    client, path = working.client, await heard(working)
    told = (await client.get(f"{path}/drift")).json()
    assert (told["model"], told["unknown"], told["card_unknown"], told["plain_run_id"]) == ("letters", None, None, None)
    assert "anchor `none`" in told["plain_unknown"]
    assert told["judges"].keys() == {one["id"] for one in PERSONAS}
    for own in told["judges"].values():
        assert next(point["step"] for point in own["points"]) == 0
        assert all(0 <= point["to_card"] <= 1 and point["to_plain"] is None for point in own["points"])
        assert own["to_card"]["slope"] is not None
        assert own["to_plain"] == {"slope": None, "slope_low": None, "slope_high": None, "onset": None}

    plain = await heard(working, anchor="none")
    await heard(working, anchor="none", models=("simulated:run_sd=2",))  # another model: not to be compared with
    await heard(working, anchor="none", item={**ITEM, "output": "Forty patients were asked."})  # another item
    compared = (await client.get(f"{path}/drift")).json()
    assert compared["plain_run_id"] == plain.rpartition("/")[2]
    assert compared["plain_unknown"] is None
    assert all(0 <= p["to_plain"] <= 1 for own in compared["judges"].values() for p in own["points"])
    hidden = (await client.get(f"{plain}/drift")).json()
    assert "hidden" in hidden["card_unknown"]
    assert "hidden" in hidden["plain_unknown"]
    assert {p["to_card"] for own in hidden["judges"].values() for p in own["points"]} == {None}

    run = path.rpartition("/")[2]
    assert f'href="/runs/{run}/drift"' in (await client.get(f"/runs/{run}")).text
    whole, part = [(await client.get(f"/runs/{run}/drift", params=asked)).text for asked in ({}, {"fragment": 1})]
    assert "<html" in whole
    assert "<html" not in part
    assert "Patient" in part
    assert "a contribution" in part


async def test_without_an_embedding_model_drift_is_unknown_and_says_why(
    working: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clustering import EmbeddingError

    def missing(*_: Any) -> Any:
        raise EmbeddingError("it is not installed")

    monkeypatch.setattr("clustering.open_embedder", missing)
    path = await heard(working)
    told = (await working.client.get(f"{path}/drift")).json()
    assert (told["unknown"], told["model"], told["judges"]) == ("it is not installed", None, {})


def test_hearing_and_reading_a_run_load_no_torch() -> None:
    """Only whoever reads of the drift pays for it."""
    script = "import sys, service.api, service.jobs.worker, service.pages.router; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
