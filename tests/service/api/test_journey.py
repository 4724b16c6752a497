"""A caller's whole way over real HTTP: personas, evaluation, events, transcript, turns, batch, results."""

from __future__ import annotations

import csv
import io
import json
import time
from hashlib import sha256
from typing import Any

import httpx
import pytest

from tests.service.api.conftest import ITEM, PERSONAS, Live, problem


@pytest.fixture(scope="module")
def heard(live: Live) -> dict[str, Any]:
    """An evaluation that has completed."""
    response = live.client.post("/v1/evaluations", json=live.asked())
    assert response.status_code == 202
    assert response.headers["retry-after"].isdecimal()
    return live.completed(response.headers["location"])


def test_an_evaluation_tells_its_scores_with_interval_counts_and_source(live: Live, heard: dict[str, Any]) -> None:
    score = heard["scores"]["debate"]["clarity"]
    assert 1 <= score["value"] <= 4
    assert (score["n_used"], score["n_asked"], score["universe"]) == (2, 2, "fixed")
    assert score["ci"]["low"] <= score["value"] <= score["ci"]["high"]
    source = score["source"]
    assert (source["kind"], source["models"], source["models_answered"]) == ("debate", ["simulated"], ["simulated"])
    assert {"alone/summary", "restate/summary"} <= source["prompts"].keys()
    for sha in source["prompts"].values():
        assert live.client.get(f"/v1/prompts/{sha}").status_code == 200
    assert heard["scores"]["panel"]["clarity"]["source"]["kind"] == "panel"
    assert heard["simulated"] is True
    assert set(heard["timestamps"]) == {"queued", "running", "completed"}
    assert heard["progress"]["done"] == heard["progress"]["total"] == 2


def test_fields_choose_what_is_told(live: Live, heard: dict[str, Any]) -> None:
    path = f"/v1/evaluations/{heard['id']}"
    assert live.client.get(path, params={"fields": "core"}).json()["scores"] is None
    full = live.client.get(path, params={"fields": "core,scores,transcript"}).json()
    assert len(full["transcripts"]) == 2
    problem(live.client.get(path, params={"fields": "core,secrets"}), "bad-request")


def test_a_turn_tells_exactly_what_the_persona_saw(live: Live, heard: dict[str, Any]) -> None:
    path = f"/v1/evaluations/{heard['id']}/runs"
    run = live.client.get(path).json()["data"][0]
    detail = live.client.get(f"{path}/{run['id']}").json()
    assert detail["models_answered"]
    assert detail["run"]["id"] == run["id"]
    transcript = live.client.get(f"{path}/{run['id']}/transcript").json()
    turn = transcript["turns"][0]
    told = live.client.get(f"{path}/{run['id']}/turns/{turn['id']}").json()
    assert told["turn"] == turn
    assert ITEM["output"] in json.dumps([call["messages"] for call in told["calls"]])
    asked = told["calls"][0]["prompt_sha256"]
    assert asked in detail["prompts"].values()
    question = live.client.get(f"/v1/prompts/{asked}").json()
    assert question["sha256"] == asked
    assert [part["id"] for part in question["parts"]][:2] == ["judging", "item_summary"]
    assert question["parts"][-1]["id"] == "task_alone"
    assert told["calls"][0]["messages"][0]["content"] == question["parts"][0]["messages"][0]["content"]
    assert sha256("".join(part["sha256"] for part in question["parts"]).encode()).hexdigest() == asked
    alone = live.client.get(f"/v1/prompts/{question['parts'][-1]['sha256']}").json()
    assert alone["parts"] == question["parts"][-1:]
    problem(live.client.get(f"/v1/prompts/{'0' * 64}"), "not-found")
    problem(live.client.get(f"{path}/{run['id']}/turns/alone/nobody"), "not-found")
    problem(live.client.get(f"/v1/evaluations/ev_none/runs/{run['id']}"), "not-found")


@pytest.mark.parametrize(
    ("name", "accept"),
    [
        ("json", "application/json"),
        ("ndjson", "application/x-ndjson"),
        ("markdown", "text/markdown"),
        ("html", "text/html"),
    ],
)
def test_a_transcript_comes_in_every_format(live: Live, heard: dict[str, Any], name: str, accept: str) -> None:
    runs = f"/v1/evaluations/{heard['id']}/runs"
    path = f"{runs}/{live.client.get(runs).json()['data'][0]['id']}/transcript"
    asked = live.client.get(path, params={"format": name})
    negotiated = live.client.get(path, headers={"accept": accept})
    assert asked.headers["content-type"].startswith(accept)
    assert asked.content == negotiated.content
    turns = live.client.get(path).json()["turns"]
    if name == "ndjson":
        assert [json.loads(line) for line in asked.text.splitlines()] == turns
    if name == "html":
        assert "sandbox" in asked.headers["content-security-policy"]
    problem(live.client.get(path, headers={"accept": "image/png"}), "not-acceptable")


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """Events of a stream that the server ended."""
    told = []
    for block in "".join(response.iter_text()).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "id" in fields:
            told.append({"id": int(fields["id"]), "event": fields["event"], **json.loads(fields["data"])})
    return told


