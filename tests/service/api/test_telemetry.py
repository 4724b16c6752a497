"""Metrics, spans and logs tell figures, and never a word of a document."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm import Call, CallOutcome, MemoryLedger, Purpose
from service.telemetry import MeteredLedger, Metrics, configure_tracing, job_span, request_id_context, span
from service.telemetry.logs import JsonFormatter, PlainFormatter
from service.telemetry.tracing import traces_endpoint
from tests.service.api.conftest import ITEM, PERSONAS, RUBRIC, Serve, Service, completed

SECRET = "the words of a document"


def call(**changed: Any) -> Call:
    fields: dict[str, Any] = {
        "key": "k-1",
        "attempt": 1,
        "purpose": Purpose.JUDGING,
        "model": "openai:small",
        "model_answered": "small-2026",
        "prompt_id": "alone",
        "prompt_sha256": "0" * 64,
        "messages": ({"role": "user", "content": SECRET},),
        "settings": {"temperature": 1.0, "seed": 3},
        "text": SECRET,
        "outcome": CallOutcome.OK,
        "error": None,
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": None,
        "cost_usd": 0.25,
        "latency_s": 1.5,
        "started_at": datetime(2026, 1, 2, tzinfo=UTC),
    }
    return Call(**(fields | changed))


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


async def test_a_recorded_call_is_counted_and_traced_without_its_words(spans: InMemorySpanExporter) -> None:
    metrics, inner = Metrics(), MemoryLedger()
    ledger = MeteredLedger(inner, metrics)
    await ledger.record(call())
    await ledger.record(call(key="k-2", attempt=2, outcome=CallOutcome.TIMED_OUT, cost_usd=None, output_tokens=None))
    assert [one.key for one in inner.calls] == ["k-1", "k-2"]
    assert await ledger.find("k-1") == call()
    text = metrics.exposition().decode()
    labels = 'model="openai:small",purpose="judging"'
    assert 'rehearing_model_calls_total{model="openai:small",outcome="ok",purpose="judging"} 1.0' in text
    assert f"rehearing_model_retries_total{{{labels}}} 1.0" in text
    assert f"rehearing_model_cost_usd_total{{{labels}}} 0.25" in text
    assert 'rehearing_model_tokens_total{direction="input",model="openai:small",purpose="judging"} 200.0' in text
    assert SECRET not in text
    first, second = spans.get_finished_spans()
    assert first.name == "chat small"
    assert first.attributes is not None
    assert first.attributes["gen_ai.usage.input_tokens"] == 100
    assert first.attributes["gen_ai.response.model"] == "small-2026"
    assert (first.end_time or 0) - (first.start_time or 0) == 1_500_000_000
    assert second.attributes is not None
    assert second.attributes["error.type"] == "timed_out"
    assert SECRET not in first.to_json() + second.to_json()


def test_a_span_tells_an_error_by_its_type_alone(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=SECRET), span("work", count=3):
        raise ValueError(SECRET)
    (told,) = spans.get_finished_spans()
    assert told.attributes is not None
    assert told.attributes["error.type"] == "ValueError"
    assert SECRET not in told.to_json()


def test_a_log_line_holds_listed_fields_only() -> None:
    record = logging.LogRecord("rehearing.api", logging.ERROR, __file__, 1, "failed\nforged", None, None)
    record.run_id, record.document = "rn_1", SECRET
    token = request_id_context.set("request-1")
    line = JsonFormatter().format(record)
    request_id_context.reset(token)
    told = json.loads(line)
    assert "\n" not in line
    assert (told["run_id"], told["request_id"], told["level"]) == ("rn_1", "request-1", "error")
    assert SECRET not in line


def test_an_exception_is_logged_by_its_type_alone() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", None, (type(error), error, None))
    assert SECRET not in JsonFormatter().format(record)
    assert json.loads(JsonFormatter().format(record))["error"] == "ValueError"


def test_a_plain_log_line_is_one_line_too() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed\nforged \x1b[2J\u2028", None, info)
    line = PlainFormatter().format(record)
    assert line.isprintable()
    assert "test_telemetry.py" in line
    assert "ValueError" in line
    assert SECRET not in line


def test_an_endpoint_is_completed_as_the_specification_says() -> None:
    assert traces_endpoint("http://127.0.0.1:4318") == "http://127.0.0.1:4318/v1/traces"
    assert traces_endpoint("http://collector/otlp/") == "http://collector/otlp/v1/traces"
    assert traces_endpoint("http://collector/v1/traces") == "http://collector/v1/traces"


def test_spans_leave_for_the_endpoint_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    monkeypatch.setattr(trace, "set_tracer_provider", lambda provider: None)
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        provider = configure_tracing(f"http://127.0.0.1:{server.server_port}")
        assert provider is not None
        monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
        with job_span("run", "rn_1"):
            pass
        provider.shutdown()
        server.shutdown()
    ((path, body),) = received
    assert path == "/v1/traces"
    assert b"rn_1" in gzip.decompress(body) if body[:2] == b"\x1f\x8b" else b"rn_1" in body


async def test_a_whole_run_is_traced_by_turn_and_its_words_are_nowhere(
    serve: Serve, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    words = "herons nest above the sluice"
    personas = [{**one, "perspective": f"that {words}", "background": words} for one in PERSONAS]
    item = {**ITEM, "sources": [f"They say {words}, all of them."], "output": f"The summary: {words}."}
    with caplog.at_level(logging.DEBUG, logger="rehearing"):
        async with serve(work=True) as service:
            made = await service.client.post("/v1/persona-sets", json={"personas": personas})
            asked = {"persona_set": made.json()["id"], "rubric": RUBRIC, "item": item, "repeats": 1}
            heard = await service.client.post("/v1/evaluations", json=asked)
            done = await completed(service.client, heard.headers["location"])
            metrics = (await service.client.get("/metrics")).text
    told = spans.get_finished_spans()
    by_id = {one.context.span_id: one for one in told if one.context}
    chats = [one for one in told if one.name.startswith("chat ")]
    assert len(chats) == done["spent"]["calls"]
    for chat in chats:
        assert chat.parent is not None
        turn = by_id[chat.parent.span_id]
        assert turn.name == "persona turn"
        assert turn.parent is not None
        job = by_id[turn.parent.span_id]
        assert job.name == "job hear_run"
        assert job.attributes is not None
        assert job.attributes["rehearing.evaluation.id"] == done["id"]
    turns = {one.attributes["rehearing.turn.id"] for one in told if one.attributes and one.name == "persona turn"}
    assert {"alone/patient-1", "alone/nurse-1", "alone/engineer-1"} <= turns
    logged = "".join(JsonFormatter().format(one) + PlainFormatter().format(one) for one in caplog.records)
    everything = logged + metrics + "".join(one.to_json() for one in told)
    for fragment in (words, "herons", "Forty patients", PERSONAS[0]["perspective"]):
        assert fragment not in everything


async def test_requests_are_counted_by_route_and_no_text_reaches_log_or_metrics(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="rehearing"):
        files = {"files": ("a.txt", f"As a nurse, I know {SECRET}.".encode(), "text/plain")}
        made = await service.client.post("/v1/documents", files=files)
        identity = made.json()["documents"][0]["id"]
        await service.client.get(f"/v1/documents/{identity}", params={"q": SECRET})
    text = (await service.client.get("/metrics")).text
    counted = 'rehearing_http_requests_total{method="GET",route="/v1/documents/{document_id}",status="200"} 1.0'
    assert counted in text
    assert "rehearing_runs_queued 0.0" in text
    assert identity not in text
    logged = "".join(JsonFormatter().format(one) for one in caplog.records if one.name.startswith("rehearing"))
    assert '"route": "/v1/documents/{document_id}"' in logged
    assert SECRET not in logged + text
