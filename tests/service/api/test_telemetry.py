"""Metrics, spans and logs tell figures, and never a word of a document."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm import Call, CallOutcome, MemoryLedger, Purpose
from service.telemetry import MeteredLedger, Metrics, request_id_context, span
from service.telemetry.logs import JsonFormatter
from tests.service.api.conftest import Service

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