def listen(live: Live, evaluation: str, **headers: str) -> list[dict[str, Any]]:
    with live.client.stream("GET", f"/v1/evaluations/{evaluation}/events", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return events(response)


def test_events_are_numbered_live_and_resume_where_a_client_left(live: Live) -> None:
    made = live.client.post("/v1/evaluations", json=live.asked(seed=7)).json()["id"]
    told = listen(live, made)
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    assert told[0]["event"] == "evaluation.queued"
    assert told[-1]["event"] == "evaluation.completed"
    assert [event["terminal"] for event in told] == [False] * (len(told) - 1) + [True]
    for seen in (1, len(told) // 2, len(told) - 1):
        assert listen(live, made, **{"Last-Event-ID": str(seen)}) == told[seen:]
    assert listen(live, made, **{"Last-Event-ID": str(len(told))}) == []
    assert ITEM["output"] not in json.dumps(told), "events hold ids and figures, no judged text"
    problem(live.client.get(f"/v1/evaluations/{made}/events", headers={"Last-Event-ID": "x"}), "bad-request")


def test_long_poll_returns_when_the_job_has_ended(live: Live) -> None:
    made = live.client.post("/v1/evaluations", json=live.asked(seed=8)).json()["id"]
    assert live.client.get(f"/v1/evaluations/{made}", params={"wait": 60}).json()["status"] == "completed"
    problem(live.client.get(f"/v1/evaluations/{made}", params={"wait": 61}), "invalid-request")


def test_a_dry_run_spends_and_stores_nothing(live: Live) -> None:
    before = live.client.get("/v1/evaluations").json()["data"]
    told = live.client.post("/v1/evaluations", params={"dry_run": True}, json=live.asked(repeats=5))
    assert told.status_code == 200
    assert told.json()["dry_run"] is True
    assert told.json()["runs"] == 5
    assert told.json()["calls"] > 5 * len(PERSONAS)
    assert live.client.get("/v1/evaluations").json()["data"] == before


def test_cancel_keeps_what_is_done_and_may_be_repeated(live: Live) -> None:
    made = live.client.post("/v1/evaluations", json=live.asked(repeats=100, seed=9)).json()["id"]
    path = f"/v1/evaluations/{made}"
    problem(live.client.delete(path), "conflict")
    assert live.client.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert live.client.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert live.client.delete(path).status_code == 204
    problem(live.client.get(path), "not-found")


def test_human_scores_are_a_chain(live: Live, heard: dict[str, Any]) -> None:
    path = f"/v1/evaluations/{heard['id']}"
    for value in (2, 3):
        body = {"dimension": "clarity", "value": value, "author": "ada", "note": "read twice"}
        told = live.client.put(f"{path}/human-score", json=body).json()
    assert [score["value"] for score in told["human_scores"]] == [2, 3]
    assert told["human_scores"][0]["source"] == {
        "kind": "human",
        "models": [],
        "models_answered": [],
        "prompts": {},
        "author": "ada",
    }
    assert told["scores"] == heard["scores"]
    wrong = live.client.put(f"{path}/human-score", json={"dimension": "clarity", "value": 9})
    assert problem(wrong, "invalid-request")["errors"][0]["pointer"] == "/value"


def lines(count: int, live: Live) -> str:
    head = {"batch": {"persona_set": live.persona_set, "rubric": live.rubric, "repeats": 2}}
    items = [{"custom_id": f"row-{number}", "item": {**ITEM, "id": f"row-{number}"}} for number in range(count)]
    return "".join(json.dumps(line) + "\n" for line in [head, *items])


NDJSON = {"content-type": "application/x-ndjson"}


def test_a_batch_goes_in_and_out_line_by_line(live: Live) -> None:
    content = (line.encode() for line in lines(3, live).splitlines(keepends=True))
    made = live.client.post("/v1/batches", content=content, headers=NDJSON)
    assert made.status_code == 202
    path = made.headers["location"]
    problem(live.client.get(f"{path}/report"), "conflict")
    problem(live.client.get(f"{path}/results", params={"format": "csv"}), "conflict")
    done = live.completed(path)
    assert done["request_counts"]["completed"] == done["request_counts"]["total"] == 3
    told = [json.loads(line) for line in live.client.get(f"{path}/results").text.splitlines()]
    assert sorted(line["custom_id"] for line in told) == ["row-0", "row-1", "row-2"]
    assert {line["result"]["type"] for line in told} == {"succeeded"}
    while live.client.get(path).json()["report_status"] == "pending":
        time.sleep(0.1)
    report = live.client.get(f"{path}/report")
    assert report.status_code == 200, report.text
    assert report.json()["schema"] == "rehearing.report/1", report.text
    assert live.client.get(f"{path}/report", params={"format": "html"}).text.lstrip().startswith("<!")
    assert live.client.get(f"{path}/report", params={"format": "markdown"}).text.startswith("# ")
    as_a_table(live, path, report.json())
    moved(live, path)


def as_a_table(live: Live, path: str, report: dict[str, Any]) -> None:
    """The same results as CSV give the same figures, whoever computes them."""
    table = live.client.get(f"{path}/results", params={"format": "csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"].endswith('.csv"')
    assert live.client.get(f"{path}/results", headers={"accept": "text/csv"}).text == table.text
    rows = list(csv.DictReader(io.StringIO(table.text, newline="")))
    alone = [(row["item"], row["persona"], row["run"], row["dimension"]) for row in rows if row["phase"] == "alone"]
    assert len(alone) == len(set(alone)) > 0
    again = live.client.post("/v1/stability", content=table.content, headers={"content-type": "text/csv"})
    assert again.status_code == 200, again.text
    for name, own in again.json()["dimensions"].items():
        assert own["components"] == report["dimensions"][name]["components"]


def moved(live: Live, path: str) -> None:
    """A batch goes out as one file and comes in again under ids of its own, with everything that was said."""
    file = live.client.get(f"{path}/export")
    assert file.headers["content-type"] == "application/gzip"
    again = live.client.post("/v1/batches/import", content=file.content, headers={"idempotency-key": "moved-1"})
    assert again.status_code == 201, again.text
    twin = again.headers["location"]
    assert twin != path
    before, after = (sorted(map(told_of, live.client.get(f"{one}/results").text.splitlines())) for one in (path, twin))
    assert before == after
    replayed = live.client.post("/v1/batches/import", content=file.content, headers={"idempotency-key": "moved-1"})
    assert replayed.headers["location"] == twin
    problem(live.client.post("/v1/batches/import", content=file.content[:-20]), "invalid-request")


def told_of(line: str) -> tuple[str, str]:
    """What one line of results says, without ids and times."""
    told = json.loads(line)
    return told["custom_id"], json.dumps(told["result"].get("scores"), sort_keys=True)


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        (lambda text: text + "{broken\n", "invalid-batch", "line:5"),
        (lambda text: text + json.dumps({"custom_id": "row-1", "item": ITEM}) + "\n", "invalid-batch", "line:5"),
        (lambda text: text + json.dumps({"item": ITEM}) + "\n", "invalid-batch", "line:5"),
        (lambda text: text.replace('"repeats": 2', '"repeats": 0'), "invalid-request", "/batch/repeats"),
        (lambda text: text.partition("\n")[0], "invalid-batch", "line:1"),
    ],
)
def test_one_bad_line_and_nothing_is_stored(live: Live, change: Any, code: str, pointer: str) -> None:
    before = live.client.get("/v1/batches").json()["data"]
    told = problem(live.client.post("/v1/batches", content=change(lines(3, live)), headers=NDJSON), code)
    assert pointer in [place["pointer"] for place in told["errors"]]
    assert [one["id"] for one in live.client.get("/v1/batches").json()["data"]] == [one["id"] for one in before]


def test_a_form_carries_a_batch_too(live: Live) -> None:
    head, _, items = lines(2, live).partition("\n")
    files = {"items": ("items.ndjson", items.encode(), "application/x-ndjson")}
    data = {"batch": json.dumps(json.loads(head)["batch"])}
    told = live.client.post("/v1/batches", params={"dry_run": True}, data=data, files=files).json()
    assert told["runs"] == 4


def test_documents_in_the_request_become_personas(live: Live) -> None:
    text = "Minutes of the meeting.\n\n" + "\n\n".join(
        f"As a {who}, I want {what} before anything is decided about the ward."
        for who in ("nurse", "patient", "carer")
        for what in ("to be heard", "to see the figures", "more time")
    )
    body: dict[str, Any] = {"documents": [{"title": "minutes.txt", "text": text}], "name": "ward"}
    lone = live.client.post("/v1/persona-sets", json={**body, "options": {"resamples": 2}})
    assert lone.status_code == 422
    assert lone.json()["errors"][0]["pointer"] == "/options/resamples"
    body["documents"].append(
        {"title": "letter.txt", "text": "As a nurse, I want to be asked before the ward is moved."}
    )
    body["options"] = {"resamples": 2}
    made = live.client.post("/v1/persona-sets", json=body)
    assert made.status_code == 202, made.text
    with live.client.stream("GET", f"{made.headers['location']}/events") as stream:
        events = [line.removeprefix("event: ") for line in stream.iter_lines() if line.startswith("event: ")]
    assert events[-1] == "persona_set.completed"
    assert set(events[:-1]) <= {"persona_set.queued", "persona_set.running"}
    assert live.client.get("/v1/persona-sets/ps_none/events").status_code in (404, 422)
    told = live.completed(made.headers["location"])
    assert told["persona_set"]["personas"]
    assert len(told["document_ids"]) == 2
    assert told["persona_set"]["statistics"]["reproducibility_resamples"] == 2
    assert live.client.post("/v1/persona-sets", json={"documents": ["do_none"]}).status_code == 422
    before = live.client.get("/v1/documents").json()["data"]
    wrong = {"documents": [{"text": "x " * 50}, "do_none"]}
    assert live.client.post("/v1/persona-sets", json=wrong).status_code in (404, 422)
    assert live.client.get("/v1/documents").json()["data"] == before, "nothing was half-stored"
