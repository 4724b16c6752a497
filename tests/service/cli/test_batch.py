"""`rehearing batch` against a service that only writes down what it was sent."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.cli.program import run

ITEM = {"kind": "text", "id": "a", "instruction": "Say it.", "output": "It."}


class Recorder:
    """What arrived, and where to send it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""
        self.status = 200
        self.answers: dict[str, bytes] = {}


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    kept = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self._body()
            kept.requests.append((f"{self.command} {self.path}", dict(self.headers), body))
            told = next(
                (text for start, text in kept.answers.items() if self.path.startswith(start)), b'{"id": "ba_0"}'
            )
            self.send_response(kept.status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = _answer  # noqa: N815

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Says nothing either: a client that breaks off its body is part of a test."""

    server = Server(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def send(recorder: Recorder, tmp_path: Path) -> Any:
    (tmp_path / "items.jsonl").write_text(json.dumps(ITEM) + "\n")
    wanted = ["--persona-set", "ps_1", "--rubric", "ru_1", "--url", recorder.url]
    return lambda *more, items=str(tmp_path / "items.jsonl"): run(["batch", items, *wanted, *more])


def test_the_providers_key_never_goes_to_a_service(
    recorder: Recorder, send: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REHEARING_API_KEY", "the-providers-secret")
    monkeypatch.delenv("REHEARING_KEY", raising=False)
    assert send("--no-wait") == 0
    monkeypatch.setenv("REHEARING_KEY", "rh_own")
    assert send("--no-wait") == 0
    (_, without, _), (_, with_key, _) = recorder.requests
    assert "Authorization" not in without
    assert with_key["Authorization"] == "Bearer rh_own"
    assert "the-providers-secret" not in repr(recorder.requests)


def ended(recorder: Recorder, *values: float | None) -> None:
    """Lets the recorder answer as a service whose batch ended with these verdicts."""
    told = {"id": "ba_1", "status": "completed", "report_status": "ready", "progress": {"done": 1, "total": 1}}
    lines = [
        json.dumps(
            {
                "custom_id": f"c{number}",
                "result": {"type": "succeeded", "scores": {"debate": {"clarity": {"value": value}}}},
            }
        )
        for number, value in enumerate(values)
    ]
    recorder.answers = {
        "/v1/batches/ba_1/results": "\n".join(lines).encode(),
        "/v1/batches/ba_1/report": b'{"schema": "a report"}',
        "/v1/batches": json.dumps(told).encode(),
    }


@pytest.mark.parametrize(("values", "code"), [((3.0, 2.5), 0), ((3.0, 2.4), 3), ((3.0, None), 3)])
def test_fail_under_is_three_below_and_for_the_undecided(
    recorder: Recorder,
    send: Any,
    values: tuple[float | None, ...],
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended(recorder, *values)
    assert send("--fail-under", "2.5", "-q") == code
    told = capsys.readouterr()
    assert [json.loads(line)["custom_id"] for line in told.out.splitlines()] == ["c0", "c1"]
    assert ("'c1'" in told.err) == (code == 3)


def test_json_is_one_document_of_batch_results_and_report(
    recorder: Recorder, send: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(recorder, 3.0)
    assert send("--json") == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert (document["batch"]["id"], len(document["results"]), document["report"]) == (
        "ba_1",
        1,
        {"schema": "a report"},
    )
    assert f"{recorder.url}/batches/ba_1" in told.err


def test_items_come_from_stdin_and_a_budget_goes_along(
    recorder: Recorder, send: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(recorder, 3.0)
    given = io.TextIOWrapper(io.BytesIO(b"\n" + json.dumps(ITEM).encode() + b"\n"))
    monkeypatch.setattr("sys.stdin", given)
    assert send("--no-wait", "--budget-usd-max", "2.5", items="-") == 0
    (_, _, body) = recorder.requests[0]
    head, _, line = body.decode().splitlines()
    assert (json.loads(head)["batch"]["budget_usd_max"], json.loads(head)["batch"]["name"]) == (2.5, "stdin")
    assert json.loads(line) == {"custom_id": "a", "item": ITEM}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"{}\nno json\n")))
    assert send("--no-wait", items="-") == 2
    assert "-:2 is not JSON" in capsys.readouterr().err


def test_a_service_that_is_not_there_is_one_line(send: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("http://127.0.0.1:1", "no-url"):
        assert send("--url", url) == 1
        told = capsys.readouterr()
        assert (told.out, len(told.err.splitlines())) == ("", 1)
        assert "--url" in told.err


def test_a_bound_needs_the_results(send: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert send("--fail-under", "2", "--dry-run") == 2
    assert "--fail-under" in capsys.readouterr().err


def test_a_refusal_is_told_once_with_its_places(
    recorder: Recorder, send: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    places = [{"pointer": "line:2", "detail": "no id"}, {"pointer": "line:3", "detail": "id twice"}]
    recorder.status = 422
    recorder.answers = {
        "/": json.dumps({"title": "Batch not valid", "detail": "line 2: no id", "errors": places}).encode()
    }
    assert send() == 2
    assert capsys.readouterr().err == "rehearing: Batch not valid: line 2: no id; line:3: id twice\n"
