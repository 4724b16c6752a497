"""Clients that send without end or hardly at all, over real connections to a serving process: it stays small and goes on serving."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from service.api.head_guard import HEAD_MAX
from tests.e2e.conftest import PATIENCE_S, RUBRIC, Program, Service, item, until

pytestmark = pytest.mark.timeout(400)
GIGABYTE, MEGABYTE = 1 << 30, 1 << 20
GROWTH_MAX_MB = 96
"""What a body's limit (16 MB), held twice, and some buffers may take."""
GRACE_S = 6.0
"""More than a busy machine holds a process still, which must not be told from a client that drips."""
HOST = b"Host: 127.0.0.1\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
NDJSON = HOST + b"Content-Type: application/x-ndjson\r\n"
CHUNK = b"%x\r\n" % MEGABYTE + b" " * MEGABYTE + b"\r\n"


@pytest.fixture(scope="module")
def program_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    rehearing = Program(tmp_path_factory.mktemp("connections"), {"REHEARING_REQUEST_GRACE": f"PT{GRACE_S}S"})
    yield rehearing
    rehearing.stop()


@pytest.fixture(scope="module")
def service(program_of_module: Program) -> Service:
    """One service whose clients have GRACE_S to send their headers."""
    return program_of_module.serve("--no-work")


def connect(service: Service) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])))
    connection.settimeout(PATIENCE_S)
    return connection


def peak_mb(service: Service) -> int:
    """The most memory that the process has had."""
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def rest(connection: socket.socket) -> bytes:
    """What was answered, until the server closed."""
    answer = b""
    with suppress(ConnectionError):
        while piece := connection.recv(1 << 16):
            answer += piece
    return answer


def pour(connection: socket.socket, head: bytes, more: bytes) -> tuple[bytes, int]:
    """(the answer, bytes sent): sends `more` again and again, a gigabyte in all, until it is answered."""
    sent = 0
    with suppress(ConnectionError):
        connection.sendall(head)
        while sent < GIGABYTE and not select.select([connection], [], [], 0)[0]:
            connection.sendall(more)
            sent += len(more)
    return rest(connection), sent


@pytest.mark.parametrize(
    ("head", "more", "code"),
    [
        (b"POST /v1/rubrics HTTP/1.1\r\n" + JSON + b"Content-Length: %d\r\n\r\n" % GIGABYTE, b" ", "body-too-large"),
        (b"POST /v1/rubrics HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, "body-too-large"),
        (b"POST /v1/batches HTTP/1.1\r\n" + NDJSON + b"Content-Length: %d\r\n\r\n" % GIGABYTE, b" ", "invalid-batch"),
        (b"GET /livez HTTP/1.1\r\n" + HOST + b"X-One: ", b"a", "headers-too-large"),
        (b"GET /livez HTTP/1.1\r\n" + HOST, b"x-many: b\r\n", "headers-too-large"),
        (b"GET /", b"a", "headers-too-large"),
        (b"POST /v1/rubrics HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"x-many: b\r\n", None),
    ],
    ids=["declared", "undeclared", "one line", "one header", "headers", "target", "trailers"],
)
def test_a_gigabyte_is_refused_and_not_held(service: Service, head: bytes, more: bytes, code: str | None) -> None:
    service.client.post("/v1/rubrics", json=RUBRIC)  # what the first request loads is loaded
    before = peak_mb(service)
    with closing(connect(service)) as connection:
        answer, sent = pour(connection, head, more * max(1, MEGABYTE // len(more)))
    assert peak_mb(service) - before < GROWTH_MAX_MB
    assert sent < GIGABYTE
    if answer or code is None:  # a connection that is reset under a client that still sends may lose its answer
        assert problem_of(answer) == code
    assert service.is_up()


def problem_of(answer: bytes) -> str | None:
    """The code of the problem that was answered; None where the connection was closed without a word."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        return None
    assert b"content-type: application/problem+json" in head.lower(), answer
    told: dict[str, Any] = json.loads(body)
    assert head.split()[1] == str(told["status"]).encode()
    assert told["request_id"].encode() in head
    return str(told["code"])


def test_who_drips_is_cut_off_while_others_are_served(service: Service) -> None:
    dripping = {
        "a header": (b"GET /livez HTTP/1.1\r\n" + HOST + b"X-Slow: ", b"a", "headers-too-slow"),
        "a target": (b"GET /", b"a", "headers-too-slow"),
        "empty lines": (b"", b"\r\n", "headers-too-slow"),
        "nothing": (b"", b"", None),
        "a body": (b"POST /v1/rubrics HTTP/1.1\r\n" + JSON + b"Content-Length: 999\r\n\r\n", b" ", "body-too-slow"),
    }
    clients = {name: connect(service) for name in dripping}
    for name, (head, _, _) in dripping.items():
        clients[name].sendall(head)
    answers: dict[str, bytes] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(answers) < len(clients):
        assert time.monotonic() < deadline, f"still held: {clients.keys() - answers.keys()}"
        assert service.client.get("/livez").status_code == 200
        for name in clients.keys() - answers.keys():
            if select.select([clients[name]], [], [], 0)[0]:
                answers[name] = rest(clients[name])
            else:
                with suppress(ConnectionError):
                    clients[name].sendall(dripping[name][1])
        time.sleep(GRACE_S / 10)
    for client in clients.values():
        client.close()
    assert {name: problem_of(answers[name]) for name in dripping} == {
        name: code for name, (_, _, code) in dripping.items()
    }


def test_who_drips_on_after_the_answer_is_cut_off(service: Service) -> None:
    """The answer came before the body was read, and uvicorn would wait for the rest of it for ever."""
    with closing(connect(service)) as connection:
        connection.sendall(b"POST /v1/nothing HTTP/1.1\r\n" + JSON + b"Content-Length: 99999\r\n\r\n ")
        until(lambda: select.select([connection], [], [], 0)[0], lambda: "no answer")
        assert b" 404 " in connection.recv(1 << 16)

        def ended() -> bool:
            try:
                connection.sendall(b" ")
                return bool(select.select([connection], [], [], 0)[0]) and not connection.recv(1 << 16)
            except ConnectionError:
                return True

        until(ended, lambda: "the connection is still held")


def test_who_waits_for_an_answer_is_not_cut_off(service: Service) -> None:
    asked = {"persona_set": service.persona_set(), "rubric": RUBRIC, "item": item(1)}
    path = service.client.post("/v1/evaluations", json=asked).headers["location"]
    found = service.client.get(path, params={"wait": 1.5 * GRACE_S})
    assert found.json()["status"] == "queued"


def test_bodies_are_not_taken_for_headers(service: Service) -> None:
    """Two requests in one go, each with a body longer than headers may be, and the beginning of a third."""
    body = json.dumps(RUBRIC | {"name": "Long"}).encode() + b" " * (2 * HEAD_MAX)
    request = b"POST /v1/rubrics HTTP/1.1\r\n" + JSON + b"Content-Length: %d\r\n\r\n" % len(body) + body
    last = b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    with closing(connect(service)) as connection:
        connection.sendall(request + request + last[:10])
        connection.sendall(last[10:])
        answer = rest(connection)
    assert [part.split()[0] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"201", b"201", b"200"]


def test_what_is_no_http_is_a_problem_too(service: Service) -> None:
    with closing(connect(service)) as connection:
        connection.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert problem_of(rest(connection)) == "bad-request"
