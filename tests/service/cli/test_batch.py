"""`rehearing batch` against a service that only writes down what it was sent."""

from __future__ import annotations

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
        self.answers: dict[str, bytes] = {}


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    kept = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self._body()
            kept.requests.append((f"{self.command} {self.path}", dict(self.headers), body))
            told = next((text for start, text in kept.answers.items() if self.path.startswith(start)), b"{}")
            self.send_response(200)
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

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
